// Products of bfloat16 by a chip that multiplies it: by matrix tiles (AMX), or by pairs in vectors (AVX-512 BF16). Sums
// are float32, as everywhere.
//
// A tile has kTileRows rows of 64 bytes. The left rows of a product are read where they lie. The right side is packed
// into tiles: row p of a tile holds, for each of its kTileColumns columns, the terms 2 p and 2 p + 1 of the sum
// beside each other. Numbers too small to be normal count as 0.
#pragma once

#include "problem.hpp"
#include "products.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace regard {

#if defined(__AVX512BF16__)
constexpr bool kTiles = true;
#else
constexpr bool kTiles = false;
#endif
constexpr int64_t kTileRows = 16, kTileColumns = 16, kTileTerms = 32;
constexpr int64_t kTileNumbers = kTileColumns * kTileTerms;
// Rows that are multiplied at once, two tiles.
constexpr int64_t kTwoTiles = 2 * kTileRows;

// Whether products of a dtype go by tiles. Where not, none of the functions below may be called.
inline bool tiled(int64_t dtype) { return kTiles && dtype == kBfloat16; }
inline bool tiled(const Problem& problem) { return tiled(problem.dtype); }

// Rows of bfloat16 where they lie; `stride` in numbers.
struct HalfRows {
    const uint16_t* data;
    int64_t stride;
};

inline HalfRows half_rows(const Strided& tensor, int64_t batch, int64_t head) {
    return {static_cast<const uint16_t*>(tensor.data) + offset(tensor, batch, head, 0), tensor.row};
}

// Packed tiles: how many numbers lie between those of neighbouring terms, and of neighbouring columns.
struct Right {
    const uint16_t* data;
    int64_t term_step, column_step;
};

enum class Into { kNothing, kSum };

// Room for the tiles of `terms` by `columns`, in floats.
inline int64_t tile_floats(int64_t terms, int64_t columns) {
    return round_up(terms, kTileTerms) * round_up(columns, kTileColumns) / 2;
}

// Tiles of (count, size) rows, to be matched: every row becomes a column.
void pack_matched(const HalfRows& rows, int64_t count, int64_t size, float* tiles);

// Tiles of (count, size) rows, to be read: every row becomes a term.
void pack_read(const HalfRows& rows, int64_t count, int64_t size, float* tiles);

// out (rows, columns) = left (rows, size) @ matched^T. The left rows end in zeros, up to whole tiles; the columns are
// those from `first` on, a multiple of kTileColumns, and are rounded up to whole tiles.
void match_tiles(const HalfRows& left, int64_t rows, const float* tiles, int64_t size, int64_t first, int64_t columns,
                 float* out, int64_t stride);

// out (rows, width) += left (rows, terms) @ read. The terms are those from `first` on, a multiple of kTileTerms; the
// left rows end in zeros, up to whole tiles, and so does the width.
void read_tiles(const HalfRows& left, int64_t rows, const float* tiles, int64_t first, int64_t terms, int64_t width,
                float* out, int64_t stride);

// out (keys, width) += weights (rows, keys)^T @ from (rows, width); width is a multiple of kTileColumns.
void give_tiles(const float* weights, int64_t stride, int64_t rows, const Rows& from, int64_t keys, int64_t width,
                float* out, int64_t out_stride);

// A row of floats rounded to bfloat16, with zeros up to whole tiles; `to` may be where the row begins.
void narrow(const float* from, int64_t count, uint16_t* to);

inline void narrow_in_place(float* row, int64_t count) { narrow(row, count, reinterpret_cast<uint16_t*>(row)); }

// Rows that were narrowed in place.
inline HalfRows narrowed(const float* rows, int64_t stride) {
    return {reinterpret_cast<const uint16_t*>(rows), 2 * stride};
}

// Rows of floats rounded to bfloat16, as left rows of a product.
class Narrowed {
public:
    Narrowed(const Rows& from, int64_t count, int64_t size)
        : stride_(round_up(size, kTileTerms)), data_(Scratch::allocate(count * stride_ / 2)) {
        for (int64_t r = 0; r < count; ++r) narrow(from.data + r * from.stride, size, data() + r * stride_);
    }
    ~Narrowed() { std::free(data_); }
    Narrowed(const Narrowed&) = delete;
    Narrowed& operator=(const Narrowed&) = delete;

    HalfRows rows() const { return {data(), stride_}; }

private:
    uint16_t* data() const { return reinterpret_cast<uint16_t*>(data_); }

    int64_t stride_;
    float* data_;
};

}  // namespace regard
