#include "halves.hpp"

#if defined(__AVX512BF16__)

#include <algorithm>
#include <memory>

#if defined(__AMX_BF16__)
#include "half_tiles.hpp"
#else
#include "half_pairs.hpp"
#endif
#include "transpose.hpp"

namespace regard {

namespace {

// Terms whose left and right sides stay in the first cache while all pairs of tiles are multiplied.
constexpr int64_t kTermsAtOnce = 4 * kTileTerms;

// `most` rows where they lie, or where there are fewer, or they are not as wide as whole tiles, copied to `room` with
// zeros around them.
HalfRows whole(const HalfRows& rows, int64_t first, int64_t count, int64_t size, int64_t padded, int64_t most,
               uint16_t* room) {
    const uint16_t* from = rows.data + first * rows.stride;
    int64_t have = std::min(count - first, most);
    if (have == most && size == padded) return {from, rows.stride};
    std::fill(room, room + most * padded, uint16_t(0));
    for (int64_t r = 0; r < have; ++r) std::copy_n(from + r * rows.stride, size, room + r * padded);
    return {room, padded};
}

__m512bh narrow_both(Floats low, Floats high) { return _mm512_cvtne2ps_pbh((__m512)high, (__m512)low); }

// Each number of `low` with that of `high` beside it, rounded to bfloat16.
Floats in_pairs(Floats low, Floats high) {
    alignas(64) static constexpr uint16_t kPlaces[32] = {
        0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31,
    };
    __m512i both = (__m512i)narrow_both(low, high);
    return (Floats)_mm512_maskz_permutexvar_epi16(~__mmask32(0), _mm512_load_si512(kPlaces), both);
}

// The first `columns` columns of (rows, columns) weights as left rows, rounded to bfloat16: to (columns, terms),
// where the rows end in zeros. There is room for whole tiles in both.
void turn(const float* weights, int64_t stride, int64_t rows, int64_t columns, int64_t terms, float* to) {
    for (int64_t c = 0; c < columns; c += kTileRows)
        for (int64_t r = 0; r < terms; r += kTileTerms) {
            Square<float> square;
            for (int p = 0; p < kWidth; ++p) {
                const float* even = weights + (r + 2 * p) * stride + c;
                square.rows[p] = in_pairs(r + 2 * p < rows ? load(even) : Floats{},
                                          r + 2 * p + 1 < rows ? load(even + stride) : Floats{});
            }
            square.transpose();
            for (int i = 0; i < kWidth; ++i) store(to + ((c + i) * terms + r) / 2, square.rows[i]);
        }
}

}  // namespace

void pack_matched(const HalfRows& rows, int64_t count, int64_t size, float* tiles) {
    int64_t padded = round_up(size, kTileTerms);
    std::unique_ptr<uint16_t[]> room(new uint16_t[size_t(kTileColumns * padded)]);
    for (int64_t first = 0; first < count; first += kTileColumns) {
        HalfRows some = whole(rows, first, count, size, padded, kTileColumns, room.get());
        // Two numbers of bfloat16 are moved as if they were one float.
        const float* from[kTileColumns];
        for (int64_t c = 0; c < kTileColumns; ++c)
            from[c] = reinterpret_cast<const float*>(some.data + c * some.stride);
        for (int64_t d = 0; d < padded / 2; d += kWidth, tiles += kTileNumbers / 2) {
            Square<float> square;
            square.load(from, d, kWidth);
            for (int p = 0; p < kWidth; ++p) store(tiles + p * kWidth, square.rows[p]);
        }
    }
}

void pack_read(const HalfRows& rows, int64_t count, int64_t size, float* tiles) {
    int64_t padded = round_up(size, kTileColumns);
    std::unique_ptr<uint16_t[]> room(new uint16_t[size_t(kTileTerms * padded)]);
    for (int64_t first = 0; first < count; first += kTileTerms) {
        HalfRows some = whole(rows, first, count, size, padded, kTileTerms, room.get());
        for (int64_t c = 0; c < padded; c += kTileColumns)
            for (int64_t p = 0; p < kTileTerms; p += 2, tiles += kWidth) {
                Ints even = as_bits(from_bfloat16(some.data + p * some.stride + c));
                Ints odd = as_bits(from_bfloat16(some.data + (p + 1) * some.stride + c));
                store(tiles, as_floats((Ints)((Words)even >> 16) | odd));
            }
    }
}

void match_tiles(const HalfRows& left, int64_t rows, const float* tiles, int64_t size, int64_t first, int64_t columns,
                 float* out, int64_t stride) {
    int64_t steps = (size + kTileTerms - 1) / kTileTerms, column_step = steps * kTileNumbers;
    const uint16_t* data = reinterpret_cast<const uint16_t*>(tiles) + first / kTileColumns * column_step;
    by_groups(rows, [&]<int R>(int64_t r, int64_t count) {
        multiply_all<R, Into::kNothing>({left.data + r * left.stride, left.stride}, count,
                                        {data, kTileNumbers, column_step}, steps, columns, out + r * stride, stride);
    });
}

void read_tiles(const HalfRows& left, int64_t rows, const float* tiles, int64_t first, int64_t terms, int64_t width,
                float* out, int64_t stride) {
    int64_t term_step = (width + kTileColumns - 1) / kTileColumns * kTileNumbers;
    const uint16_t* data = reinterpret_cast<const uint16_t*>(tiles) + first / kTileTerms * term_step;
    by_groups(rows, [&]<int R>(int64_t r, int64_t count) {
        for (int64_t j = 0; j < terms; j += kTermsAtOnce) {
            int64_t steps = (std::min(kTermsAtOnce, terms - j) + kTileTerms - 1) / kTileTerms;
            multiply_all<R, Into::kSum>({left.data + r * left.stride + j, left.stride}, count,
                                        {data + j / kTileTerms * term_step, term_step, kTileNumbers}, steps, width,
                                        out + r * stride, stride);
        }
    });
}

void give_tiles(const float* weights, int64_t stride, int64_t rows, const Rows& from, int64_t keys, int64_t width,
                float* out, int64_t out_stride) {
    int64_t terms = round_up(rows, kTileTerms);
    float* room = Scratch::allocate(Scratch::room(kTwoTiles * terms / 2) + tile_floats(rows, width));
    float* right = room + Scratch::room(kTwoTiles * terms / 2);
    pack_read(Narrowed(from, rows, width).rows(), rows, width, right);
    HalfRows left = {reinterpret_cast<const uint16_t*>(room), terms};
    by_groups(keys, [&]<int R>(int64_t j, int64_t count) {
        for (int64_t end = j + count; j < end; j += kTwoTiles) {
            int64_t some = std::min(end - j, kTwoTiles);
            turn(weights + j, stride, rows, some, terms, room);
            __asm__ volatile("" ::: "memory");  // see half_tiles.hpp
            multiply_all<R, Into::kSum>(left, some,
                                        {reinterpret_cast<const uint16_t*>(right),
                                         (width + kTileColumns - 1) / kTileColumns * kTileNumbers, kTileNumbers},
                                        terms / kTileTerms, width, out + j * out_stride, out_stride);
        }
    });
    std::free(room);
}

void narrow(const float* from, int64_t count, uint16_t* to) {
    for (int64_t c = 0; c < count; c += kTileTerms) {
        Floats low = load_lanes_some(from + c, count - c, 0.0f);
        Floats high = load_lanes_some(from + c + kWidth, std::max<int64_t>(count - c - kWidth, 0), 0.0f);
        __m512bh both = narrow_both(low, high);
        std::memcpy(to + c, &both, sizeof both);
    }
}

}  // namespace regard

#else

#include <cstdlib>

// Never called, see `tiled`; they are there for builds that keep calls which cannot be reached.
namespace regard {

void pack_matched(const HalfRows&, int64_t, int64_t, float*) { std::abort(); }
void pack_read(const HalfRows&, int64_t, int64_t, float*) { std::abort(); }
void match_tiles(const HalfRows&, int64_t, const float*, int64_t, int64_t, int64_t, float*, int64_t) { std::abort(); }
void read_tiles(const HalfRows&, int64_t, const float*, int64_t, int64_t, int64_t, float*, int64_t) { std::abort(); }
void give_tiles(const float*, int64_t, int64_t, const Rows&, int64_t, int64_t, float*, int64_t) { std::abort(); }
void narrow(const float*, int64_t, uint16_t*) { std::abort(); }

}  // namespace regard

#endif
