// Products of packed bfloat16 by vectors of a chip with AVX-512 BF16: each lane takes two terms of its sum at once.
#pragma once

#include <cstring>

#include "halves.hpp"
#include "products.hpp"

namespace regard {

// Rows and tiles of columns whose sums stay in registers: as many as hide how long a product takes.
constexpr int kPairRows = 4, kPairTiles = 4;

inline __m512bh two_terms(const uint16_t* from) {
    int32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

// out = or += left @ right, for R rows by C tiles of columns and `steps` times kTileTerms terms.
template <int R, int C, Into into>
inline void multiply(const HalfRows& left, const Right& right, int64_t steps, float* out, int64_t stride) {
    __m512 total[R][C] = {};
    if constexpr (into == Into::kSum)
        for (int r = 0; r < R; ++r)
            for (int c = 0; c < C; ++c) total[r][c] = _mm512_loadu_ps(out + r * stride + c * kTileColumns);
    for (int64_t k = 0; k < steps; ++k) {
        const uint16_t* rows = left.data + k * kTileTerms;
        const uint16_t* tile = right.data + k * right.term_step;
        for (int64_t p = 0; p < kTileTerms; p += 2, tile += 2 * kTileColumns) {
            __m512bh columns[C];
            for (int c = 0; c < C; ++c) columns[c] = (__m512bh)_mm512_loadu_si512(tile + c * right.column_step);
            for (int r = 0; r < R; ++r) {
                __m512bh terms = two_terms(rows + r * left.stride + p);
                for (int c = 0; c < C; ++c) total[r][c] = _mm512_dpbf16_ps(total[r][c], terms, columns[c]);
            }
        }
    }
    for (int r = 0; r < R; ++r)
        for (int c = 0; c < C; ++c) _mm512_storeu_ps(out + r * stride + c * kTileColumns, total[r][c]);
}

template <int C, Into into>
inline void multiply_rows(const HalfRows& left, int64_t rows, const Right& right, int64_t steps, float* out,
                          int64_t stride) {
    by_rows<kPairRows>(rows, [&]<int R>(int64_t r) {
        multiply<R, C, into>({left.data + r * left.stride, left.stride}, right, steps, out + r * stride, stride);
    });
}

// The same for at most C tiles of columns.
template <int C, Into into>
inline void multiply_some(const HalfRows& left, int64_t rows, const Right& right, int64_t steps, int64_t tiles,
                          float* out, int64_t stride) {
    if constexpr (C > 0) {
        if (tiles >= C) return multiply_rows<C, into>(left, rows, right, steps, out, stride);
        multiply_some<C - 1, into>(left, rows, right, steps, tiles, out, stride);
    }
}

// The same for all columns, a few tiles at a time. Groups of rows are for those who have matrix tiles.
template <int, Into into>
inline void multiply_all(const HalfRows& left, int64_t rows, const Right& right, int64_t steps, int64_t columns,
                         float* out, int64_t stride) {
    for (int64_t c = 0; c < columns; c += kPairTiles * kTileColumns) {
        Right part = {right.data + c / kTileColumns * right.column_step, right.term_step, right.column_step};
        int64_t tiles = (columns - c + kTileColumns - 1) / kTileColumns;
        multiply_some<kPairTiles, into>(left, rows, part, steps, tiles, out + c, stride);
    }
}

template <class Visit>
inline void by_groups(int64_t rows, const Visit& visit) {
    visit.template operator()<1>(0, rows);
}

}  // namespace regard
