#include "columns.hpp"

#include <algorithm>

#include "attend.hpp"
#include "sweep.hpp"

namespace regard {

namespace {

constexpr int64_t kLeastShare = 512, kMostShares = 16;
// Rows that are added up before they join a longer sum, which so loses few digits.
constexpr int64_t kAdded = 64;

}  // namespace

Shares::Shares(const Problem& problem) : rows(Split(problem).rows) {
    int64_t least = std::max(kLeastShare, (problem.queries + kMostShares - 1) / kMostShares);
    share = round_up(least, rows);
    count = (problem.queries + share - 1) / share;
}

Columns::Columns(const Problem& problem, const Facts& facts, const Shares& shares)
    : problem_(problem), facts_(facts), shares_(shares) {
    if (shares.count == 1) return;
    size_t all = size_t(problem.batch * problem.heads * shares.count);
    if (facts.mass != nullptr) mass_.resize(all * size_t(problem.keys));
    if (facts.pooled != nullptr) edges_.resize(all * size_t(facts.columns));
}

int64_t Columns::shared(int64_t share) const {
    int64_t first = share * shares_.share, row = first * facts_.rows / problem_.queries;
    return facts_.pooled != nullptr && row * problem_.queries < first * facts_.rows ? row : -1;
}

Sums Columns::sums(int64_t map, int64_t share) {
    int64_t place = map * shares_.count + share;
    Sums found{nullptr, nullptr, nullptr, shared(share)};
    if (facts_.mass != nullptr)
        found.mass = mass_.empty() ? facts_.mass + map * problem_.keys : mass_.data() + place * problem_.keys;
    if (facts_.pooled != nullptr) found.pooled = facts_.pooled + map * facts_.rows * facts_.columns;
    if (!edges_.empty()) found.edge = edges_.data() + place * facts_.columns;
    return found;
}

void Columns::join(int64_t map) {
    for (int64_t share = 0; share < shares_.count && shares_.count > 1; ++share) {
        Sums from = sums(map, share);
        if (from.mass != nullptr)
            for (int64_t j = 0; j < problem_.keys; ++j) facts_.mass[map * problem_.keys + j] += from.mass[j];
        if (from.shared >= 0)
            for (int64_t c = 0; c < facts_.columns; ++c)
                from.pooled[from.shared * facts_.columns + c] += from.edge[c];
    }
}

ColumnSums::ColumnSums(const Problem& problem, const Facts& facts, float* room)
    : problem_(problem), facts_(facts), total_(room), low_(problem.keys) {
    if (facts.about_columns()) std::fill(total_, total_ + problem.keys, 0.0f);
}

void ColumnSums::begin_row(int64_t row, int64_t low, int64_t high) {
    int64_t pooled = row * facts_.rows / problem_.queries;
    if (pooled != row_ || taken_ == kAdded) flush();
    row_ = pooled;
    ++taken_;
    if (low >= high) return;
    low_ = std::min(low_, low);
    high_ = std::max(high_, high);
}

void ColumnSums::add(const float* weights, int64_t first, int64_t count, float scale) {
    float* to = total_ + first;
    by_vector(count, [&](int64_t c, int64_t left) {
        store_some(to + c, load_some(to + c, left) + load_some(weights + c, left) * scale, left);
    });
}

void ColumnSums::flush() {
    if (low_ < high_) {
        if (to_.mass != nullptr)
            for (int64_t j = low_; j < high_; ++j) to_.mass[j] += total_[j];
        if (to_.pooled != nullptr) pool();
        std::fill(total_ + low_, total_ + high_, 0.0f);
    }
    low_ = problem_.keys;
    high_ = taken_ = 0;
}

void ColumnSums::pool() const {
    int64_t columns = facts_.columns, keys = problem_.keys;
    float* to = row_ == to_.shared ? to_.edge : to_.pooled + row_ * columns;
    for (int64_t c = low_ * columns / keys, from = low_; from < high_; ++c) {
        int64_t end = std::min(((c + 1) * keys + columns - 1) / columns, high_);
        to[c] += sum_of(total_ + from, end - from);
        from = end;
    }
}

}  // namespace regard
