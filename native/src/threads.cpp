// For the tests: whether PyTorch's threads really work for us.
#include "threads.hpp"

#include <chrono>

#include "api.hpp"

// How many of up to 64 threads take an item each, if every item waits up to `milliseconds` for the others to be taken.
REGARD_API int regard_threads_at_work(int threads, int milliseconds) {
    std::atomic<uint64_t> seen{0};
    auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    regard::in_parallel(threads, threads, [&](int64_t, int thread) {
        seen |= uint64_t(1) << thread;
        while (__builtin_popcountll(seen) < threads && std::chrono::steady_clock::now() < deadline) {
        }
    });
    return __builtin_popcountll(seen);
}
