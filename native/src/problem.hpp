// One attention problem as Python hands it over. The order of the fields is that of `Problem` in native/problem.py.
#pragma once

#include <cstdint>

namespace regard {

// A tensor (batch, heads, rows, size) with strides in elements; the last axis is contiguous.
struct Strided {
    void* data;
    int64_t batch, head, row;
};

enum Dtype : int64_t { kFloat32 = 0, kBfloat16 = 1 };

// A row-normalised or elementwise weighing.
enum Rule : int64_t {
    kSoftmax = 0,
    kEntmax = 1,
    kSigmoid = 2,
    kTopK = 3,
    kArgmax = 4,
    kGumbel = 5,
    kGumbelHard = 6,
};

enum ScoreKind : int64_t { kProduct = 0, kAdditive = 1, kConvolved = 2 };

// A number for every row, (batch, heads, rows), with stride 0 where it does not vary; none where there is no data.
struct RowNumber {
    const float* data;
    int64_t batch, head, row;
};

struct Problem {
    // `size` numbers of a query and a key are matched; a query has `query_size`, and what it has more is the score's.
    int64_t batch, heads, key_heads, queries, keys, size, query_size, value_size;
    int64_t dtype, threads;
    Strided query, key, value;
    // How query and key are matched: queries count `scale` times; softcap 0 means none. A convolution has `channels`
    // filters of `taps` numbers.
    int64_t score;
    double scale, softcap;
    int64_t channels, taps;
    const float* learned;
    // Which keys are seen: a program over `tensors` and `numbers`, see where.hpp.
    const int64_t* steps;
    int64_t step_count;
    const void* const* tensors;
    const double* numbers;
    // How scores become weights. `number` is the sink of a softmax or the alpha of an entmax, `most` how many keys a
    // top-k keeps, `noise` the seed of a sample.
    int64_t rule;
    double temperature, alpha;
    RowNumber number;
    int64_t most;
    const int32_t* noise;
    // Dropout: a weight is kept where its hash is at least `dropped`; no seed means no dropout.
    const int32_t* seed;
    int64_t dropped;
    double kept;
};

// Numbers saved for a row between forward and backward: the rule's own.
constexpr int64_t kSaved = 4;

// The place of a map among those of all heads of a batch, and of one of its rows among the rows of all maps.
inline int64_t map_place(const Problem& problem, int64_t batch, int64_t head) { return batch * problem.heads + head; }

inline int64_t row_place(const Problem& problem, int64_t map, int64_t row) { return map * problem.queries + row; }

inline int64_t row_place(const Problem& problem, int64_t batch, int64_t head, int64_t row) {
    return row_place(problem, map_place(problem, batch, head), row);
}

inline float at(const RowNumber& number, int64_t batch, int64_t head, int64_t row) {
    if (number.data == nullptr) return 0.0f;
    return number.data[batch * number.batch + head * number.head + row * number.row];
}

}  // namespace regard
