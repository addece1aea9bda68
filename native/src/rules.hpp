// The rules of weighing, each in a file of its own, and what they share.
#pragma once

#include <algorithm>

#include "sweep.hpp"
#include "weigh.hpp"

namespace regard {

extern const Weighing kSoftmaxRule, kSigmoidRule, kEntmaxRule, kTopKRule, kArgmaxRule, kGumbelRule, kGumbelHardRule;

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
