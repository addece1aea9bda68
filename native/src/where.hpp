// Which keys a block of rows sees: a small program of conditions, evaluated on every block, and the priors after it.
//
// A condition pushes a part (for every row an interval of keys, and within it perhaps a mask); AND, OR and NOT take
// parts from the stack. Steps are whole numbers: the operation, then its arguments. A tensor is named by its place in
// `tensors`, a floating-point argument by its place in `numbers`. The codes are those of `Code` in native/steps.py.
#pragma once

#include <algorithm>
#include <vector>

#include "problem.hpp"
#include "simd.hpp"

namespace regard {

enum Code : int64_t {
    kBand = 1,          // low, high: low <= j - i <= high
    kKeyLengths = 2,    // tensor (batch): j < lengths[b]
    kQueryLengths = 3,  // tensor (batch): i < lengths[b]
    kMask = 4,          // tensor, 4 strides: mask[b, h, i, j]
    kSame = 5,          // query ids, 2 strides, key ids, 2 strides: equal and not negative
    kPlaces = 6,        // low, high, query places, 2 strides, key places, 2 strides: low <= key - query <= high
    kSpans = 7,         // first, last (queries): first[i] <= j < last[i]
    kAround = 8,        // centre, 3 strides, radius: |j - centre[b, h, i]| <= radius
    kAnd = 9,
    kOr = 10,
    kNot = 11,
    kBias = 20,   // tensor, 4 strides: added to the score
    kTable = 21,  // tensor, stride of heads, radius, shift: table[h, clamp(j - i - shift, -radius, radius) + radius] added
    kSlope = 22,  // tensor, stride of heads, shift: - slope[h] * |j - i - shift| added
    kGauss = 23,  // centre, 3 strides, sigma: exp(-(j - centre)^2 / (2 sigma^2)) multiplies the weight
};

// Arguments after the code of a step.
inline int64_t arguments(int64_t code) {
    switch (code) {
        case kBand: case kSpans: return 2;
        case kKeyLengths: case kQueryLengths: return 1;
        case kMask: case kBias: case kAround: case kGauss: return 5;
        case kSame: return 6;
        case kPlaces: return 8;
        case kTable: return 4;
        case kSlope: return 3;
        default: return 0;
    }
}

// Rows `first` .. `first + rows` of a head, and the keys `column` .. `column + columns` that some of them may see.
struct Block {
    int64_t batch, head, first, rows, column, columns;
};

struct Interval {
    int64_t low, high;
};

// What every row of a block sees: keys low .. high - 1, and where there is a mask only those it shows. The mask is
// (rows, columns) and counts from the block's first column.
struct Seen {
    std::vector<Interval> row;
    std::vector<uint8_t> mask;
    bool masked = false;
};

class Where {
public:
    explicit Where(const Problem& problem) : problem_(problem) {}

    // Whether the program has conditions or priors at all.
    bool empty() const { return problem_.step_count == 0; }

    // The keys that some of the rows may see.
    Interval span(int64_t batch, int64_t head, int64_t first, int64_t rows);

    // What the rows of a block see. The result lives until the next call.
    const Seen& seen(const Block& block);

    // Add the priors to scores of row i, which begin at key `low`.
    void add_priors(const Block& block, int64_t i, int64_t low, int64_t high, float* scores) const;

    // Multiply by the factors; `factors` is set to 1 before. Returns whether there are any.
    bool multiply_factors(const Block& block, int64_t i, int64_t low, int64_t high, float* factors) const;
    bool has_priors() const;
    bool has_factors() const;

    // Add the gradient of row i's scores to those of the priors; `grads` has a place for every tensor, or null.
    void give_priors(const Block& block, int64_t i, int64_t low, int64_t high, const float* d_scores,
                     float* const* grads) const;

    // The same for the factors; `d_logs` is the gradient of their logarithms.
    void give_factors(const Block& block, int64_t i, int64_t low, int64_t high, const float* d_logs,
                      float* const* grads) const;

private:
    Interval leaf_span(const int64_t* step, int64_t batch, int64_t head, int64_t first, int64_t last) const;
    void evaluate(const int64_t* step, const Block& block, Seen& out) const;
    void fill_mask(const Block& block, Seen& part, bool invert) const;
    void join(const int64_t code, const Block& block, Seen& left, Seen& right) const;
    template <class T>
    const T* tensor(int64_t place) const {
        return static_cast<const T*>(problem_.tensors[place]);
    }

    const Problem& problem_;
    std::vector<Seen> stack_;
};

}  // namespace regard
