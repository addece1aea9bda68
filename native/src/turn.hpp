// A square of numbers, as many vectors as a vector has lanes, turned over in registers.
#pragma once

#include <utility>

#include "simd.hpp"

namespace regard {

// Swap the lanes of `upper` whose number has the bit `Step` with those of `lower` that do not.
template <int Step, size_t... Lane>
inline void swap_lanes(Floats& upper, Floats& lower, std::index_sequence<Lane...>) {
    Floats kept = upper;
    upper = __builtin_shufflevector(kept, lower, int(Lane & Step ? kWidth + Lane - Step : Lane)...);
    lower = __builtin_shufflevector(kept, lower, int(Lane & Step ? kWidth + Lane : Lane + Step)...);
}

template <int Step = 1>
inline void transpose(Floats (&square)[kWidth]) {
    for (int i = 0; i < kWidth; ++i)
        if (!(i & Step)) swap_lanes<Step>(square[i], square[i + Step], std::make_index_sequence<kWidth>());
    if constexpr (2 * Step < kWidth) transpose<2 * Step>(square);
}

}  // namespace regard
