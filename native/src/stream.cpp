#include "stream.hpp"

#include <cmath>

#include "softmax.hpp"

namespace regard {

namespace {

// Keys that are read at once.
constexpr int64_t kKeys = 256;
constexpr int64_t kStride = kKeys + kWidth;

// What is known of a row so far: the highest score, divided by the temperature, and the sum of what is raised.
struct Known {
    float most, total;
    bool seen;

    // Scores to weights against the highest so far, in place; what was read before is made to fit.
    void raise(const Problem& problem, float* scores, int64_t count, float* context, int64_t width) {
        float found = highest_of(scores, count);
        if (found == kLowest) return std::fill(scores, scores + count, 0.0f);
        float scale = float(1.0 / problem.temperature);
        if (found * scale > most) {
            float shrunk = std::exp(most - found * scale);
            most = found * scale;
            total *= shrunk;
            for (int64_t c = 0; c < width && seen; c += kWidth) store(context + c, load(context + c) * shrunk);
        }
        seen = true;
        total += regard::raise(scores, count, scale, most, 1.0f);
    }
};

}  // namespace

int64_t streamed_floats(int64_t rows) { return rows * kStride; }

void read_streamed(Worker& worker, const Block& block, const Rows& query, float* scores, float* factors, float* context,
                   float* saved, float* scales) {
    const Problem& problem = worker.problem;
    int64_t width = worker.padded_value;
    bool sinks = problem.number.data != nullptr;
    Known known[kMostRows];
    for (int64_t r = 0; r < block.rows; ++r)
        known[r] = {sinks ? at(problem.number, block.batch, block.head, block.first + r) : kLowest, 0.0f, false};
    for (int64_t j = 0; j < block.columns; j += kKeys) {
        Block some = block;
        some.column = block.column + j;
        some.columns = std::min(kKeys, block.columns - j);
        worker.scores_of(some, query, scores, kStride);
        for (int64_t r = 0; r < block.rows; ++r) {
            float* row = scores + r * kStride;
            Interval shown = worker.cells(some, r);
            std::fill(row, row + std::min(shown.low, some.columns), 0.0f);
            std::fill(row + std::min(std::max(shown.low, shown.high), some.columns), row + some.columns, 0.0f);
            if (shown.low < shown.high) {
                known[r].raise(problem, row + shown.low, shown.high - shown.low, context + r * width, width);
                if (const float* some_factors = worker.factors(some, r, shown, factors))
                    for (int64_t c = shown.low; c < shown.high; ++c) row[c] *= some_factors[c];
            }
            worker.make_readable(some, row);
        }
        worker.read_values(some, scores, kStride, context);
    }
    for (int64_t r = 0; r < block.rows; ++r) {
        scales[r] = 1.0f;
        if (!known[r].seen) continue;
        float number = sinks ? at(problem.number, block.batch, block.head, block.first + r) : 0.0f;
        saved[r * kSaved] = known[r].most;
        saved[r * kSaved + 1] = known[r].total + (sinks ? std::exp(number - known[r].most) : 0.0f);
        scales[r] = 1.0f / saved[r * kSaved + 1];
    }
}

}  // namespace regard
