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

inline Doubles load(const double* from) {
    Doubles found;
    std::memcpy(&found, from, sizeof found);
    return found;
}

inline void store(double* to, Doubles what) { std::memcpy(to, &what, sizeof what); }

// The first `count` numbers; the others are `filler`. What lies behind them is not touched.
template <class Real>
Vector<Real> load_lanes_some(const Real* from, int64_t count, Real filler) {
    constexpr int width = Lanes<Real>::width;
    if (count >= width) return load(from);
#if defined(__AVX512F__)
    const unsigned mask = count > 0 ? (1u << count) - 1 : 0;
    if constexpr (sizeof(Real) == 4)
        return (Floats)_mm512_mask_loadu_ps(_mm512_set1_ps(float(filler)), __mmask16(mask), from);
    else
        return (Doubles)_mm512_mask_loadu_pd(_mm512_set1_pd(double(filler)), __mmask8(mask), from);
#else
    Real held[width];
    for (int lane = 0; lane < width; ++lane) held[lane] = lane < count ? from[lane] : filler;
    return load(held);
#endif
}

template <class Real>
void store_lanes_some(Real* to, Vector<Real> what, int64_t count) {
    constexpr int width = Lanes<Real>::width;
    if (count >= width) return store(to, what);
#if defined(__AVX512F__)
    const unsigned mask = count > 0 ? (1u << count) - 1 : 0;
    if constexpr (sizeof(Real) == 4)
        _mm512_mask_storeu_ps(to, __mmask16(mask), (__m512)what);
    else
        _mm512_mask_storeu_pd(to, __mmask8(mask), (__m512d)what);
#else
    for (int lane = 0; lane < count; ++lane) to[lane] = what[lane];
#endif
}

inline Doubles larger(Doubles a, Doubles b) { return a > b ? a : b; }

template <class Real, int step, class Join>
Vector<Real> folded(Vector<Real> value, Join join) {
    if constexpr (step == 0)
        return value;
    else
        return folded<Real, step / 2>(
            join(value, rotated<step>(value, std::make_integer_sequence<int, Lanes<Real>::width>{})), join);
}

// In a fixed order, so that the same numbers always have the same sum.
template <class Real>
Real sum_of(Vector<Real> value) {
    return folded<Real, Lanes<Real>::width / 2>(value, [](auto a, auto b) { return a + b; })[0];
}

template <class Real>
Real highest_of(Vector<Real> value) {
    return folded<Real, Lanes<Real>::width / 2>(value, [](auto a, auto b) { return larger(a, b); })[0];
}

inline Doubles exponential(Doubles x) {
    for (int lane = 0; lane < Lanes<double>::width; ++lane) x[lane] = std::exp(x[lane]);
    return x;
}

inline Doubles logarithm(Doubles x) {
    for (int lane = 0; lane < Lanes<double>::width; ++lane) x[lane] = std::log(x[lane]);
    return x;
}

// Whether a comparison holds in any lane.
template <class Mask>
bool any(Mask mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
    uint64_t words[sizeof(Mask) / 8], found = 0;
    std::memcpy(words, &mask, sizeof mask);
    for (uint64_t word : words) found |= word;
    return found != 0;
#endif
}

}  // namespace regard
