// Softmax over the k highest scores; of equal scores the earlier key goes first. Saved are the highest score, the sum
// of what is raised, the lowest score that is kept, and the last key at which that score is kept.
#include <functional>

#include "compress.hpp"
#include "rules.hpp"

namespace regard {

namespace {

// Which scores are kept: those above `lowest`, and those equal to it up to `last`.
struct Cut {
    float lowest;
    int32_t last;
};

constexpr Cut kNoCut = {-kInfinity, std::numeric_limits<int32_t>::max()};

// A number that at least k scores reach: the k-th highest of the maxima of more than k groups.
float reached(const float* scores, int64_t count, int64_t k, float* maxima) {
    int64_t groups = (std::max<int64_t>(2 * k, 4 * kWidth) + kWidth - 1) / kWidth * kWidth;
    if (count < 2 * groups) return -kInfinity;
    fill(maxima, groups, -kInfinity);
    for (int64_t c = 0; c < count; c += groups)
        by_vector(std::min(groups, count - c), [&](int64_t g, int64_t left) {
            // In this order a score that is no number never becomes a maximum.
            store(maxima + g, larger(load_some(scores + c + g, left, -kInfinity), load(maxima + g)));
        });
    std::nth_element(maxima, maxima + k - 1, maxima + groups, std::greater<float>());
    return maxima[k - 1];
}

Cut cut_of(const float* scores, int64_t count, int64_t k, float* spare) {
    if (k >= count) return kNoCut;
    int64_t room = count + kWidth, found = 0;
    float *values = spare, *order = spare + 2 * room;
    int32_t* places = reinterpret_cast<int32_t*>(spare + room);
    float bound = reached(scores, count, k, spare);
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats score = load_some(scores + c, left, std::numeric_limits<float>::quiet_NaN());
        uint32_t chosen = lanes(score >= bound);
        if (chosen == 0) return;
        append_places(places + found, c, chosen);
        found += append(values + found, score, chosen);
    });
    if (found < k) return kNoCut;  // some scores are no numbers
    std::copy(values, values + found, order);
    std::nth_element(order, order + k - 1, order + found, std::greater<float>());
    float lowest = order[k - 1];
    int64_t equals = k - std::count_if(values, values + found, [&](float value) { return value > lowest; });
    int64_t place = 0;
    for (; equals > 0; ++place) equals -= values[place] == lowest;
    return {lowest, places[place - 1]};
}

// Raise what is kept, times `part`; the rest is 0. Returns the sum.
float raise(float* scores, int64_t count, float most, Cut cut, float part) {
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats score = load_some(scores + c, left, -kInfinity), raised = {};
        if (lanes(score >= cut.lowest) != 0) {
            Ints early = counting() + int32_t(c) <= cut.last;
            Ints kept = (score > cut.lowest) | ((score == cut.lowest) & early);
            raised = kept ? exponential(score - most) * part : Floats{};
            total += raised;
        }
        store_some(scores + c, raised, left);
    });
    return sum(total);
}

float weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    saved[0] = highest_of(scores, count);
    if (saved[0] == kLowest) {
        fill(scores, count, 0.0f);
        return 1.0f;
    }
    Cut cut = cut_of(scores, count, row.problem.most, row.spare);
    saved[1] = raise(scores, count, saved[0], cut, 1.0f);
    saved[2] = cut.lowest;
    saved[3] = std::bit_cast<float>(cut.last == kNoCut.last ? cut.last : cut.last + int32_t(row.column));
    return 1.0f / saved[1];
}

void again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    if (saved[0] == kLowest) return fill(scores, count, 0.0f);
    int32_t last = std::bit_cast<int32_t>(saved[3]);
    raise(scores, count, saved[0], {saved[2], last - int32_t(row.column)}, 1.0f / saved[1]);
}

float backward(const RowOf&, const float* weights, float* grad, int64_t count, float mean, const float*) {
    by_vector(count, [&](int64_t c, int64_t left) {
        store_some(grad + c, load_some(weights + c, left) * (load_some(grad + c, left) - mean), left);
    });
    return 0.0f;
}

int64_t support(const Problem& problem, int64_t count, const float*) { return std::min(problem.most, count); }

}  // namespace

const Weighing kTopKRule = {weights, again, backward, support, true};

}  // namespace regard
