// Dropout computed from positions: the same cells fall as in Python's `Dropout`.
#pragma once

#include "problem.hpp"
#include "simd.hpp"

namespace regard {

inline uint32_t mixed(uint32_t number) {
    number = ((number >> 16) ^ number) * 0x7feb352du;
    number = ((number >> 15) ^ number) * 0x846ca68bu;
    return (number >> 16) ^ number;
}

inline Words mixed(Words number) {
    number = ((number >> 16) ^ number) * 0x7feb352du;
    number = ((number >> 15) ^ number) * 0x846ca68bu;
    return (number >> 16) ^ number;
}

// The hash of a row, from which those of its cells follow.
inline uint32_t row_hash(int32_t seed, int64_t map, int64_t row) {
    return mixed(mixed(uint32_t(map) + uint32_t(seed)) + uint32_t(row));
}

// 31 random bits for the cells `column`, `column + 1`, ... of a row.
inline Ints cell_bits(uint32_t row, int64_t column) {
    Words place = (Words)counting() + uint32_t(column) + row;
    return (Ints)(mixed(place) & 0x7fffffffu);
}

// Multiply factors of the cells low .. high of a row by 0 or `kept`.
inline void drop(const Problem& problem, int64_t map, int64_t row, int64_t low, int64_t high, float* factors) {
    uint32_t hash = row_hash(*problem.seed, map, row);
    int32_t dropped = int32_t(problem.dropped);
    for (int64_t j = low; j < high; j += kWidth) {
        Ints stays = cell_bits(hash, j) >= dropped;
        Floats factor = load_some(factors + (j - low), high - j) * float(problem.kept);
        store_some(factors + (j - low), stays ? factor : Floats{}, high - j);
    }
}

}  // namespace regard
