// Gumbel-softmax: noise computed from seed and position, as in Python, and then a softmax or a winner.
#include "dropout.hpp"
#include "rules.hpp"
#include "winner.hpp"

namespace regard {

namespace {

// Adds -log(-log u) to every score, u above 0 and below 1.
void add_noise(const RowOf& row, float* scores, int64_t count) {
    uint32_t hash = row_hash(*row.problem.noise, row.map, row.row);
    by_vector(count, [&](int64_t c, int64_t left) {
        Ints bits = cell_bits(hash, row.column + c) >> 8;
        Floats uniform = (__builtin_convertvector(bits, Floats) + 0.5f) * 1.1920928955078125e-7f;  // 2^-23
        Floats noise = -logarithm(-logarithm(uniform));
        // What is hidden stays the lowest number there is.
        Floats score = load_some(scores + c, left, kLowest);
        store_some(scores + c, score == kLowest ? score : score + noise, left);
    });
}

float relaxed_weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    add_noise(row, scores, count);
    return kSoftmaxRule.weights(row, scores, count, saved);
}

void relaxed_again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    add_noise(row, scores, count);
    kSoftmaxRule.again(row, scores, count, saved);
}

float relaxed_backward(const RowOf& row, const float* weights, float* grad, int64_t count, float mean,
                       const float* saved) {
    return kSoftmaxRule.backward(row, weights, grad, count, mean, saved);
}

float hard_weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    add_noise(row, scores, count);
    return winner_weights(row, scores, count, saved);
}

void hard_again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    add_noise(row, scores, count);
    winner_again(row, scores, count, saved);
}

float hard_backward(const RowOf& row, const float*, float* grad, int64_t count, float, const float*) {
    return winner_backward(row, grad, count);
}

}  // namespace

const Weighing kGumbelRule = {relaxed_weights, relaxed_again, relaxed_backward, nullptr, true};
const Weighing kGumbelHardRule = {hard_weights, hard_again, hard_backward, winner_support, false};

}  // namespace regard
