// A few queries against a long memory: keys and values are read once, as they lie, in parts that threads share.
#pragma once

#include "problem.hpp"

namespace regard {

// Whether a head's queries are so few that packing its keys or values would cost more than it gives.
bool few_queries(const Problem& problem);

// Whether they are, and keys are matched with them as they lie.
bool reads_once(const Problem& problem);

// Context of all queries, and what is saved of their rows (batch, heads, queries, kSaved).
void decode(const Problem& problem, const Strided& context, float* saved);

}  // namespace regard
