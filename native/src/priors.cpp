// What a where adds to scores and multiplies weights with, and the gradients of both.
#include <cmath>
#include <cstdlib>

#include "where.hpp"

namespace regard {

namespace {

// Keys low .. high of row i by their distance from the middle: those whose distance is below -radius, within, above.
struct Split {
    int64_t inside, outside;  // the first key within, and the first behind
};

Split split(int64_t middle, int64_t radius, int64_t low, int64_t high) {
    return {std::clamp(middle - radius, low, high), std::clamp(middle + radius + 1, low, high)};
}

}  // namespace

bool Where::has_priors() const {
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step))
        if (*step == kBias || *step == kTable || *step == kSlope) return true;
    return false;
}

bool Where::has_factors() const {
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step))
        if (*step == kGauss) return true;
    return false;
}

void Where::add_priors(const Block& block, int64_t i, int64_t low, int64_t high, float* scores) const {
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step)) {
        const int64_t* a = step + 1;
        if (*step == kBias) {
            const float* from = tensor<float>(a[0]) + block.batch * a[1] + block.head * a[2] + i * a[3] + low * a[4];
            for (int64_t j = 0; j < high - low; ++j) scores[j] += from[j * a[4]];
        } else if (*step == kTable) {
            const float* table = tensor<float>(a[0]) + block.head * a[1] + a[2];
            int64_t middle = i + a[3];
            Split at = split(middle, a[2], low, high);
            for (int64_t j = low; j < at.inside; ++j) scores[j - low] += table[-a[2]];
            for (int64_t j = at.inside; j < at.outside; ++j) scores[j - low] += table[j - middle];
            for (int64_t j = at.outside; j < high; ++j) scores[j - low] += table[a[2]];
        } else if (*step == kSlope) {
            float slope = tensor<float>(a[0])[block.head * a[1]];
            int64_t middle = i + a[2];
            for (int64_t j = low; j < high; ++j) scores[j - low] -= slope * float(std::abs(j - middle));
        }
    }
}

bool Where::multiply_factors(const Block& block, int64_t i, int64_t low, int64_t high, float* factors) const {
    bool any = false;
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step)) {
        if (*step != kGauss) continue;
        const int64_t* a = step + 1;
        float centre = tensor<float>(a[0])[block.batch * a[1] + block.head * a[2] + i * a[3]];
        float narrow = float(-0.5 / (problem_.numbers[a[4]] * problem_.numbers[a[4]]));
        for (int64_t j = low; j < high; ++j) {
            float away = float(j) - centre;
            factors[j - low] *= std::exp(away * away * narrow);
        }
        any = true;
    }
    return any;
}

void Where::give_priors(const Block& block, int64_t i, int64_t low, int64_t high, const float* d_scores,
                        float* const* grads) const {
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step)) {
        const int64_t* a = step + 1;
        if (*step < kBias || *step == kGauss || grads[a[0]] == nullptr) continue;
        if (*step == kBias) {
            float* to = grads[a[0]] + block.batch * a[1] + block.head * a[2] + i * a[3] + low * a[4];
            for (int64_t j = 0; j < high - low; ++j) to[j * a[4]] += d_scores[j];
        } else if (*step == kTable) {
            float* to = grads[a[0]] + block.head * a[1] + a[2];
            int64_t middle = i + a[3];
            Split at = split(middle, a[2], low, high);
            float before = 0, behind = 0;
            for (int64_t j = low; j < at.inside; ++j) before += d_scores[j - low];
            for (int64_t j = at.inside; j < at.outside; ++j) to[j - middle] += d_scores[j - low];
            for (int64_t j = at.outside; j < high; ++j) behind += d_scores[j - low];
            to[-a[2]] += before;
            to[a[2]] += behind;
        } else if (*step == kSlope) {
            float total = 0;
            int64_t middle = i + a[2];
            for (int64_t j = low; j < high; ++j) total -= d_scores[j - low] * float(std::abs(j - middle));
            grads[a[0]][block.head * a[1]] += total;
        }
    }
}

void Where::give_factors(const Block& block, int64_t i, int64_t low, int64_t high, const float* d_logs,
                         float* const* grads) const {
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step)) {
        const int64_t* a = step + 1;
        if (*step != kGauss || grads[a[0]] == nullptr) continue;
        int64_t place = block.batch * a[1] + block.head * a[2] + i * a[3];
        float centre = tensor<float>(a[0])[place], total = 0;
        for (int64_t j = low; j < high; ++j) total += d_logs[j - low] * (float(j) - centre);
        grads[a[0]][place] += total / float(problem_.numbers[a[4]] * problem_.numbers[a[4]]);
    }
}

}  // namespace regard
