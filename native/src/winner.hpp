// The winner takes all, with the gradient of a softmax (straight-through).
#pragma once

#include "weigh.hpp"

namespace regard {

float winner_weights(const RowOf& row, float* scores, int64_t count, float* saved);

// Leaves e^(scores / temperature - highest) in `spare`, for the backward.
void winner_again(const RowOf& row, float* scores, int64_t count, const float* saved);

float winner_backward(const RowOf& row, float* grad, int64_t count);

int64_t winner_support(const Problem& problem, int64_t count, const float* saved);

}  // namespace regard
