// The rules of weighing, each in a file of its own, and what they share.
#pragma once

#include <algorithm>

#include "sweep.hpp"
#include "weigh.hpp"

namespace regard {

extern const Weighing kSoftmaxRule, kSigmoidRule, kEntmaxRule, kTopKRule, kArgmaxRule, kGumbelRule, kGumbelHardRule;

// sum_j w_j (dw_j - mean): what rounding has left between `mean`, which was found another way, and the mean of just
// these numbers. Where one weight is almost all, its gradient is a difference that must be taken with this one.
inline float amiss(const float* weights, const float* grad, int64_t count, float mean) {
    Floats found = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        found += load_some(weights + c, left) * (load_some(grad + c, left) - mean);
    });
    return sum(found);
}

inline void fill(float* to, int64_t count, float value) { std::fill(to, to + count, value); }

// A whole number kept among the saved ones, to the bit.
inline float kept_whole(int32_t number) {
    float found;
    std::memcpy(&found, &number, sizeof found);
    return found;
}

inline int32_t whole_kept(float number) {
    int32_t found;
    std::memcpy(&found, &number, sizeof found);
    return found;
}

}  // namespace regard
