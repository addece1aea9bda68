// Passes over a row of floats.
#pragma once

#include "simd.hpp"

namespace regard {

// Calls body(offset, left) for whole vectors and then for the rest.
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

inline float sum_of(const float* from, int64_t count) {
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) { total += load_some(from + c, left); });
    return sum(total);
}

}  // namespace regard
