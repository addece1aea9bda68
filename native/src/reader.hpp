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

    // The keys that some row may see, from a whole panel on.
    Interval span();

    // Products (rows, stride) of at most kReadAtOnce keys. Whole vectors are written.
    void products(int64_t column, int64_t columns, float* out, int64_t stride);

    // The same with their priors; hidden cells are the lowest number.
    void scores(int64_t column, int64_t columns, float* out, int64_t stride);

    // Multiply weights by the factors of the where and of dropout.
    void multiply_factors(int64_t column, int64_t columns, float* weights, int64_t stride);

    // context (rows, padded value size) += weights @ values
    void read_values(int64_t column, int64_t columns, const float* weights, int64_t stride, float* context);

    // The products of all keys of a head, (queries, stride), to weights with factors, which are 0 where nothing is
    // seen. `saved` (queries, kSaved) is the rule's, and the weights are still to be multiplied by `scales`. `room`
    // holds a row.
    void weigh(int64_t member, Interval span, float* cells, int64_t stride, float* room, float* saved, float* scales);

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
