// Gradients that the queries of several parts share.
#pragma once

#include <cstdlib>
#include <cstring>

#include "attend.hpp"

namespace regard {

// Gradients of the keys or values of all key heads, one set for each part: in the result itself where its rows are as
// wide as whole vectors, or in memory of their own.
class Shared {
public:
    Shared(const Strided& result, const Problem& problem, const Split& split, int64_t size)
        : result_(result), problem_(problem), split_(split), size_(size), padded_(round_up(size, kWidth)) {
        int64_t rows = split.groups * problem.keys;
        bool packed = result.row == size && result.head == problem.keys * size &&
                      result.batch == problem.key_heads * problem.keys * size;
        if (split.parts == 1 && packed && in_place(problem.dtype, size)) {
            data_ = static_cast<float*>(result.data);
        } else {
            own_ = data_ = static_cast<float*>(std::calloc(size_t(split.parts * rows * padded_), sizeof(float)));
            if (own_ == nullptr) std::abort();
        }
    }
    ~Shared() { std::free(own_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    // The set of a part, all 0: called once by whoever fills it.
    float* begin(const Part& part) const {
        int64_t group = part.batch * problem_.key_heads + part.key_head, count = problem_.keys * padded_;
        float* found = data_ + (part.place * split_.groups + group) * count;
        if (own_ == nullptr) std::memset(found, 0, sizeof(float) * size_t(count));
        return found;
    }

    // Add up the parts of a key head, in their order, and write them to the result.
    void finish(int64_t group) const {
        if (own_ == nullptr) return;
        int64_t count = problem_.keys * padded_;
        float* first = own_ + group * count;
        for (int64_t part = 1; part < split_.parts; ++part) {
            const float* other = own_ + (part * split_.groups + group) * count;
            for (int64_t c = 0; c < count; c += kWidth) store(first + c, load(first + c) + load(other + c));
        }
        write_rows(result_, problem_.dtype, group / problem_.key_heads, group % problem_.key_heads, 0, problem_.keys,
                   size_, first, padded_);
    }

private:
    const Strided& result_;
    const Problem& problem_;
    const Split& split_;
    int64_t size_, padded_;
    float *data_ = nullptr, *own_ = nullptr;
};

}  // namespace regard
