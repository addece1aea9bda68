#include "additive_step.hpp"

#include <algorithm>

#include "tangent.hpp"

namespace regard {

namespace {

inline float energy_of(const float* query, const float* key, const float* energy, int64_t size) {
    Floats total{}, other{};
    int64_t d = 0;
    for (; d + 2 * kWidth <= size; d += 2 * kWidth) {
        total += load(energy + d) * hyperbolic_tangent(load(query + d) + load(key + d));
        other += load(energy + d + kWidth) * hyperbolic_tangent(load(query + d + kWidth) + load(key + d + kWidth));
    }
    if (d < size) total += load(energy + d) * hyperbolic_tangent(load(query + d) + load(key + d));
    return sum(total + other);
}

// The gradients of a vector of channels.
struct Given {
    Floats query{}, energy{};

    void add(Floats hidden, float grad, bool learns, Floats each, float* d_key) {
        Floats part = tangent_slope(hidden) * grad * each;
        query += part;
        store(d_key, load(d_key) + part);
        if (learns) energy += hyperbolic_tangent(hidden) * grad;
    }
};

}  // namespace

AdditiveStep::AdditiveStep(const Problem& problem) : Score(problem), energy_(energies(problem, padded_)) {}

void AdditiveStep::pack(int64_t batch, int64_t key_head, float* packed) const {
    if (!lies())
        rows_of(problem_.key, problem_.dtype, batch, key_head, 0, problem_.keys, problem_.size, padded_, packed);
}

void AdditiveStep::scores(const Block& block, const Rows& query, const float* packed, float* out,
                          int64_t stride) const {
    int64_t key_head = block.head / (problem_.heads / problem_.key_heads);
    Rows keys{packed, padded_};
    if (lies())
        keys = rows_of(problem_.key, problem_.dtype, block.batch, key_head, 0, problem_.keys, problem_.size, padded_,
                       nullptr);
    for (int64_t r = 0; r < block.rows; ++r) {
        float* to = out + r * stride;
        for (int64_t c = 0; c < block.columns; ++c)
            to[c] = energy_of(query.data + r * query.stride, keys.data + (block.column + c) * keys.stride,
                              energy_.data(), padded_);
        std::fill(to + block.columns, to + round_up(block.columns, kPanel), 0.0f);
    }
}

void AdditiveStep::give(const Block& block, const Rows& query, const Rows& keys, const float*, const float*,
                        float* d_scores, int64_t stride, float* d_query, float* d_key, float* d_learned) const {
    for (int64_t d = 0; d < padded_; d += kWidth) {
        Floats each = load(energy_.data() + d), d_energy{};
        for (int64_t r = 0; r < block.rows; ++r) {
            Floats asked = load(query.data + r * query.stride + d);
            Given given;
            for (int64_t c = 0; c < block.columns; ++c) {
                int64_t key = block.column + c;
                float grad = d_scores[r * stride + c];
                if (grad == 0) continue;
                given.add(asked + load(keys.data + key * keys.stride + d), grad, d_learned != nullptr, each,
                          d_key + key * padded_ + d);
            }
            float* to = d_query + r * padded_ + d;
            store(to, load(to) + given.query);
            d_energy += given.energy;
        }
        if (d_learned == nullptr) continue;
        int64_t left = problem_.size - d;
        store_some(d_learned + d, load_some(d_learned + d, left) + d_energy, left);
    }
}

}  // namespace regard
