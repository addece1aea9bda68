// Small matrix products in registers: kRows rows by kVectors vectors at a time.
//
// A "panel" is the transposed keys of kPanel neighbours, [size][kPanel]; the packed keys of a head are its panels.
#pragma once

#include <cstring>

#include "simd.hpp"

namespace regard {

#if defined(__AVX512F__)
constexpr int kRows = 6, kVectors = 4;
#elif defined(__AVX2__)
constexpr int kRows = 6, kVectors = 2;
#else
constexpr int kRows = 4, kVectors = 2;
#endif
constexpr int64_t kPanel = kVectors * kWidth;
// Keys whose values stay in the first cache while all rows of a block read them.
constexpr int64_t kChunk = 64;

inline int64_t round_up(int64_t number, int64_t to) { return (number + to - 1) / to * to; }

// out[r][c] = sum_d rows[r][d] * panel[d][c], c over the first V vectors
template <int R, int V>
inline void dots(const float* rows, int64_t row_stride, const float* panel, int64_t size, float* out, int64_t stride) {
    Floats total[R][V] = {};
    for (int64_t d = 0; d < size; ++d) {
        Floats right[V];
        for (int v = 0; v < V; ++v) right[v] = load(panel + d * kPanel + v * kWidth);
        for (int r = 0; r < R; ++r) {
            Floats left = all(rows[r * row_stride + d]);
            for (int v = 0; v < V; ++v) total[r][v] += left * right[v];
        }
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) store(out + r * stride + v * kWidth, total[r][v]);
}

// out[r][c] += sum_j left[r * left_row + j * left_column] * right[j][c], c over V vectors
template <int R, int V, class Number>
inline void gather(const float* left, int64_t left_row, int64_t left_column, const Number* right, int64_t right_stride,
                   int64_t count, float* out, int64_t stride) {
    Floats total[R][V];
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) total[r][v] = load(out + r * stride + v * kWidth);
    for (int64_t j = 0; j < count; ++j) {
        Floats values[V];
        for (int v = 0; v < V; ++v) values[v] = load(right + j * right_stride + v * kWidth);
        for (int r = 0; r < R; ++r) {
            Floats weight = all(left[r * left_row + j * left_column]);
            for (int v = 0; v < V; ++v) total[r][v] += weight * values[v];
        }
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) store(out + r * stride + v * kWidth, total[r][v]);
}

// The same for what is left of the last panel's columns, in as few vectors as hold it: a vector at a time would read
// `left` again for each.
template <int R, int V = kVectors - 1, class Number>
inline void gather_some(const float* left, int64_t left_row, int64_t left_column, const Number* right,
                        int64_t right_stride, int64_t count, int64_t vectors, float* out, int64_t stride) {
    if constexpr (V > 0) {
        if (vectors == V) return gather<R, V>(left, left_row, left_column, right, right_stride, count, out, stride);
        gather_some<R, V - 1>(left, left_row, left_column, right, right_stride, count, vectors, out, stride);
    }
}

template <int R, class Number>
inline void gather_columns(const float* left, int64_t left_row, int64_t left_column, const Number* right,
                           int64_t right_stride, int64_t count, int64_t width, float* out, int64_t stride) {
    int64_t c = 0;
    for (; c + kPanel <= width; c += kPanel)
        gather<R, kVectors>(left, left_row, left_column, right + c, right_stride, count, out + c, stride);
    gather_some<R>(left, left_row, left_column, right + c, right_stride, count, (width - c) / kWidth, out + c, stride);
}

template <int R, class Visit>
inline void by_last_rows(int64_t first, int64_t rows, const Visit& visit) {
    if constexpr (R > 0) {
        if (rows == R) return visit.template operator()<R>(first);
        by_last_rows<R - 1>(first, rows, visit);
    }
}

// Calls `visit` with blocks of R rows, then with what is left, so that the number of rows is a constant inside.
template <int R = kRows, class Visit>
inline void by_rows(int64_t rows, const Visit& visit) {
    int64_t r = 0;
    for (; r + R <= rows; r += R) visit.template operator()<R>(r);
    by_last_rows<R - 1>(r, rows - r, visit);
}

template <int V>
inline void match_panel(const float* rows, int64_t row_stride, int64_t count, const float* panel, int64_t size,
                        float* out, int64_t stride) {
    by_rows(count, [&]<int R>(int64_t r) {
        dots<R, V>(rows + r * row_stride, row_stride, panel, size, out + r * stride, stride);
    });
}

// The same for what is left of the last panel, in as few vectors as hold it.
template <int V = kVectors - 1>
inline void match_some(const float* rows, int64_t row_stride, int64_t count, const float* panel, int64_t size,
                       int64_t vectors, float* out, int64_t stride) {
    if constexpr (V > 0) {
        if (vectors == V) return match_panel<V>(rows, row_stride, count, panel, size, out, stride);
        match_some<V - 1>(rows, row_stride, count, panel, size, vectors, out, stride);
    }
}

// out (rows, columns) = rows @ keys^T. Whole vectors are written: what lies behind the columns may be overwritten.
inline void match(const float* rows, int64_t row_stride, int64_t count, const float* panels, int64_t size,
                  int64_t columns, float* out, int64_t stride) {
    int64_t c = 0;
    for (; c + kPanel <= columns; c += kPanel)
        match_panel<kVectors>(rows, row_stride, count, panels + c * size, size, out + c, stride);
    int64_t vectors = (columns - c + kWidth - 1) / kWidth;
    if (vectors == kVectors)
        match_panel<kVectors>(rows, row_stride, count, panels + c * size, size, out + c, stride);
    else
        match_some(rows, row_stride, count, panels + c * size, size, vectors, out + c, stride);
}

// out (rows, width) += weights (rows, keys) @ values (keys, width); width is a multiple of kWidth.
template <class Number>
inline void read(const float* weights, int64_t stride, int64_t rows, const Number* values, int64_t value_stride,
                 int64_t keys, int64_t width, float* out, int64_t out_stride) {
    for (int64_t j = 0; j < keys; j += kChunk) {
        int64_t count = keys - j < kChunk ? keys - j : kChunk;
        by_rows(rows, [&]<int R>(int64_t r) {
            gather_columns<R>(weights + r * stride + j, stride, 1, values + j * value_stride, value_stride, count, width,
                              out + r * out_stride, out_stride);
        });
    }
}

// out (keys, width) += weights (rows, keys)^T @ from (rows, width); width is a multiple of kWidth.
inline void give(const float* weights, int64_t stride, int64_t rows, const float* from, int64_t from_stride,
                 int64_t keys, int64_t width, float* out, int64_t out_stride) {
    by_rows(keys, [&]<int R>(int64_t j) {
        gather_columns<R>(weights + j, 1, stride, from, from_stride, rows, width, out + j * out_stride, out_stride);
    });
}

// Panels of the rows (count, size); what a panel has too many is 0.
inline void pack_panels(const float* rows, int64_t stride, int64_t count, int64_t size, float* panels) {
    for (int64_t c = 0; c < count; c += kPanel) {
        float* panel = panels + c * size;
        int64_t have = count - c < kPanel ? count - c : kPanel;
        if (have < kPanel) std::memset(panel, 0, sizeof(float) * kPanel * size);
        for (int64_t j = 0; j < have; ++j)
            for (int64_t d = 0; d < size; ++d) panel[d * kPanel + j] = rows[(c + j) * stride + d];
    }
}

}  // namespace regard
