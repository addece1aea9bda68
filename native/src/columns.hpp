// Sums over the queries of a head: one for every key, and one for every cell of an overview.
//
// A head's rows are cut into shares whose bounds follow from the problem's own sizes, so that neither the number of
// threads nor other heads change a bit. A share adds up for itself; shares are joined in their order.
#pragma once

#include <vector>

#include "facts.hpp"
#include "problem.hpp"

namespace regard {

// How the rows of every head are cut.
struct Shares {
    explicit Shares(const Problem& problem);

    int64_t rows;   // of a block
    int64_t share;  // rows of a share
    int64_t count;  // shares of a head
};

// Where the sums of a share go. `edge` takes the overview's row `shared`, which began in a share before.
struct Sums {
    float *mass, *pooled, *edge;
    int64_t shared;
};

// Memory of all shares, and the joining of it.
class Columns {
public:
    Columns(const Problem& problem, const Facts& facts, const Shares& shares);

    Sums sums(int64_t map, int64_t share);
    // Add up the shares of a head, in their order.
    void join(int64_t map);

private:
    // The overview's row that a share goes on with, or -1.
    int64_t shared(int64_t share) const;

    const Problem& problem_;
    const Facts& facts_;
    const Shares& shares_;
    std::vector<float> mass_, edges_;
};

// The sums of one share while its rows come, one after the other.
class ColumnSums {
public:
    // `room` holds a number for every key.
    ColumnSums(const Problem& problem, const Facts& facts, float* room);

    void begin(const Sums& sums) { to_ = sums; }
    // A row comes, whose weights are those of the keys low .. high.
    void begin_row(int64_t row, int64_t low, int64_t high);
    // Some of its weights, from key `first` on, times `scale`.
    void add(const float* weights, int64_t first, int64_t count, float scale);
    // Pass on what has been added up.
    void flush();

private:
    void pool() const;

    const Problem& problem_;
    const Facts& facts_;
    Sums to_{};
    float* total_;                         // of the rows since the last flush, 0 outside low .. high
    int64_t low_, high_ = 0, row_ = 0, taken_ = 0;  // row_ is the overview's
};

}  // namespace regard
