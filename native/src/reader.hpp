// The queries that share a key head, and that head's keys and values block by block, read where they lie.
#pragma once

#include "attend.hpp"

namespace regard {

// Keys of a block: their rows stay in the first cache while all queries are matched with them.
constexpr int64_t kReadAtOnce = 64;

// Rows are the queries `first` .. `first + queries` of the first head of the group, then those of the second, and so
// on. A thread has one reader at a time.
class Reader {
public:
    // `extra` floats more are held for the caller.
    Reader(const Problem& problem, int64_t batch, int64_t key_head, int64_t first, int64_t queries, int64_t extra);

    int64_t rows() const { return group_ * queries_; }
    float* extra() const { return extra_; }
    int64_t head(int64_t r) const { return key_head_ * group_ + r / queries_; }
    int64_t query(int64_t r) const { return first_ + r % queries_; }

    // The keys that some row may see, from a whole vector on.
    Interval span();

    // Scores (rows, stride) of at most kReadAtOnce keys, with their priors; hidden cells are the lowest number. Whole
    // vectors are written.
    void scores(int64_t column, int64_t columns, float* out, int64_t stride);

    // Multiply weights by the factors of the where and of dropout.
    void multiply_factors(int64_t column, int64_t columns, float* weights, int64_t stride);

    // context (rows, padded value size) += weights @ values
    void read_values(int64_t column, int64_t columns, const float* weights, int64_t stride, float* context);

    RowOf row_of(int64_t r) const { return worker_.row_of(block(r / queries_, 0, 0), r % queries_); }

private:
    Block block(int64_t member, int64_t column, int64_t columns) const {
        return {batch_, key_head_ * group_ + member, first_, queries_, column, columns};
    }

    const Problem& problem_;
    Worker worker_;
    int64_t batch_, key_head_, first_, queries_, group_;
    Scratch scratch_;
    float *query_, *room_, *factors_, *extra_;
};

}  // namespace regard
