// Gradients that the queries of several parts share.
#pragma once

#include <cstdlib>
#include <cstring>

#include "attend.hpp"
#include "pages.hpp"

namespace regard {

// Gradients of the keys or values of all key heads: in the result itself, in a room of the thread that alone fills those of
// a head, or in a set for each part of a head.
class Shared {
public:
    Shared(const Strided& result, const Problem& problem, const Split& split, int64_t size)
        : result_(result), problem_(problem), split_(split), size_(size), padded_(round_up(size, kWidth)) {
        int64_t rows = split.groups * problem.keys;
        bool packed = result.row == size && result.head == problem.keys * size &&
                      result.batch == problem.key_heads * problem.keys * size;
        if (split.parts == 1 && packed && in_place(problem.dtype, size)) {
            data_ = static_cast<float*>(result.data);
        } else if (split.parts > 1) {
            size_t floats = size_t(split.parts * rows * padded_);
            own_ = static_cast<float*>(std::calloc(floats, sizeof(float)));
            if (own_ == nullptr) std::abort();
            in_large_pages(own_, int64_t(floats * sizeof(float)));
        }
    }
    ~Shared() { std::free(own_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    // What a thread has room for while it fills a part.
    int64_t floats() const { return alone() ? count() : 0; }

    // The gradients of a part, all 0: called once by whoever fills it. `room` is that of `floats`.
    float* begin(const Part& part, float* room) const {
        if (own_ != nullptr) return own_ + (part.place * split_.groups + group(part)) * count();
        float* found = alone() ? room : data_ + group(part) * count();
        std::memset(found, 0, sizeof(float) * size_t(count()));
        return found;
    }

    // The part is filled.
    void end(const Part& part, const float* found) const {
        if (alone()) write(group(part), found);
    }

    // Add up the parts of a key head, in their order, and write them to the result.
    void finish(int64_t group) const {
        if (own_ == nullptr) return;
        float* first = own_ + group * count();
        for (int64_t part = 1; part < split_.parts; ++part) {
            const float* other = own_ + (part * split_.groups + group) * count();
            for (int64_t c = 0; c < count(); c += kWidth) store(first + c, load(first + c) + load(other + c));
        }
        write(group, first);
    }

private:
    bool alone() const { return data_ == nullptr && own_ == nullptr; }
    int64_t count() const { return problem_.keys * padded_; }
    int64_t group(const Part& part) const { return part.batch * problem_.key_heads + part.key_head; }
    void write(int64_t group, const float* found) const {
        write_rows(result_, problem_.dtype, group / problem_.key_heads, group % problem_.key_heads, 0, problem_.keys,
                   size_, found, padded_);
    }

    const Strided& result_;
    const Problem& problem_;
    const Split& split_;
    int64_t size_, padded_;
    float *data_ = nullptr, *own_ = nullptr;
};

}  // namespace regard
