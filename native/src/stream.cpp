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

    // There is a higher score: what was read before is made to fit.
    void lift(float higher, float* context, int64_t width) {
        float shrunk = std::exp(most - higher);
        most = higher;
        total *= shrunk;
        for (int64_t c = 0; c < width && seen; c += kWidth) store(context + c, load(context + c) * shrunk);
    }
};

// The rows of a block, of whose keys some have been read.
class Streamed {
public:
    Streamed(Worker& worker, const Block& block, float* scores, float* factors, float* context)
        : worker_(worker),
          problem_(worker.problem),
          scale_(float(1.0 / worker.problem.temperature)),
          scores_(scores),
          factors_(factors),
          context_(context) {
        for (int64_t r = 0; r < block.rows; ++r) known_[r] = {number_of(block, r), 0.0f, false};
    }

    // Some more keys.
    void take(const Block& some, const Rows& query) {
        worker_.scores_of(some, query, scores_, kStride);
        for (int64_t r = 0; r < some.rows; ++r) raise(some, r);
        worker_.read_values(some, scores_, kStride, context_);
    }

    void finish(const Block& block, float* saved, float* scales) const {
        for (int64_t r = 0; r < block.rows; ++r) {
            scales[r] = 1.0f;
            if (!known_[r].seen) continue;
            saved[r * kSaved] = known_[r].most;
            float sunk = sinks() ? std::exp(number_of(block, r) - known_[r].most) : 0.0f;
            saved[r * kSaved + 1] = known_[r].total + sunk;
            scales[r] = 1.0f / saved[r * kSaved + 1];
        }
    }

private:
    bool sinks() const { return problem_.number.data != nullptr; }

    float number_of(const Block& block, int64_t r) const {
        return sinks() ? at(problem_.number, block.batch, block.head, block.first + r) : kLowest;
    }

    // Scores of a row to weights with factors against the highest so far, in the form in which they are read.
    void raise(const Block& some, int64_t r) {
        float* row = scores_ + r * kStride;
        Interval shown = worker_.cells(some, r);
        float found = shown.low < shown.high ? highest_of(row + shown.low, shown.high - shown.low) : kLowest;
        if (found == kLowest) {
            std::fill(row, row + some.columns, 0.0f);
            return worker_.make_readable(some, row);
        }
        std::fill(row, row + shown.low, 0.0f);
        std::fill(row + shown.high, row + some.columns, 0.0f);
        Known& known = known_[r];
        int64_t width = worker_.padded_value;
        if (found * scale_ > known.most) known.lift(found * scale_, context_ + r * width, width);
        known.seen = true;
        known.total += regard::raise(row + shown.low, shown.high - shown.low, scale_, known.most, 1.0f);
        if (const float* factors = worker_.factors(some, r, shown, factors_))
            for (int64_t c = shown.low; c < shown.high; ++c) row[c] *= factors[c];
        worker_.make_readable(some, row);
    }

    Worker& worker_;
    const Problem& problem_;
    float scale_;
    float *scores_, *factors_, *context_;
    Known known_[kMostRows];
};

}  // namespace

int64_t streamed_floats(int64_t rows) { return rows * kStride; }

void read_streamed(Worker& worker, const Block& block, const Rows& query, float* scores, float* factors,
                   float* context, float* saved, float* scales) {
    Streamed streamed(worker, block, scores, factors, context);
    for (int64_t j = 0; j < block.columns; j += kKeys) {
        Block some = block;
        some.column = block.column + j;
        some.columns = std::min(kKeys, block.columns - j);
        streamed.take(some, query);
    }
    streamed.finish(block, saved, scales);
}

}  // namespace regard
