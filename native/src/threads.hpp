// Work in PyTorch's own pool of threads, and scratch memory that a thread keeps between calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <span>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

// PyTorch brings its OpenMP with it, and its symbols are global. Calling that one directly needs no second pool, no
// OpenMP of the compiler's, and works the same with gcc, clang and zig.
extern "C" {
__attribute__((weak)) void GOMP_parallel(void (*work)(void*), void* data, unsigned threads, unsigned flags);
__attribute__((weak)) int omp_get_thread_num();
}

namespace regard {

// While it lives, numbers too small to be normal are 0 in this thread. Weights of keys that are far away are such numbers
// by the thousand, each of which may cost a hundred times what another costs.
class Flushed {
public:
#if defined(__SSE__)
    Flushed() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~Flushed() { _mm_setcsr(before_); }

private:
    unsigned before_;
#elif defined(__aarch64__)
    Flushed() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" : : "r"(before_ | (uint64_t(1) << 24)));
    }
    ~Flushed() { asm volatile("msr fpcr, %0" : : "r"(before_)); }

private:
    uint64_t before_;
#endif
};

// Memory of one thread, 64 bytes aligned, handed out from the start again by every `Scratch`. Much of it is kept from one
// item to the next, as new memory costs more than what is done with it, and little from one call to the next.
class Scratch {
public:
    explicit Scratch(int64_t floats) {
        if (floats > kept_size()) {
            std::free(kept());
            kept() = allocate(floats);
            kept_size() = floats;
        }
        next_ = kept();
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    // `count` floats, whose room was asked for with `room(count)`.
    float* take(int64_t count) {
        float* found = next_;
        next_ += room(count);
        return found;
    }
    static int64_t room(int64_t count) { return (count + 15) / 16 * 16; }
    // The room of several, to be taken one by one.
    static int64_t rooms(std::span<const int64_t> counts) {
        int64_t total = 0;
        for (int64_t count : counts) total += room(count);
        return total;
    }
    // Between calls: give back what is more than a little.
    static void trim() {
        if (kept_size() <= kMostKept) return;
        std::free(kept());
        kept() = nullptr;
        kept_size() = 0;
    }
    static float* allocate(int64_t floats) {
        void* found = std::aligned_alloc(64, size_t(room(floats)) * 4);
        if (found == nullptr) std::abort();
        return static_cast<float*>(found);
    }

private:
    static constexpr int64_t kMostKept = 1 << 22;
    static float*& kept() {
        thread_local struct Holder {
            float* memory = nullptr;
            ~Holder() { std::free(memory); }
        } holder;
        return holder.memory;
    }
    static int64_t& kept_size() {
        thread_local int64_t size = 0;
        return size;
    }
    float* next_;
};

// Calls body(item, thread) for every item below `items`; an item is taken by whichever thread is free, so what an
// item writes must be its own.
template <class Body>
void in_parallel(int threads, int64_t items, const Body& body) {
    if (threads > items) threads = int(items);
    if (threads <= 1 || GOMP_parallel == nullptr) {
        [[maybe_unused]] Flushed flushed;
        for (int64_t item = 0; item < items; ++item) body(item, 0);
        Scratch::trim();
        return;
    }
    struct Shared {
        const Body& body;
        int64_t items;
        std::atomic<int64_t> next;
    } shared{body, items, {0}};
    auto work = [](void* data) {
        Shared& shared = *static_cast<Shared*>(data);
        int thread = omp_get_thread_num();
        [[maybe_unused]] Flushed flushed;
        for (int64_t item = shared.next++; item < shared.items; item = shared.next++) shared.body(item, thread);
        Scratch::trim();
    };
    GOMP_parallel(work, &shared, unsigned(threads), 0);
}

}  // namespace regard
