#include "attend.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "dropout.hpp"
#include "few.hpp"
#include "straight.hpp"

namespace regard {

namespace {

typedef uint8_t Bytes __attribute__((vector_size(kWidth)));

// Scores whose byte is 0 become the lowest number. Of the bytes a whole vector is read at the end.
void hide(float* scores, const uint8_t* shown, int64_t count) {
    for (int64_t c = 0; c < count; c += kWidth) {
        Bytes some;
        std::memcpy(&some, shown + c, sizeof some);
        Ints seen = __builtin_convertvector(some, Ints);
        store_some(scores + c, seen != 0 ? load_some(scores + c, count - c) : all(kLowest), count - c);
    }
}

}  // namespace

Worker::Worker(const Problem& problem)
    : problem(problem),
      score(score_of(problem)),
      weighing(weighing_of(problem)),
      where(problem),
      padded_size(round_up(problem.size, kWidth)),
      padded_query(round_up(problem.query_size, kWidth)),
      padded_value(round_up(problem.value_size, kWidth)),
      priors_(where.has_priors()),
      factors_(where.has_factors()) {}

void Worker::take_keys(int64_t batch, int64_t key_head, float* room) {
    score->pack(batch, key_head, room);
    packed = room;
}

void Worker::take_values(int64_t batch, int64_t key_head, float* room) {
    if (tiled(problem)) {
        pack_read(half_rows(problem.value, batch, key_head), problem.keys, problem.value_size, room);
        value_tiles_ = room;
        room += Scratch::room(tile_floats(problem.keys, problem.value_size));
    }
    if (has_value_rows()) take_value_rows(batch, key_head, room);
}

void Worker::take_value_rows(int64_t batch, int64_t key_head, float* room) {
    values = rows_of(problem.value, problem.dtype, batch, key_head, 0, problem.keys, problem.value_size, padded_value,
                     room);
}

int64_t Worker::row_floats() const {
    return in_place(problem.dtype, problem.value_size) ? 0 : problem.keys * padded_value;
}

Rows Worker::queries(const Block& block, float* room) const {
    return queries_of(problem, block.batch, block.head, block.first, block.rows, padded_query, room);
}

int64_t Worker::value_floats() const {
    return (has_value_rows() ? row_floats() : 0) +
           (tiled(problem) ? Scratch::room(tile_floats(problem.keys, problem.value_size)) : 0);
}

Block Worker::block_of(int64_t batch, int64_t head, int64_t first, int64_t rows) {
    Interval span = where.span(batch, head, first, rows);
    int64_t start = span.low / kPanel * kPanel;
    return {batch, head, first, rows, start, span.low < span.high ? span.high - start : 0};
}

void Worker::scores_of(const Block& block, const Rows& query, float* scores, int64_t stride) {
    score->scores(block, query, packed, scores, stride);
    show(block, scores, stride);
}

void Worker::straight_scores_of(const Block& block, const Rows& query, const Rows& keys, float* scores,
                                int64_t stride) {
    match_rows(query.data, query.stride, block.rows, keys.data + block.column * keys.stride, keys.stride, block.columns,
               padded_size, scores, stride);
    if (problem.softcap != 0)
        for (int64_t r = 0; r < block.rows; ++r) cap_scores(problem.softcap, scores + r * stride, block.columns);
    show(block, scores, stride);
}

void Worker::show(const Block& block, float* scores, int64_t stride) {
    seen_ = &where.seen(block);
    for (int64_t r = 0; r < block.rows; ++r) {
        float* row = scores + r * stride;
        Interval shown = cells(block, r);
        if (priors_ && shown.low < shown.high)
            where.add_priors(block, block.first + r, block.column + shown.low, block.column + shown.high,
                             row + shown.low);
        if (!seen_->masked) continue;
        hide(row + shown.low, seen_->mask.data() + r * block.columns + shown.low, shown.high - shown.low);
    }
}

float Worker::weigh(const Block& block, int64_t r, float* row, float* room, float* saved_row) {
    Interval shown = cells(block, r);
    std::fill(row, row + shown.low, 0.0f);
    std::fill(row + std::max(shown.low, shown.high), row + block.columns, 0.0f);
    if (shown.low >= shown.high) return 1.0f;
    RowOf told = row_of(block, r, block.column + shown.low);
    float scale = weighing.weights(told, row + shown.low, shown.high - shown.low, saved_row);
    if (const float* factors = this->factors(block, r, shown, room))
        for (int64_t c = shown.low; c < shown.high; ++c) row[c] *= factors[c];
    return scale;
}

void Worker::make_readable(const Block& block, float* row) const {
    if (tiled(problem)) narrow_in_place(row, block.columns);
}

void Worker::read_values(const Block& block, const float* weights, int64_t stride, float* context) const {
    if (tiled(problem))
        return read_tiles(narrowed(weights, stride), block.rows, value_tiles_, block.column, block.columns,
                          padded_value, context, padded_value);
    read(weights, stride, block.rows, values.data + block.column * values.stride, values.stride, block.columns,
         padded_value, context, padded_value);
}

const float* Worker::factors(const Block& block, int64_t r, Interval cells, float* room) const {
    if (problem.seed == nullptr && !factors_) return nullptr;
    std::fill(room + cells.low, room + cells.high, 1.0f);
    int64_t row = block.first + r, low = block.column + cells.low, high = block.column + cells.high;
    if (factors_) where.multiply_factors(block, row, low, high, room + cells.low);
    if (problem.seed != nullptr)
        drop(problem, map_place(problem, block.batch, block.head), row, low, high, room + cells.low);
    return room;
}

RowOf Worker::row_of(const Block& block, int64_t r, int64_t column) {
    if (spare_ == nullptr) spare_.reset(new float[size_t(kSpareRows * (problem.keys + kWidth))]);
    int64_t row = block.first + r;
    return {problem,
            map_place(problem, block.batch, block.head),
            row,
            column,
            at(problem.number, block.batch, block.head, row),
            problem.number.data != nullptr,
            spare_.get()};
}

bool Worker::few(const Block& block, const float* saved) const {
    if (weighing.support == nullptr) return false;
    int64_t total = 0;
    for (int64_t r = 0; r < block.rows; ++r) total += weighing.support(problem, block.columns, saved + r * kSaved);
    return total * kDense < block.rows * block.columns;
}

Split::Split(const Problem& problem, int64_t cells)
    : key_heads(problem.key_heads), groups(problem.batch * problem.key_heads), rows(0), parts(1) {
    // What a block in the middle sees is what most blocks see.
    int64_t most = std::min(kMostRows, problem.queries);
    Interval span = Where(problem).span(0, 0, (problem.queries - most) / 2, most);
    int64_t columns = std::max<int64_t>(span.high - span.low, 1);
    int64_t step = tiled(problem) ? kTwoTiles : kRows, least = tiled(problem) ? kTwoTiles : 4 * kRows;
    rows = std::min(std::clamp(cells / columns / step * step, least, kMostRows), problem.queries);
    // Enough items that threads finish together, and not so many that packing the keys again and again shows.
    int64_t blocks = (problem.queries + rows - 1) / rows;
    if (groups < 4 * problem.threads && problem.threads > 1)
        parts = std::min((4 * problem.threads + groups - 1) / groups, blocks);
}

Split Split::evenly(const Problem& problem) {
    Split found(problem);
    found.parts = std::min(found.parts, problem.threads / std::gcd(found.groups, problem.threads));
    return found;
}

}  // namespace regard
