#include "reader.hpp"

#include "products.hpp"
#include "straight.hpp"

namespace regard {

namespace {

int64_t room_for_rows(const Problem& problem) {
    return kReadAtOnce * std::max(round_up(problem.size, kWidth), round_up(problem.value_size, kWidth));
}

int64_t floats(const Problem& problem, int64_t queries, int64_t extra) {
    int64_t rows = problem.heads / problem.key_heads * queries;
    return Scratch::room(rows * round_up(problem.size, kWidth)) + Scratch::room(room_for_rows(problem)) +
           Scratch::room(kReadAtOnce) + Scratch::room(extra);
}

// Calls visit(rows, stride) with rows of a head as floats or bfloat16 where they lie, or where those are not whole
// vectors as floats in `room`.
template <class Visit>
void with_rows(const Strided& tensor, int64_t dtype, int64_t batch, int64_t head, int64_t first, int64_t count,
               int64_t size, float* room, const Visit& visit) {
    if (dtype == kBfloat16 && size % kWidth == 0) {
        visit(static_cast<const uint16_t*>(tensor.data) + offset(tensor, batch, head, first), tensor.row);
    } else {
        Rows rows = rows_of(tensor, dtype, batch, head, first, count, size, round_up(size, kWidth), room);
        visit(rows.data, rows.stride);
    }
}

}  // namespace

Reader::Reader(const Problem& problem, int64_t batch, int64_t key_head, int64_t first, int64_t queries, int64_t extra)
    : problem_(problem),
      worker_(problem),
      batch_(batch),
      key_head_(key_head),
      first_(first),
      queries_(queries),
      group_(problem.heads / problem.key_heads),
      scratch_(floats(problem, queries, extra)),
      query_(scratch_.take(group_ * queries * worker_.padded_size)),
      room_(scratch_.take(room_for_rows(problem))),
      factors_(scratch_.take(kReadAtOnce)),
      extra_(scratch_.take(extra)) {
    int64_t padded = worker_.padded_size;
    for (int64_t member = 0; member < group_; ++member) {
        float* to = query_ + member * queries * padded;
        Rows found = queries_of(problem, batch, key_head * group_ + member, first, queries, padded, to);
        if (found.data == to) continue;
        for (int64_t r = 0; r < queries; ++r)
            std::memcpy(to + r * padded, found.data + r * found.stride, sizeof(float) * padded);
    }
}

Interval Reader::span() {
    Interval all{problem_.keys, 0};
    for (int64_t member = 0; member < group_; ++member) {
        Interval one = worker_.where.span(batch_, key_head_ * group_ + member, first_, queries_);
        if (one.low < one.high) all = {std::min(all.low, one.low), std::max(all.high, one.high)};
    }
    all.low = all.low / kPanel * kPanel;
    return all;
}

void Reader::products(int64_t column, int64_t columns, float* out, int64_t stride) {
    int64_t padded = worker_.padded_size;
    with_rows(problem_.key, problem_.dtype, batch_, key_head_, column, columns, problem_.size, room_,
              [&](const auto* keys, int64_t key_stride) {
                  match_rows(query_, padded, rows(), keys, key_stride, columns, padded, out, stride);
              });
    if (problem_.softcap != 0)
        for (int64_t r = 0; r < rows(); ++r) cap_scores(problem_.softcap, out + r * stride, columns);
}

void Reader::scores(int64_t column, int64_t columns, float* out, int64_t stride) {
    products(column, columns, out, stride);
    if (worker_.where.empty()) return;
    for (int64_t member = 0; member < group_; ++member) {
        Block shown = block(member, column, columns);
        float* scores = out + member * queries_ * stride;
        worker_.show(shown, scores, stride);
        for (int64_t r = 0; r < queries_; ++r) {
            // What a row sees may begin behind the block.
            Interval cells = worker_.cells(shown, r);
            int64_t low = std::min(cells.low, columns);
            float* row = scores + r * stride;
            std::fill(row, row + low, kLowest);
            std::fill(row + std::max(low, cells.high), row + columns, kLowest);
        }
    }
}

void Reader::multiply_factors(int64_t column, int64_t columns, float* weights, int64_t stride) {
    for (int64_t r = 0; r < rows(); ++r) {
        Block whole = block(r / queries_, column, columns);
        const float* factors = worker_.factors(whole, r % queries_, {0, columns}, factors_);
        if (factors == nullptr) return;
        for (int64_t c = 0; c < columns; ++c) weights[r * stride + c] *= factors[c];
    }
}

void Reader::weigh(int64_t member, Interval span, float* cells, int64_t stride, float* room, float* saved,
                   float* scales) {
    Block shown = worker_.block_of(batch_, key_head_ * group_ + member, first_, queries_);
    if (shown.columns > 0) worker_.show(shown, cells + shown.column, stride);
    std::fill(saved, saved + queries_ * kSaved, 0.0f);
    for (int64_t r = 0; r < queries_; ++r) {
        float* row = cells + r * stride;
        if (shown.columns == 0) {
            std::fill(row + span.low, row + std::max(span.low, span.high), 0.0f);
            continue;
        }
        scales[r] = worker_.weigh(shown, r, row + shown.column, room, saved + r * kSaved);
        std::fill(row + span.low, row + shown.column, 0.0f);
        std::fill(row + shown.column + shown.columns, row + span.high, 0.0f);
    }
}

void Reader::read_values(int64_t column, int64_t columns, const float* weights, int64_t stride, float* context) {
    int64_t padded = worker_.padded_value;
    with_rows(problem_.value, problem_.dtype, batch_, key_head_, column, columns, problem_.value_size, room_,
              [&](const auto* values, int64_t value_stride) {
                  read(weights, stride, rows(), values, value_stride, columns, padded, context, padded);
              });
}

}  // namespace regard
