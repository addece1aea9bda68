#include "weigh.hpp"

#include <algorithm>
#include <cmath>

#include "sweep.hpp"

namespace regard {

namespace {

void fill(float* to, int64_t count, float value) { std::fill(to, to + count, value); }

// --- softmax: saved are the highest score, divided by the temperature, and the sum of what is raised.

float softmax_row(const RowOf& row, float* scores, int64_t count, float* saved) {
    float scale = float(1.0 / row.temperature);
    float most = highest_of(scores, count);
    if (most == kLowest) {
        fill(scores, count, 0.0f);
        saved[0] = 0;
        saved[1] = 0;
        return 1.0f;
    }
    most *= scale;
    if (row.has_number) most = std::max(most, row.number);
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats raised = exponential(load_some(scores + c, left, kLowest) * scale - most);
        store_some(scores + c, raised, left);
        total += raised;
    });
    saved[0] = most;
    saved[1] = sum(total) + (row.has_number ? std::exp(row.number - most) : 0.0f);
    return 1.0f / saved[1];
}

void softmax_again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    float scale = float(1.0 / row.temperature), most = saved[0], part = saved[1] > 0 ? 1.0f / saved[1] : 0.0f;
    by_vector(count, [&](int64_t c, int64_t left) {
        store_some(scores + c, exponential(load_some(scores + c, left, kLowest) * scale - most) * part, left);
    });
}

float softmax_backward(const RowOf& row, const float* weights, float* grad, int64_t count, float mean,
                       const float* saved) {
    float scale = float(1.0 / row.temperature);
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats weight = load_some(weights + c, left);
        store_some(grad + c, weight * (load_some(grad + c, left) - mean) * scale, left);
    });
    if (!row.has_number || !(saved[1] > 0)) return 0.0f;
    return -std::exp(row.number - saved[0]) / saved[1] * mean;
}

// --- sigmoid: nothing is saved.

void sigmoid_row(float* scores, int64_t count) {
    by_vector(count, [&](int64_t c, int64_t left) {
        store_some(scores + c, 1.0f / (1.0f + exponential(-load_some(scores + c, left, kLowest))), left);
    });
}

void sigmoid_backward(const float* weights, float* grad, int64_t count) {
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats weight = load_some(weights + c, left);
        store_some(grad + c, load_some(grad + c, left) * weight * (1.0f - weight), left);
    });
}

// --- entmax: saved are the highest score and tau, in units of (alpha - 1) * (score - highest).

inline Floats power(Floats base, float exponent) {
    Floats raised = exponential(logarithm(larger(base, all(1e-37f))) * exponent);
    return base > 0.0f ? raised : Floats{};
}

// b^(1 / (alpha - 1)) and its slope without the factor 1 / (alpha - 1), for bases that are not negative.
inline void raised(float alpha, Floats base, Floats& weight, Floats& slope) {
    if (alpha == 1.5f) {
        weight = base * base;
        slope = base;
    } else if (alpha == 2.0f) {
        weight = base;
        slope = base > 0.0f ? all(1.0f) : Floats{};
    } else {
        slope = power(base, (2.0f - alpha) / (alpha - 1.0f));
        weight = slope * base;
    }
}

float entmax_tau(float alpha, const float* scaled, int64_t count) {
    float exponent = 1.0f / (alpha - 1.0f);
    if (alpha <= 2.0f) {
        // The sum is convex in tau, so Newton's method from below climbs to the root and never passes it.
        float tau = -1.0f;
        for (int step = 0; step < 40; ++step) {
            Floats weights = {}, slopes = {};
            by_vector(count, [&](int64_t c, int64_t left) {
                Floats weight, slope;
                raised(alpha, larger(load_some(scaled + c, left, -2.0f) - tau, Floats{}), weight, slope);
                weights += weight;
                slopes += slope;
            });
            float move = (sum(weights) - 1.0f) / (exponent * sum(slopes));
            if (!(move > 0)) break;
            tau += move;
            if (move <= 4 * 1.1920929e-7f) break;
        }
        return tau;
    }
    float low = -1.0f, high = -std::pow(float(count), 1.0f - alpha);
    for (int step = 0; step < 30; ++step) {
        float middle = 0.5f * (low + high);
        Floats weights = {};
        by_vector(count, [&](int64_t c, int64_t left) {
            weights += power(larger(load_some(scaled + c, left, -2.0f) - middle, Floats{}), exponent);
        });
        (sum(weights) >= 1.0f ? low : high) = middle;
    }
    return 0.5f * (low + high);
}

void entmax_map(float alpha, float* scaled, int64_t count, float tau) {
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats base = larger(load_some(scaled + c, left, -2.0f) - tau, Floats{}), weight, slope;
        if (alpha > 2.0f) weight = power(base, 1.0f / (alpha - 1.0f));
        else raised(alpha, base, weight, slope);
        store_some(scaled + c, weight, left);
    });
}

void entmax_scale(float alpha, float* scores, int64_t count, float most) {
    by_vector(count, [&](int64_t c, int64_t left) {
        // What is hidden or far below must not overflow to a product that is not finite.
        Floats lifted = larger(load_some(scores + c, left, kLowest) - most, all(-1e30f));
        store_some(scores + c, lifted * (alpha - 1.0f), left);
    });
}

float entmax_row(const RowOf& row, float* scores, int64_t count, float* saved) {
    float most = highest_of(scores, count);
    saved[0] = most;
    if (most == kLowest) {
        fill(scores, count, 0.0f);
        saved[1] = 1.0f;
        return 1.0f;
    }
    entmax_scale(row.number, scores, count, most);
    saved[1] = entmax_tau(row.number, scores, count);
    entmax_map(row.number, scores, count, saved[1]);
    return 1.0f;
}

void entmax_again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    if (saved[0] == kLowest) return fill(scores, count, 0.0f);
    entmax_scale(row.number, scores, count, saved[0]);
    entmax_map(row.number, scores, count, saved[1]);
}

float entmax_backward(const RowOf& row, const float* weights, float* grad, int64_t count) {
    float alpha = row.number;
    auto slope_of = [&](Floats weight) {
        if (alpha == 2.0f) return weight > 0.0f ? all(1.0f) : Floats{};
        if (alpha == 1.5f) return root(weight);
        return power(weight, 2.0f - alpha);
    };
    Floats slopes = {}, carried = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats slope = slope_of(load_some(weights + c, left));
        slopes += slope;
        carried += slope * load_some(grad + c, left);
    });
    float total = sum(slopes), mean = total > 0 ? sum(carried) / total : 0.0f;
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats slope = slope_of(load_some(weights + c, left));
        store_some(grad + c, slope * (load_some(grad + c, left) - mean), left);
    });
    return 0.0f;
}

}  // namespace

float weights_of_row(Rule rule, const RowOf& row, float* scores, int64_t count, float* saved) {
    switch (rule) {
        case kEntmax: return entmax_row(row, scores, count, saved);
        case kSigmoid: sigmoid_row(scores, count); return 1.0f;
        default: return softmax_row(row, scores, count, saved);
    }
}

Line logarithms(Rule rule, const RowOf& row, const float* saved) {
    return {rule == kSoftmax, float(1.0 / row.temperature), saved[0]};
}

void weights_again(Rule rule, const RowOf& row, float* scores, int64_t count, const float* saved) {
    switch (rule) {
        case kEntmax: return entmax_again(row, scores, count, saved);
        case kSigmoid: return sigmoid_row(scores, count);
        default: return softmax_again(row, scores, count, saved);
    }
}

float backward_row(Rule rule, const RowOf& row, const float* weights, float* grad, int64_t count, float mean,
                   const float* saved) {
    switch (rule) {
        case kEntmax: return entmax_backward(row, weights, grad, count);
        case kSigmoid: sigmoid_backward(weights, grad, count); return 0.0f;
        default: return softmax_backward(row, weights, grad, count, mean, saved);
    }
}

}  // namespace regard
