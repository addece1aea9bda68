// Passes over a row of floats.
#pragma once

#include "simd.hpp"

namespace regard {

// Calls body(offset, left) for whole vectors and then for the rest.
template <class Body>
inline void by_vector(int64_t count, const Body& body) {
    for (int64_t c = 0; c < count; c += kWidth) body(c, count - c);
}

// Several at a time, since a comparison takes longer than it holds up the next.
constexpr int kAtOnce = 4;

// The highest numbers of every kAtOnce * kWidth-th place; `most` is what they begin with.
inline void highest_by_place(const float* from, int64_t count, Floats (&most)[kAtOnce]) {
    int64_t c = 0;
    for (; c + kAtOnce * kWidth <= count; c += kAtOnce * kWidth)
        for (int i = 0; i < kAtOnce; ++i) most[i] = larger(most[i], load(from + c + i * kWidth));
    for (int i = 0; c < count; c += kWidth, ++i) most[i] = larger(most[i], load_some(from + c, count - c, kLowest));
}

inline float highest_of(const float* from, int64_t count) {
    Floats most[kAtOnce];
    for (Floats& each : most) each = all(kLowest);
    highest_by_place(from, count, most);
    for (int i = 1; i < kAtOnce; ++i) most[0] = larger(most[0], most[i]);
    float found = highest(most[0]);
    // Comparisons pass over NaN, but a row of nothing else is not one that sees nothing.
    for (int64_t c = 0; found == kLowest && c < count; ++c)
        if (from[c] != from[c]) found = from[c];
    return found;
}

inline float sum_of(const float* from, int64_t count) {
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) { total += load_some(from + c, left); });
    return sum(total);
}

}  // namespace regard
