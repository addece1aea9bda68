// Bahdanau's score of a few queries, as a step of a decoder has them: what keys are made ready with would cost more than
// it saves, so every pair has a tangent of its own.
#pragma once

#include <vector>

#include "score.hpp"

namespace regard {

class AdditiveStep : public Score {
public:
    explicit AdditiveStep(const Problem& problem);

    // Keys that cannot be read where they lie are copied.
    int64_t packed_floats() const override { return lies() ? 0 : problem_.keys * padded_; }
    void pack(int64_t batch, int64_t key_head, float* packed) const override;
    void scores(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const override;
    void give(const Block& block, const Rows& query, const Rows& keys, const float* packed, const float* scores,
              float* d_scores, int64_t stride, float* d_query, float* d_key, float* d_learned) const override;
    int64_t learned_floats() const override { return problem_.size; }

private:
    bool lies() const { return in_place(problem_.dtype, problem_.size); }

    std::vector<float> energy_;
};

}  // namespace regard
