// Gradients of Bahdanau's score. Channels lie along the vectors here, so that no sum runs across lanes.
#include <algorithm>

#include "additive.hpp"
#include "ratio.hpp"

namespace regard {

namespace {

// Keys whose sides and gradients stay in the first cache while all rows of a block meet them.
constexpr int64_t kKeys = 128;

// The cells of a block, some keys wide, whose gradient is not 0: what is hidden, and what a sparse weighing left out,
// costs nothing.
class Support {
public:
    struct Cell {
        int32_t key;
        float grad;
    };
    struct Row {
        const Cell *first, *last;
        const Cell* begin() const { return first; }
        const Cell* end() const { return last; }
        bool empty() const { return first == last; }
    };

    explicit Support(int64_t rows) : cells_(size_t(rows * kKeys)), counts_(size_t(rows)) {}

    void find(const float* grads, int64_t stride, int64_t keys) {
        for (size_t r = 0; r < counts_.size(); ++r) {
            Cell* to = cells_.data() + int64_t(r) * kKeys;
            counts_[r] = 0;
            for (int64_t j = 0; j < keys; ++j) {
                to[counts_[r]] = {int32_t(j), grads[int64_t(r) * stride + j]};
                counts_[r] += to[counts_[r]].grad != 0;
            }
        }
    }
    Row row(int64_t r) const {
        const Cell* first = cells_.data() + r * kKeys;
        return {first, first + counts_[size_t(r)]};
    }

private:
    std::vector<Cell> cells_;
    std::vector<int32_t> counts_;
};

// One vector of channels of some keys.
struct Strip {
    Floats number[kKeys], slope[kKeys], grad[kKeys];

    void fill(const float* keys, int64_t stride, int64_t count, const Kinds& kinds) {
        for (int64_t j = 0; j < count; ++j) {
            KeySide side = key_side(load(keys + j * stride), kinds);
            number[j] = side.number;
            slope[j] = side.slope;
            grad[j] = Floats{};
        }
    }
};

struct RowGradients {
    Floats query, energy;
};

// A row's share of the gradients, those of query and key still to be multiplied by their slopes and the energy.
inline RowGradients give_row(const Support::Row& row, const QuerySide& query, Strip& strip) {
    RowGradients found{};
    for (const Support::Cell& cell : row) {
        Floats number = strip.number[cell.key], inverse = reciprocal(query.a * number + query.w);
        Floats part = inverse * cell.grad;
        found.energy += part * (query.x * number + query.y);
        part *= inverse;
        found.query += part * strip.slope[cell.key];
        strip.grad[cell.key] += part * query.slope;
    }
    return found;
}

inline void add(float* to, Floats what) { store(to, load(to) + what); }

}  // namespace

void Additive::give(const Block& block, const Rows& query, const Rows& keys, const float* packed, const float*,
                    float* d_scores, int64_t stride, float* d_query, float* d_key, float* d_learned) const {
    Support support(block.rows);
    Strip strip;
    for (int64_t c = 0; c < block.columns; c += kKeys) {
        int64_t count = std::min(kKeys, block.columns - c), column = block.column + c;
        support.find(d_scores + c, stride, count);
        for (int64_t d = 0; d < padded_; d += kWidth) {
            Kinds those(kinds(packed) + d);
            Floats each = load(energy_.data() + d), d_energy = {};
            strip.fill(keys.data + column * keys.stride + d, keys.stride, count, those);
            for (int64_t r = 0; r < block.rows; ++r) {
                if (support.row(r).empty()) continue;
                QuerySide side = query_side(load(query.data + r * query.stride + d), those);
                RowGradients found = give_row(support.row(r), side, strip);
                add(d_query + r * padded_ + d, found.query * side.slope * each);
                d_energy += found.energy;
            }
            for (int64_t j = 0; j < count; ++j)
                add(d_key + (column + j) * padded_ + d, strip.grad[j] * strip.slope[j] * each);
            if (d_learned != nullptr) {
                int64_t left = problem_.size - d;
                store_some(d_learned + d, load_some(d_learned + d, left) + d_energy, left);
            }
        }
    }
    give_far(block, query, packed, d_scores, stride, d_query, d_key, d_learned);
}

// Far channels, for which panels hold the keys themselves. Beyond the block's keys gradients are 0.
void Additive::give_far(const Block& block, const Rows& query, const float* packed, const float* d_scores,
                        int64_t stride, float* d_query, float* d_key, float* d_learned) const {
    for (int64_t d = 0; d < problem_.size; ++d) {
        if (kinds(packed)[d] != kFar) continue;
        float each = energy_[size_t(d)];
        for (int64_t c = 0; c < block.columns; c += kWidth) {
            int64_t column = block.column + c;
            Floats key = load(packed + column / kPanel * kPanel * padded_ + d * kPanel + column % kPanel);
            Floats to_key = {}, to_energy = {};
            for (int64_t r = 0; r < block.rows; ++r) {
                Floats hidden = key + query.data[r * query.stride + d], grad = load(d_scores + r * stride + c);
                Floats part = grad * tangent_slope(hidden) * each;
                to_key += part;
                to_energy += grad * hyperbolic_tangent(hidden);
                d_query[r * padded_ + d] += sum(part);
            }
            for (int64_t j = 0; j < std::min<int64_t>(kWidth, block.columns - c); ++j)
                d_key[(column + j) * padded_ + d] += to_key[j];
            if (d_learned != nullptr) d_learned[d] += sum(to_energy);
        }
    }
}

}  // namespace regard
