// Softmax with a temperature and a sink. Saved are the highest score, divided by the temperature, and the sum of what
// is raised.
#include <cmath>

#include "softmax.hpp"

namespace regard {

namespace {

float weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    float scale = float(1.0 / row.problem.temperature);
    float most = highest_of(scores, count);
    if (most == kLowest) {
        fill(scores, count, 0.0f);
        saved[0] = 0;
        saved[1] = 0;
        return 1.0f;
    }
    most *= scale;
    if (row.has_number) most = std::max(most, row.number);
    saved[0] = most;
    saved[1] = raise(scores, count, scale, most, 1.0f) + (row.has_number ? std::exp(row.number - most) : 0.0f);
    return 1.0f / saved[1];
}

void again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    float scale = float(1.0 / row.problem.temperature);
    float most = saved[0], part = saved[1] > 0 ? 1.0f / saved[1] : 0.0f;
    raise(scores, count, scale, most, part);
}

float backward(const RowOf& row, const float* weights, float* grad, int64_t count, float mean, const float* saved) {
    float scale = float(1.0 / row.problem.temperature);
    float sunk = row.has_number && saved[1] > 0 ? std::exp(row.number - saved[0]) / saved[1] : 0.0f;
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats weight = load_some(weights + c, left);
        store_some(grad + c, weight * (load_some(grad + c, left) - mean) * scale, left);
    });
    return -sunk * mean;
}

Line line(const RowOf& row, const float* saved) { return {float(1.0 / row.problem.temperature), saved[0]}; }

}  // namespace

const Weighing kSoftmaxRule = {weights, again, backward, nullptr, true, line};

}  // namespace regard
