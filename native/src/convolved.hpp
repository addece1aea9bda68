// Chorowski's score: sum_h energy_h tanh(query_h + key_h + sum_c features_ch f_c), f_c a filter's answer at the key to
// what the query was told.
#pragma once

#include <vector>

#include "score.hpp"

namespace regard {

// Behind its own numbers a query carries what it was told, a number for every key there is; behind its own a key carries
// its place among them, in digits. Learned are energy (size), filters (channels, taps) and features (channels, size).
//
// Packed keys of a head: their rows, and the place of the first.
class Convolved : public Score {
public:
    explicit Convolved(const Problem& problem);

    int64_t packed_floats() const override { return problem_.keys * padded_ + 1; }
    void pack(int64_t batch, int64_t key_head, float* packed) const override;
    void scores(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const override;
    void give(const Block& block, const Rows& query, const Rows& keys, const float* packed, const float* scores,
              float* d_scores, int64_t stride, float* d_query, float* d_key, float* d_learned) const override;
    int64_t learned_floats() const override { return problem_.size + filter_floats() + problem_.channels * problem_.size; }

private:
    class Row;
    struct Given;

    int64_t filter_floats() const { return problem_.channels * problem_.taps; }
    const float* filters() const { return problem_.learned + problem_.size; }
    int64_t place_of_first(const Strided& keys, int64_t batch, int64_t key_head) const;
    void match(const Row& row, const float* keys, int64_t columns, float* out) const;
    void give_cell(const Row& row, int64_t j, float grad, const float* key, float* d_key, Given& given) const;
    void give_learned(const Given& given, float* d_learned) const;

    std::vector<float> energy_, features_;  // padded
};

}  // namespace regard
