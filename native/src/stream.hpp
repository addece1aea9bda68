// Softmax while the keys come: the scores of a few keys at a time stay in the first cache. When a higher score comes,
// what was read before is made smaller.
#pragma once

#include "attend.hpp"

namespace regard {

// Whether a problem is read like this.
inline bool streams(const Problem& problem) { return tiled(problem) && problem.rule == kSoftmax; }

// Floats of scores that a block needs.
int64_t streamed_floats(int64_t rows);

// Adds to `context` (rows, padded_value), which is 0, what a block's rows read of the values, still to be multiplied
// by `scales`. `saved` is the rule's. `scores` has room for `streamed_floats`, `factors` for a row.
void read_streamed(Worker& worker, const Block& block, const Rows& query, float* scores, float* factors,
                   float* context, float* saved, float* scales);

}  // namespace regard
