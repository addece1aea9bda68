// Every key by itself: w = 1 / (1 + e^-s). Nothing is saved.
#include "rules.hpp"

namespace regard {

namespace {

void map(float* scores, int64_t count) {
    by_vector(count, [&](int64_t c, int64_t left) {
        store_some(scores + c, 1.0f / (1.0f + exponential(-load_some(scores + c, left, kLowest))), left);
    });
}

float weights(const RowOf&, float* scores, int64_t count, float*) {
    map(scores, count);
    return 1.0f;
}

void again(const RowOf&, float* scores, int64_t count, const float*) { map(scores, count); }

float backward(const RowOf&, const float* weights, float* grad, int64_t count, float, const float*) {
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats weight = load_some(weights + c, left);
        store_some(grad + c, load_some(grad + c, left) * weight * (1.0f - weight), left);
    });
    return 0.0f;
}

}  // namespace

const Weighing kSigmoidRule = {weights, again, backward, nullptr, true};

}  // namespace regard
