// Rows of numbers that lie apart, as vectors with one lane for each row.
#pragma once

#include "lanes.hpp"

namespace regard {

// As many vectors as each has lanes.
template <class Real>
struct Square {
    static constexpr int width = Lanes<Real>::width;
    Vector<Real> rows[width];

    // Lane i of vector j becomes lane j of vector i: halves, quarters and so on change their places.
    void transpose() { exchange<1>(std::make_integer_sequence<int, width>{}); }

    // `count` numbers from each of the addresses, of which null ones give 0; vector j holds the j-th of every row.
    void load(const Real* const* from, int64_t first, int64_t count) {
        for (int lane = 0; lane < width; ++lane)
            rows[lane] = from[lane] == nullptr ? Vector<Real>{}
                                               : load_lanes_some(from[lane] + first, count, Real(0));
        transpose();
    }

    // The opposite; what goes to null is dropped.
    void store(Real* const* to, int64_t first, int64_t count) {
        transpose();
        for (int lane = 0; lane < width; ++lane)
            if (to[lane] != nullptr) store_lanes_some(to[lane] + first, rows[lane], count);
    }

private:
    template <int step, int... lanes>
    void exchange(std::integer_sequence<int, lanes...> all) {
        for (int i = 0; i < width; ++i) {
            if (i & step) continue;
            const Vector<Real> a = rows[i], b = rows[i + step];
            rows[i] = __builtin_shufflevector(a, b, ((lanes & step) == 0 ? lanes : width + lanes - step)...);
            rows[i + step] = __builtin_shufflevector(a, b, ((lanes & step) == 0 ? lanes + step : width + lanes)...);
        }
        if constexpr (2 * step < width) exchange<2 * step>(all);
    }
};

}  // namespace regard
