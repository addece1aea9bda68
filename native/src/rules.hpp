// The rules of weighing, each in a file of its own, and what they share.
#pragma once

#include <algorithm>

#include "simd.hpp"
#include "weigh.hpp"

namespace regard {

extern const Weighing kSoftmaxRule, kSigmoidRule, kEntmaxRule, kTopKRule, kArgmaxRule, kGumbelRule, kGumbelHardRule;

// Calls body(offset, left) for every vector of a row; the last may hold fewer than kWidth numbers.
template <class Body>
inline void by_vector(int64_t count, const Body& body) {
    for (int64_t c = 0; c < count; c += kWidth) body(c, count - c);
}

inline float highest_of(const float* from, int64_t count) {
    Floats most = all(kLowest);
    int64_t c = 0;
    for (; c + kWidth <= count; c += kWidth) most = larger(most, load(from + c));
    if (c < count) most = larger(most, load_some(from + c, count - c, kLowest));
    return highest(most);
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
