// Vectors of floats or of doubles under the same names, for kernels that serve both.
#pragma once

#include <cmath>

#include "simd.hpp"

namespace regard {

typedef double Doubles __attribute__((vector_size(kBytes)));

template <class Real>
struct Lanes;

template <>
struct Lanes<float> {
    using Vector = Floats;
    static constexpr int width = kWidth;
};

template <>
struct Lanes<double> {
    using Vector = Doubles;
    static constexpr int width = kWidth / 2;
};

template <class Real>
using Vector = typename Lanes<Real>::Vector;

template <class Real>
Vector<Real> load_lanes(const Real* from) {
    Vector<Real> found;
    std::memcpy(&found, from, sizeof found);
    return found;
}

template <class Real>
void store_lanes(Real* to, Vector<Real> what) {
    std::memcpy(to, &what, sizeof what);
}

// The first `count` numbers; the others are `filler`.
template <class Real>
Vector<Real> load_lanes_some(const Real* from, int64_t count, Real filler) {
    constexpr int width = Lanes<Real>::width;
    if (count >= width) return load_lanes(from);
    Real held[width];
    for (int lane = 0; lane < width; ++lane) held[lane] = filler;
    if (count > 0) std::memcpy(held, from, sizeof(Real) * size_t(count));
    return load_lanes(held);
}

template <class Real>
void store_lanes_some(Real* to, Vector<Real> what, int64_t count) {
    constexpr int width = Lanes<Real>::width;
    if (count > 0) std::memcpy(to, &what, sizeof(Real) * size_t(count < width ? count : width));
}

inline Doubles larger(Doubles a, Doubles b) { return a > b ? a : b; }

inline Doubles exponential(Doubles x) {
    for (int lane = 0; lane < Lanes<double>::width; ++lane) x[lane] = std::exp(x[lane]);
    return x;
}

inline Doubles logarithm(Doubles x) {
    for (int lane = 0; lane < Lanes<double>::width; ++lane) x[lane] = std::log(x[lane]);
    return x;
}

inline double sum(Doubles value) {
    double found[Lanes<double>::width];
    store_lanes(found, value);
    for (int step = Lanes<double>::width / 2; step > 0; step /= 2)
        for (int i = 0; i < step; ++i) found[i] += found[i + step];
    return found[0];
}

inline double highest(Doubles value) {
    double found[Lanes<double>::width];
    store_lanes(found, value);
    for (int step = Lanes<double>::width / 2; step > 0; step /= 2)
        for (int i = 0; i < step; ++i) found[i] = found[i] > found[i + step] ? found[i] : found[i + step];
    return found[0];
}

// Whether a comparison holds in any lane.
template <class Mask>
bool any(Mask mask) {
    uint64_t words[sizeof(Mask) / 8], found = 0;
    std::memcpy(words, &mask, sizeof mask);
    for (uint64_t word : words) found |= word;
    return found != 0;
}

}  // namespace regard
