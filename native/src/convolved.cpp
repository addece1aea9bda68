#include "convolved.hpp"

#include <algorithm>

#include "tangent.hpp"

namespace regard {

namespace {

// A key's place is told in kDigits digits of this base, which every dtype holds.
constexpr int64_t kBase = 128, kDigits = 3;
// Keys that are matched together, and vectors of keys that are convolved together.
constexpr int kAbreast = 4;

// `rows` rows of `size` numbers, each filled up with zeros.
std::vector<float> padded_rows(const float* from, int64_t rows, int64_t size, int64_t padded) {
    std::vector<float> found(static_cast<size_t>(rows * padded));
    for (int64_t r = 0; r < rows; ++r) std::copy_n(from + r * size, size, found.data() + r * padded);
    return found;
}

inline void add(float* to, Floats what) { store(to, load(to) + what); }

}  // namespace

// A query and the answers of the filters at the keys of a block, (channels, stride); what it was told is held with as
// many neighbours as a filter sees, 0 where there are none.
class Convolved::Row {
public:
    Row(const Convolved& score, const Block& block, const float* packed)
        : problem_(score.problem_),
          filters_(score.filters()),
          columns_(block.columns),
          stride(round_up(block.columns, kAbreast * kWidth)),
          first_(int64_t(packed[score.problem_.keys * score.padded_]) + block.column - problem_.taps / 2),
          query(size_t(score.padded_)),
          answers(size_t(problem_.channels * stride)),
          told_(size_t(stride + problem_.taps)) {}

    void take(const float* from) {
        std::copy_n(from, problem_.size, query.data());
        Interval there = told();
        std::copy(from + problem_.size + there.low, from + problem_.size + there.high, told_.data() + (there.low - first_));
        for (int64_t c = 0; c < problem_.channels; ++c)
            for (int64_t j = 0; j < stride; j += kAbreast * kWidth)
                convolve(filters_ + c * problem_.taps, told_.data() + j, answers.data() + c * stride + j);
    }

    // From the gradient of the answers, which is 0 behind the columns, adds to that of what was told, and of the filters.
    void give(const float* grads, float* d_told, float* d_filters) const {
        std::vector<float> grad(told_.size());
        for (int64_t c = 0; c < problem_.channels; ++c)
            for (int64_t k = 0; k < problem_.taps; ++k) {
                Floats total = {}, tap = all(filters_[c * problem_.taps + k]);
                for (int64_t j = 0; j < columns_; j += kWidth) {
                    Floats from = load(grads + c * stride + j);
                    total += from * load(told_.data() + j + k);
                    add(grad.data() + j + k, from * tap);
                }
                d_filters[c * problem_.taps + k] += sum(total);
            }
        Interval there = told();
        for (int64_t p = there.low; p < there.high; ++p) d_told[p] += grad[size_t(p - first_)];
    }

private:
    const Problem& problem_;
    const float* filters_;
    int64_t columns_;

public:
    const int64_t stride;

private:
    int64_t first_;  // the place that the first filter's first tap sees at the first key

public:
    std::vector<float> query, answers;

private:
    std::vector<float> told_;

    // Places that were told and that some tap sees.
    Interval told() const {
        int64_t count = problem_.query_size - problem_.size;
        int64_t low = std::clamp<int64_t>(first_, 0, count);
        return {low, std::clamp<int64_t>(first_ + columns_ + problem_.taps - 1, low, count)};
    }

    void convolve(const float* filter, const float* from, float* to) const {
        Floats total[kAbreast] = {};
        for (int64_t k = 0; k < problem_.taps; ++k)
            for (int v = 0; v < kAbreast; ++v) total[v] += filter[k] * load(from + k + v * kWidth);
        for (int v = 0; v < kAbreast; ++v) store(to + v * kWidth, total[v]);
    }
};

// Gradients that the cells of a block add to.
struct Convolved::Given {
    Given(const Convolved& score, int64_t stride)
        : energy(size_t(score.padded_)),
          features(size_t(score.problem_.channels * score.padded_)),
          filters(size_t(score.filter_floats())),
          query(size_t(score.padded_)),
          answers(size_t(score.problem_.channels * stride)),
          sums(size_t(score.problem_.channels * kWidth)) {}

    std::vector<float> energy, features, filters;
    std::vector<float> query, answers;  // of one row
    std::vector<float> sums;            // of one cell's answers
};

Convolved::Convolved(const Problem& problem)
    : Score(problem),
      energy_(padded_rows(problem.learned, 1, problem.size, padded_)),
      features_(padded_rows(filters() + filter_floats(), problem.channels, problem.size, padded_)) {}

int64_t Convolved::place_of_first(const Strided& keys, int64_t batch, int64_t key_head) const {
    int64_t start = offset(keys, batch, key_head, 0) + problem_.size, place = 0;
    for (int64_t digit = kDigits - 1; digit >= 0; --digit) {
        float found = problem_.dtype == kFloat32 ? static_cast<const float*>(keys.data)[start + digit]
                                                 : from_bfloat16(static_cast<const uint16_t*>(keys.data)[start + digit]);
        place = place * kBase + int64_t(found);
    }
    return place;
}

void Convolved::pack(int64_t batch, int64_t key_head, float* packed) const {
    Rows keys = rows_of(problem_.key, problem_.dtype, batch, key_head, 0, problem_.keys, problem_.size, padded_, packed);
    if (keys.data != packed)
        for (int64_t j = 0; j < problem_.keys; ++j)
            std::copy_n(keys.data + j * keys.stride, padded_, packed + j * padded_);
    packed[problem_.keys * padded_] = float(place_of_first(problem_.key, batch, key_head));
}

void Convolved::scores(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const {
    Row row(*this, block, packed);
    for (int64_t r = 0; r < block.rows; ++r) {
        row.take(query.data + r * query.stride);
        match(row, packed + block.column * padded_, block.columns, out + r * stride);
        std::fill(out + r * stride + block.columns, out + r * stride + round_up(block.columns, kPanel), 0.0f);
    }
}

void Convolved::match(const Row& row, const float* keys, int64_t columns, float* out) const {
    for (int64_t first = 0; first < columns; first += kAbreast) {
        // Where fewer are left, the last is matched again.
        int64_t place[kAbreast];
        for (int k = 0; k < kAbreast; ++k) place[k] = std::min(first + k, columns - 1);
        Floats total[kAbreast] = {};
        for (int64_t d = 0; d < padded_; d += kWidth) {
            Floats hidden[kAbreast], query = load(row.query.data() + d), energy = load(energy_.data() + d);
            for (int k = 0; k < kAbreast; ++k) hidden[k] = load(keys + place[k] * padded_ + d) + query;
            for (int64_t c = 0; c < problem_.channels; ++c) {
                Floats feature = load(features_.data() + c * padded_ + d);
                const float* answers = row.answers.data() + c * row.stride;
                for (int k = 0; k < kAbreast; ++k) hidden[k] += feature * answers[place[k]];
            }
            for (int k = 0; k < kAbreast; ++k) total[k] += hyperbolic_tangent(hidden[k]) * energy;
        }
        for (int k = 0; k < kAbreast; ++k) out[place[k]] = sum(total[k]);
    }
}

void Convolved::give(const Block& block, const Rows& query, const Rows&, const float* packed, const float*,
                     float* d_scores, int64_t stride, float* d_query, float* d_key, float* d_learned) const {
    Row row(*this, block, packed);
    Given given(*this, row.stride);
    int64_t wide = round_up(problem_.query_size, kWidth);
    for (int64_t r = 0; r < block.rows; ++r) {
        const float* grads = d_scores + r * stride;
        if (std::all_of(grads, grads + block.columns, [](float grad) { return grad == 0; })) continue;
        row.take(query.data + r * query.stride);
        std::fill(given.query.begin(), given.query.end(), 0.0f);
        std::fill(given.answers.begin(), given.answers.end(), 0.0f);
        for (int64_t j = 0; j < block.columns; ++j)
            if (grads[j] != 0)
                give_cell(row, j, grads[j], packed + (block.column + j) * padded_, d_key + (block.column + j) * padded_,
                          given);
        float* to = d_query + r * wide;
        for (int64_t d = 0; d < problem_.size; ++d) to[d] += given.query[size_t(d)];
        row.give(given.answers.data(), to + problem_.size, given.filters.data());
    }
    if (d_learned != nullptr) give_learned(given, d_learned);
}

void Convolved::give_cell(const Row& row, int64_t j, float grad, const float* key, float* d_key, Given& given) const {
    const float* answers = row.answers.data() + j;
    std::fill(given.sums.begin(), given.sums.end(), 0.0f);
    for (int64_t d = 0; d < padded_; d += kWidth) {
        Floats hidden = load(key + d) + load(row.query.data() + d);
        for (int64_t c = 0; c < problem_.channels; ++c)
            hidden += load(features_.data() + c * padded_ + d) * answers[c * row.stride];
        add(given.energy.data() + d, hyperbolic_tangent(hidden) * grad);
        Floats part = tangent_slope(hidden) * load(energy_.data() + d) * grad;
        add(given.query.data() + d, part);
        add(d_key + d, part);
        for (int64_t c = 0; c < problem_.channels; ++c) {
            add(given.features.data() + c * padded_ + d, part * answers[c * row.stride]);
            add(given.sums.data() + c * kWidth, part * load(features_.data() + c * padded_ + d));
        }
    }
    for (int64_t c = 0; c < problem_.channels; ++c)
        given.answers[size_t(c * row.stride + j)] = sum(load(given.sums.data() + c * kWidth));
}

void Convolved::give_learned(const Given& given, float* d_learned) const {
    float* to = d_learned;
    for (int64_t d = 0; d < problem_.size; ++d) *to++ += given.energy[size_t(d)];
    for (float filter : given.filters) *to++ += filter;
    for (int64_t c = 0; c < problem_.channels; ++c)
        for (int64_t d = 0; d < problem_.size; ++d) *to++ += given.features[size_t(c * padded_ + d)];
}

}  // namespace regard
