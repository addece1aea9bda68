// The rules of weighing, each in a file of its own, and what they share.
#pragma once

#include <algorithm>

#include "sweep.hpp"
#include "weigh.hpp"

namespace regard {

extern const Weighing kSoftmaxRule, kSigmoidRule, kEntmaxRule, kTopKRule, kArgmaxRule, kGumbelRule, kGumbelHardRule;

inline void fill(float* to, int64_t count, float value) { std::fill(to, to + count, value); }

}  // namespace regard
