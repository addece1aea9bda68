// Rows of a tensor as float32, and back.
#pragma once

#include <cstring>

#include "problem.hpp"
#include "simd.hpp"

namespace regard {

// Rows of one head: where they lie and how far apart.
struct Rows {
    const float* data;
    int64_t stride;
};

inline int64_t offset(const Strided& tensor, int64_t batch, int64_t head, int64_t row) {
    return batch * tensor.batch + head * tensor.head + row * tensor.row;
}

// Whether rows can be read where they are: float32, and as wide as whole vectors.
inline bool in_place(int64_t dtype, int64_t size) { return dtype == kFloat32 && size % kWidth == 0; }

// `count` rows from `first` on, in place or copied to `room` (count x padded), where they end in zeros.
inline Rows rows_of(const Strided& tensor, int64_t dtype, int64_t batch, int64_t head, int64_t first, int64_t count,
                    int64_t size, int64_t padded, float* room) {
    int64_t start = offset(tensor, batch, head, first);
    if (in_place(dtype, size)) return {static_cast<const float*>(tensor.data) + start, tensor.row};
    for (int64_t r = 0; r < count; ++r) {
        float* to = room + r * padded;
        if (dtype == kFloat32) {
            std::memcpy(to, static_cast<const float*>(tensor.data) + start + r * tensor.row, sizeof(float) * size);
        } else {
            const uint16_t* from = static_cast<const uint16_t*>(tensor.data) + start + r * tensor.row;
            for (int64_t d = 0; d < size; ++d) to[d] = from_bfloat16(from[d]);
        }
        std::memset(to + size, 0, sizeof(float) * (padded - size));
    }
    return {room, padded};
}

// `count` rows times `scale`, in place where there is nothing to do or else in `room`; they are whole vectors.
inline Rows scaled(const Rows& rows, double scale, int64_t count, int64_t padded, float* room) {
    if (scale == 1.0) return rows;
    for (int64_t r = 0; r < count; ++r)
        for (int64_t d = 0; d < padded; d += kWidth)
            store(room + r * padded + d, load(rows.data + r * rows.stride + d) * float(scale));
    return {room, padded};
}

// Queries of a head as they are matched with keys, in place or in `room` (count x padded).
inline Rows queries_of(const Problem& problem, int64_t batch, int64_t head, int64_t first, int64_t count,
                       int64_t padded, float* room) {
    Rows rows = rows_of(problem.query, problem.dtype, batch, head, first, count, problem.query_size, padded, room);
    return scaled(rows, problem.scale, count, padded, room);
}

// Write `count` rows of `size` numbers.
inline void write_rows(const Strided& tensor, int64_t dtype, int64_t batch, int64_t head, int64_t first, int64_t count,
                       int64_t size, const float* from, int64_t stride) {
    int64_t start = offset(tensor, batch, head, first);
    for (int64_t r = 0; r < count; ++r) {
        if (dtype == kFloat32) {
            std::memcpy(static_cast<float*>(tensor.data) + start + r * tensor.row, from + r * stride,
                        sizeof(float) * size);
        } else {
            uint16_t* to = static_cast<uint16_t*>(tensor.data) + start + r * tensor.row;
            for (int64_t d = 0; d < size; ++d) to[d] = to_bfloat16(from[r * stride + d]);
        }
    }
}

}  // namespace regard
