// How a row of scores becomes a row of weights, and its gradient. Hidden keys have the lowest score.
#pragma once

#include "problem.hpp"

namespace regard {

// What a rule is told of a row besides its scores.
struct RowOf {
    double temperature;
    float number;     // sink or alpha
    bool has_number;  // whether there is a sink
};

// Scores to weights, in place; `saved` (kSaved numbers) is what `weights_again` and `backward_row` need. The weights
// are still to be multiplied by what is returned.
float weights_of_row(Rule rule, const RowOf& row, float* scores, int64_t count, float* saved);

// The logarithm of a weight, before it is multiplied, as slope * score - shift, where a rule is such that it is.
struct Line {
    bool known;
    float slope, shift;
};

Line logarithms(Rule rule, const RowOf& row, const float* saved);

// The weights again, from scores and what was saved.
void weights_again(Rule rule, const RowOf& row, float* scores, int64_t count, const float* saved);

// Gradient of the scores, written over that of the weights. `mean` is sum_j w_j dw_j, known beforehand. Returns the
// gradient of the row's number.
float backward_row(Rule rule, const RowOf& row, const float* weights, float* grad, int64_t count, float mean,
                   const float* saved);

}  // namespace regard
