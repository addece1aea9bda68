// Argmax: the winner of the scores themselves.
#include "rules.hpp"
#include "winner.hpp"

namespace regard {

namespace {

float weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    return winner_weights(row, scores, count, saved);
}

float backward(const RowOf& row, const float*, float* grad, int64_t count, float, const float*) {
    return winner_backward(row, grad, count);
}

}  // namespace

const Weighing kArgmaxRule = {weights, winner_again, backward, winner_support, false};

}  // namespace regard
