// What is raised by a softmax.
#pragma once

#include "rules.hpp"

namespace regard {

// Replaces scores by `part` times e^(scale * score - most), and returns the sum of these.
inline float raise(float* scores, int64_t count, float scale, float most, float part) {
    constexpr float kTwos = 1.44269504088896341f;  // e = 2^kTwos
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        // The difference comes first: where it is 0, so is its multiple.
        Floats raised = power_of_two((load_some(scores + c, left, kLowest) * scale - most) * kTwos) * part;
        store_some(scores + c, raised, left);
        total += raised;
    });
    return sum(total);
}

}  // namespace regard
