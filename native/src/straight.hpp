// Products of a few queries with keys as they lie: rows are read once and nothing is packed.
#pragma once

#include <algorithm>
#include <utility>

#include "simd.hpp"

namespace regard {

// Queries and keys of one step: as many sums as registers hold.
#if defined(__AVX512F__)
constexpr int kTogether = 4;
#else
constexpr int kTogether = 2;
#endif
constexpr int kAbreast = 4;

// Each lane the sum of two lanes of one vector, the even lanes of `a` and the odd ones of `b`.
template <size_t... I>
inline Floats paired(Floats a, Floats b, std::index_sequence<I...>) {
    constexpr int half = kWidth / 2;
    Floats low = __builtin_shufflevector(a, b, (I % 2 * kWidth + I / 2)...);
    Floats high = __builtin_shufflevector(a, b, (I % 2 * kWidth + half + I / 2)...);
    return low + high;
}

// Lane j is the sum of the lanes of vector j. The vectors are overwritten.
inline Floats sums(Floats* vectors) {
    for (int count = kWidth / 2; count > 0; count /= 2)
        for (int i = 0; i < count; ++i)
            vectors[i] = paired(vectors[i], vectors[i + count], std::make_index_sequence<kWidth>());
    return vectors[0];
}

// out[r][j] = queries[r] . keys[j] for R queries; size is a multiple of kWidth, and `out` has room for whole vectors.
template <int R, class Number>
inline void straight(const float* queries, int64_t query_stride, const Number* keys, int64_t key_stride, int64_t count,
                     int64_t size, float* out, int64_t stride) {
    for (int64_t first = 0; first < count; first += kWidth) {
        Floats total[R][kWidth];
        for (int j = 0; j < kWidth; j += kAbreast) {
            // What a vector has too many repeats the last key.
            const Number* from[kAbreast];
            for (int k = 0; k < kAbreast; ++k) from[k] = keys + std::min(first + j + k, count - 1) * key_stride;
            Floats part[R][kAbreast] = {};
            for (int64_t d = 0; d < size; d += kWidth) {
                Floats key[kAbreast];
                for (int k = 0; k < kAbreast; ++k) key[k] = load(from[k] + d);
                for (int r = 0; r < R; ++r) {
                    Floats query = load(queries + r * query_stride + d);
                    for (int k = 0; k < kAbreast; ++k) part[r][k] += query * key[k];
                }
            }
            for (int r = 0; r < R; ++r)
                for (int k = 0; k < kAbreast; ++k) total[r][j + k] = part[r][k];
        }
        for (int r = 0; r < R; ++r) store(out + r * stride + first, sums(total[r]));
    }
}

// The same for any number of queries.
template <class Number>
inline void match_rows(const float* queries, int64_t query_stride, int64_t rows, const Number* keys,
                       int64_t key_stride, int64_t count, int64_t size, float* out, int64_t stride) {
    int64_t r = 0;
    for (; r + kTogether <= rows; r += kTogether)
        straight<kTogether>(queries + r * query_stride, query_stride, keys, key_stride, count, size, out + r * stride,
                            stride);
    for (; r < rows; ++r)
        straight<1>(queries + r * query_stride, query_stride, keys, key_stride, count, size, out + r * stride, stride);
}

}  // namespace regard
