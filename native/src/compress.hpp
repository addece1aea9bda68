// Which lanes of a vector satisfy a condition, and bringing just those together.
#pragma once

#include <bit>

#include "simd.hpp"

namespace regard {

constexpr uint32_t kAllLanes = (1u << kWidth) - 1;

// A bit for every lane in which a comparison holds.
inline uint32_t lanes(Ints truth) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)truth, (__m512i)truth);
#elif defined(__AVX2__)
    return uint32_t(_mm256_movemask_ps((__m256)truth));
#else
    uint32_t found = 0;
    for (int i = 0; i < kWidth; ++i) found |= uint32_t(truth[i] & 1) << i;
    return found;
#endif
}

inline int64_t how_many(uint32_t chosen) { return std::popcount(chosen); }

// Write the chosen lanes one after the other and say how many they are. Up to a whole vector is written.
inline int64_t append(float* to, Floats what, uint32_t chosen) {
#if defined(__AVX512F__)
    store(to, (Floats)_mm512_maskz_compress_ps(__mmask16(chosen), (__m512)what));
#else
    float held[kWidth];
    store(held, what);
    if (chosen == kAllLanes) {
        store(to, what);
    } else {
        for (uint32_t left = chosen; left != 0; left &= left - 1) *to++ = held[std::countr_zero(left)];
    }
#endif
    return how_many(chosen);
}

// The same for the places first, first + 1, ... of the lanes.
inline int64_t append_places(int32_t* to, int64_t first, uint32_t chosen) {
#if defined(__AVX512F__)
    Ints places = counting() + int32_t(first);
    Ints found = (Ints)_mm512_maskz_compress_epi32(__mmask16(chosen), (__m512i)places);
    std::memcpy(to, &found, sizeof found);
#else
    for (uint32_t left = chosen; left != 0; left &= left - 1) *to++ = int32_t(first) + std::countr_zero(left);
#endif
    return how_many(chosen);
}

}  // namespace regard
