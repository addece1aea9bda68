// How a row of scores becomes a row of weights, and its gradient. Hidden keys have the lowest score.
#pragma once

#include "problem.hpp"

namespace regard {

// What a rule is told of a row besides its scores.
struct RowOf {
    const Problem& problem;
    int64_t map, row, column;  // batch * heads + head, the query, and the key of the first score
    float number;              // sink or alpha
    bool has_number;           // whether it is told for every row
    float* spare;              // room for kSpareRows rows of scores, each a vector longer
};

// The logarithm of a weight, before it is multiplied, as slope * score - shift.
struct Line {
    float slope, shift;
};

// A rule is a few functions; see `weighing_of`.
struct Weighing {
    // Scores to weights, in place; `saved` (kSaved numbers) is what the others need. The weights are still to be
    // multiplied by what is returned.
    float (*weights)(const RowOf& row, float* scores, int64_t count, float* saved);

    // The weights again, from scores and what was saved.
    void (*again)(const RowOf& row, float* scores, int64_t count, const float* saved);

    // Gradient of the scores, written over that of the weights. `mean` is sum_j w_j dw_j, known beforehand. Returns
    // the gradient of the row's number. What `again` left in `spare` must still be there.
    float (*backward)(const RowOf& row, const float* weights, float* grad, int64_t count, float mean,
                      const float* saved);

    // How many of `count` cells may have a weight that is not 0; null where that is all of them.
    int64_t (*support)(const Problem& problem, int64_t count, const float* saved);

    // Whether a score without weight has no gradient either.
    bool sparse_gradient;

    // Where the logarithms of a row's weights lie on a line over its scores: that line; else null.
    Line (*line)(const RowOf& row, const float* saved) = nullptr;
};

constexpr int64_t kSpareRows = 3;

const Weighing& weighing_of(const Problem& problem);

}  // namespace regard
