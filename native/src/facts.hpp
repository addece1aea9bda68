// What `regard_statistics` is to find. The order of the fields is that of `Facts` in native/statistics.py.
#pragma once

#include <cstdint>

namespace regard {

// Where facts go; null means not wanted. All are dense; `mass` and `pooled` are 0 before.
struct Facts {
    float *lse, *maximum, *entropy, *position;  // (batch, heads, queries)
    float* mass;                                // (batch, heads, keys)
    float* weight;                              // (batch, heads, queries, top), and the keys they belong to
    int64_t* index;
    float* pooled;  // (batch, heads, rows, columns): sums over the queries and keys of a cell
    float* saved;   // (batch, heads, queries, kSaved)
    int64_t top, rows, columns;

    bool about_scores() const { return lse != nullptr || maximum != nullptr; }
    bool about_columns() const { return mass != nullptr || pooled != nullptr; }
    bool about_weights() const {
        return about_columns() || entropy != nullptr || position != nullptr || weight != nullptr || saved != nullptr;
    }
};

}  // namespace regard
