// Saved are the highest score and the key that wins, the first that has it; -1 where there is none.
#include "winner.hpp"

#include "compress.hpp"
#include "rules.hpp"

namespace regard {

namespace {

int32_t first_equal(const float* scores, int64_t count, float most) {
    for (int64_t c = 0; c < count; c += kWidth) {
        uint32_t found = lanes(load_some(scores + c, count - c, kLowest) == most);
        if (found != 0) return int32_t(c) + std::countr_zero(found);
    }
    return -1;
}

void crown(float* scores, int64_t count, int64_t place) {
    fill(scores, count, 0.0f);
    if (place >= 0 && place < count) scores[place] = 1.0f;
}

}  // namespace

float winner_weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    float most = highest_of(scores, count);
    int32_t place = most == kLowest ? -1 : first_equal(scores, count, most);
    saved[0] = most;
    saved[1] = std::bit_cast<float>(place < 0 ? place : place + int32_t(row.column));
    crown(scores, count, place);
    return 1.0f;
}

void winner_again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    float scale = float(1.0 / row.problem.temperature), most = saved[0] * scale;
    int32_t winner = std::bit_cast<int32_t>(saved[1]);
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats raised = exponential(load_some(scores + c, left, kLowest) * scale - most);
        store(row.spare + c, winner < 0 ? Floats{} : raised);
    });
    crown(scores, count, winner - row.column);
}

float winner_backward(const RowOf& row, float* grad, int64_t count) {
    float scale = float(1.0 / row.problem.temperature);
    Floats raised = {}, carried = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats one = load_some(row.spare + c, left);
        raised += one;
        carried += one * load_some(grad + c, left);
    });
    float total = sum(raised), inverse = total > 0 ? 1.0f / total : 0.0f, mean = sum(carried) * inverse;
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats soft = load_some(row.spare + c, left) * (inverse * scale);
        store_some(grad + c, soft * (load_some(grad + c, left) - mean), left);
    });
    return 0.0f;
}

int64_t winner_support(const Problem&, int64_t count, const float*) { return std::min<int64_t>(1, count); }

}  // namespace regard
