// How a block of queries is matched with keys, and the gradients of it.
#pragma once

#include <memory>
#include <vector>

#include "few.hpp"
#include "products.hpp"
#include "rows.hpp"
#include "where.hpp"

namespace regard {

// Queries and keys are prepared by Python: both have `size` numbers that are matched with each other, and a query may
// have more, `query_size`, for the score alone. A block's first column is a multiple of kPanel;
// `columns` is rounded up to whole panels in memory, and what is beyond the keys may hold anything finite.
class Score {
public:
    explicit Score(const Problem& problem) : problem_(problem), padded_(round_up(problem.size, kWidth)) {}
    virtual ~Score() = default;

    // Room for the keys of one head as `scores` wants them.
    virtual int64_t packed_floats() const = 0;
    virtual void pack(int64_t batch, int64_t key_head, float* packed) const = 0;

    // What `give` needs besides, in the same room.
    virtual void pack_for_give(int64_t /*batch*/, int64_t /*key_head*/, float* /*packed*/) const {}

    // Scores (rows, columns) of a block's queries, which are `query_size` wide, padded.
    virtual void scores(const Block& block, const Rows& query, const float* packed, float* out,
                        int64_t stride) const = 0;

    // Adds to d_query (rows, padded query_size), to d_key (keys of the head, padded) and to the gradient of what is learned.
    // `keys` are the head's own rows, `scores` what `scores` gave. Gradients are 0 where nothing is seen, and may be
    // overwritten. There is no room for what is learned where nobody asked for it.
    virtual void give(const Block& block, const Rows& query, const Rows& keys, const float* packed,
                      const float* scores, float* d_scores, int64_t stride, float* d_query, float* d_key,
                      float* d_learned) const = 0;

    // The same for few cells of one row of queries, whose places count from the first key of `keys`; only where
    // `gives_few`.
    virtual bool gives_few() const { return false; }
    virtual void give_few(const Few&, const float* /*query*/, const Rows& /*keys*/, float* /*d_query*/,
                          float* /*d_key*/) const {}

    // Numbers that are learned.
    virtual int64_t learned_floats() const { return 0; }
    // Whether `give` reads the scores.
    virtual bool reads_scores() const { return false; }

    int64_t padded() const { return padded_; }

protected:
    const Problem& problem_;
    int64_t padded_;
};

std::unique_ptr<Score> score_of(const Problem& problem);

// What an additive score learns, `padded` numbers that end in zeros.
std::vector<float> energies(const Problem& problem, int64_t padded);

// Bound scores: softcap * tanh(score / softcap). There is room for whole vectors.
void cap_scores(double softcap, float* scores, int64_t count);

// The keys of a head as panels, or as tiles where products of their dtype go by these, and the room for them.
int64_t key_floats(int64_t dtype, int64_t count, int64_t size);
void pack_keys(const Strided& keys, int64_t dtype, int64_t batch, int64_t head, int64_t count, int64_t size,
               float* packed);

// out (count, columns) = rows @ keys^T for packed keys from `first` on, a multiple of kPanel. Whole vectors are
// written.
void match_keys(int64_t dtype, const Rows& rows, int64_t count, const float* packed, int64_t size, int64_t first,
                int64_t columns, float* out, int64_t stride);

}  // namespace regard
