// What forward and backward share: a head's keys and values made ready, and the weights of a block of its queries.
#pragma once

#include <memory>

#include "halves.hpp"
#include "rows.hpp"
#include "score.hpp"
#include "threads.hpp"
#include "weigh.hpp"
#include "where.hpp"

namespace regard {

// Scores of a block that stay in the second cache.
constexpr int64_t kCells = 160 * 1024;
constexpr int64_t kMostRows = 96;

// How far the rows of a block's scores are apart: a little more than whole panels, so that they do not fall on each
// other's places in the cache.
inline int64_t row_stride(int64_t columns) { return round_up(columns, kPanel) + kWidth; }

// A share of the work on one key head: every `parts`-th block of rows, from `place` on.
struct Part {
    int64_t batch, key_head, place;
};

// How a problem is cut into items that threads take: a key head, or part of one where heads are few.
struct Split {
    static constexpr int64_t kNoLimit = int64_t(1) << 60;

    // A block has no more than `cells` scores, but for the shortest.
    explicit Split(const Problem& problem, int64_t cells = kCells);

    // Where every thread is given its items beforehand: as few for each as share the work evenly, since a part has sums of
    // its own, in new memory.
    static Split evenly(const Problem& problem);

    int64_t items() const { return groups * parts; }
    Part part(int64_t item) const {
        int64_t group = item / parts;
        return {group / key_heads, group % key_heads, item % parts};
    }

    int64_t key_heads, groups, rows, parts;
};

// One thread's work on blocks of queries.
class Worker {
public:
    explicit Worker(const Problem& problem);

    // Make keys of a head ready for `scores_of`, in a room of `score->packed_floats()`.
    void take_keys(int64_t batch, int64_t key_head, float* room);

    // Make values of a head ready for `read_values`, in a room of `value_floats()`.
    void take_values(int64_t batch, int64_t key_head, float* room);

    // The values of a head as rows, where they lie or in a room of `row_floats()`.
    void take_value_rows(int64_t batch, int64_t key_head, float* room);
    int64_t row_floats() const;
    int64_t value_floats() const;

    // The queries of a block, where they lie or in `room` (rows, padded_query).
    Rows queries(const Block& block, float* room) const;

    // The block of rows from `first` on and the keys that it may see; no columns where it sees nothing.
    Block block_of(int64_t batch, int64_t head, int64_t first, int64_t rows);

    // Scores of a block with priors; hidden cells are the lowest number. Rows' intervals are in `seen()`.
    void scores_of(const Block& block, const Rows& query, float* scores, int64_t stride);

    // The same by products with the head's own rows: what `decode` finds, to the bit.
    void straight_scores_of(const Block& block, const Rows& query, const Rows& keys, float* scores, int64_t stride);

    // Add the priors to scores and hide what may not be seen; both of the above have done so.
    void show(const Block& block, float* scores, int64_t stride);

    // The cells of a row that may be seen, as offsets into the block's rows. A row that sees nothing may say so by an
    // interval outside of the block.
    Interval cells(const Block& block, int64_t r) const {
        Interval row = seen_->row[size_t(r)];
        return {std::clamp<int64_t>(row.low - block.column, 0, block.columns),
                std::clamp<int64_t>(row.high - block.column, 0, block.columns)};
    }

    // Scores of a row of a block, which `show` has seen, to weights with factors; those outside of its cells are 0.
    // Returns what they are still to be multiplied by. `room` holds a row.
    float weigh(const Block& block, int64_t r, float* row, float* room, float* saved_row);

    // Bring the weights of a row into the form in which `read_values` reads them, once nothing else does.
    void make_readable(const Block& block, float* row) const;

    // context (rows, padded_value) += weights @ values
    void read_values(const Block& block, const float* weights, int64_t stride, float* context) const;

    // What multiplies the weights of a row; null where nothing does. `room` holds a row.
    const float* factors(const Block& block, int64_t r, Interval cells, float* room) const;

    // What the rule is told of a row whose scores begin at key `column`.
    RowOf row_of(const Block& block, int64_t r, int64_t column);

    // Whether so few of a block's weights are not 0 that they are better read one by one. `saved` is the rule's, for
    // the block's rows.
    bool few(const Block& block, const float* saved) const;

    const Problem& problem;
    std::unique_ptr<Score> score;
    const Weighing& weighing;
    Where where;
    int64_t padded_size, padded_query, padded_value;
    const float* packed = nullptr;
    // Rows of values, once they are taken.
    Rows values{};

private:
    bool has_value_rows() const { return !tiled(problem) || weighing.support != nullptr; }

    const float* value_tiles_ = nullptr;
    const Seen* seen_ = nullptr;
    std::unique_ptr<float[]> spare_;
    bool priors_, factors_;
};

}  // namespace regard
