// Bahdanau's score: sum_h energy_h tanh(query_h + key_h) of queries and keys that Python has projected.
#pragma once

#include <vector>

#include "score.hpp"

namespace regard {

// Packed keys of a head: the panels of their numbers (see ratio.hpp), the kind of every channel, and for every four
// channels whether their ratios may share a reciprocal.
class Additive : public Score {
public:
    explicit Additive(const Problem& problem);

    int64_t packed_floats() const override { return panel_floats() + 2 * padded_; }
    void pack(int64_t batch, int64_t key_head, float* packed) const override;
    void scores(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const override;
    void give(const Block& block, const Rows& query, const Rows& keys, const float* packed, const float* scores,
              float* d_scores, int64_t stride, float* d_query, float* d_key, float* d_learned) const override;
    int64_t learned_floats() const override { return problem_.size; }

private:
    // Four neighbouring channels are summed at a time.
    static constexpr int64_t kTogether = 4;

    int64_t panel_floats() const { return round_up(problem_.keys, kPanel) * padded_; }
    const float* kinds(const float* packed) const { return packed + panel_floats(); }
    const float* together(const float* packed) const { return packed + panel_floats() + padded_; }

    Rows some_keys(int64_t batch, int64_t key_head, int64_t first, float* room) const;
    void sort_channels(int64_t batch, int64_t key_head, float* packed, float* room) const;
    void add_far(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const;
    void give_far(const Block& block, const Rows& query, const float* packed, const float* d_scores, int64_t stride,
                  float* d_query, float* d_key, float* d_learned) const;

    std::vector<float> energy_;
};

}  // namespace regard
