// A few queries against a long memory: keys and values are read once, as they lie, in parts that threads share.
#pragma once

#include "problem.hpp"

namespace regard {

// Whether the queries are so few that packing the keys would cost more than it gives.
bool reads_once(const Problem& problem);

// Context of all queries, and what is saved of their rows (batch, heads, queries, kSaved).
void decode(const Problem& problem, const Strided& context, float* saved);

}  // namespace regard
