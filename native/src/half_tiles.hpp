// Products of packed bfloat16 by the matrix tiles of a chip with AMX.
#pragma once

#include <algorithm>

#include "halves.hpp"

namespace regard {

constexpr int64_t kTileBytes = 64;

// While it lives, the thread's tiles are set up for products of up to kTwoTiles rows: 0 to 3 are sums, 4 and 5 left
// rows, 6 and 7 the right side. They are given back then, as others in the process set up tiles of their own.
class Tiles {
public:
    explicit Tiles(int64_t rows) {
        struct alignas(64) {
            uint8_t palette = 1, start = 0, unused[14] = {};
            uint16_t row_bytes[16] = {};
            uint8_t rows[16] = {};
        } shape;
        uint8_t upper = uint8_t(std::min(rows, kTileRows)), lower = uint8_t(std::max<int64_t>(rows - kTileRows, 1));
        const uint8_t heights[8] = {upper, upper, lower, lower, upper, lower, kTileRows, kTileRows};
        std::copy(heights, heights + 8, shape.rows);
        std::fill(shape.row_bytes, shape.row_bytes + 8, uint16_t(kTileBytes));
        // What was written before is read by tiles, of which gcc does not know.
        __asm__ volatile("" ::: "memory");
        _tile_loadconfig(&shape);
    }
    ~Tiles() { _tile_release(); }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;
};

// out = or += left @ right, for R by C tiles and `steps` times kTileTerms terms.
template <int R, int C, Into into>
inline void multiply(const HalfRows& left, const Right& right, int64_t steps, float* out, int64_t stride) {
    const int64_t across = stride * 4, left_across = left.stride * 2;
    float *lower = out + kTileRows * stride, *beside = out + kTileColumns, *last = lower + kTileColumns;
    if constexpr (into == Into::kSum) {
        _tile_loadd(0, out, across);
        if constexpr (C > 1) _tile_loadd(1, beside, across);
        if constexpr (R > 1) _tile_loadd(2, lower, across);
        if constexpr (R > 1 && C > 1) _tile_loadd(3, last, across);
    } else {
        _tile_zero(0);
        if constexpr (C > 1) _tile_zero(1);
        if constexpr (R > 1) _tile_zero(2);
        if constexpr (R > 1 && C > 1) _tile_zero(3);
    }
    for (int64_t k = 0; k < steps; ++k) {
        const uint16_t* rows = left.data + k * kTileTerms;
        const uint16_t* tile = right.data + k * right.term_step;
        _tile_loadd(4, rows, left_across);
        _tile_loadd(6, tile, kTileBytes);
        _tile_dpbf16ps(0, 4, 6);
        if constexpr (C > 1) {
            _tile_loadd(7, tile + right.column_step, kTileBytes);
            _tile_dpbf16ps(1, 4, 7);
        }
        if constexpr (R > 1) {
            _tile_loadd(5, rows + kTileRows * left.stride, left_across);
            _tile_dpbf16ps(2, 5, 6);
            if constexpr (C > 1) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, out, across);
    if constexpr (C > 1) _tile_stored(1, beside, across);
    if constexpr (R > 1) _tile_stored(2, lower, across);
    if constexpr (R > 1 && C > 1) _tile_stored(3, last, across);
}

// The same for `rows` rows, in groups of R tiles, and `columns` columns, two tiles at a time.
template <int R, Into into>
inline void multiply_all(const HalfRows& left, int64_t rows, const Right& right, int64_t steps, int64_t columns,
                         float* out, int64_t stride) {
    for (int64_t c = 0; c < columns; c += 2 * kTileColumns) {
        Right part = {right.data + c / kTileColumns * right.column_step, right.term_step, right.column_step};
        for (int64_t r = 0; r < rows; r += R * kTileRows) {
            HalfRows some = {left.data + r * left.stride, left.stride};
            float* to = out + r * stride + c;
            if (columns - c > kTileColumns)
                multiply<R, 2, into>(some, part, steps, to, stride);
            else
                multiply<R, 1, into>(some, part, steps, to, stride);
        }
    }
}

// Calls visit<tiles of rows>(first, rows) with the rows that fill groups of two tiles and with what is left, while
// tiles are set up for them.
template <class Visit>
inline void by_groups(int64_t rows, const Visit& visit) {
    int64_t full = rows / kTwoTiles * kTwoTiles, left = rows - full;
    if (full > 0) {
        Tiles tiles(kTwoTiles);
        visit.template operator()<2>(0, full);
    }
    if (left == 0) return;
    Tiles tiles(left);
    if (left > kTileRows)
        visit.template operator()<2>(full, left);
    else
        visit.template operator()<1>(full, left);
}

}  // namespace regard
