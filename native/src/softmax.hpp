// What is raised by a softmax.
#pragma once

#include "rules.hpp"

namespace regard {

// Replaces scores by `part` times e^(scale * score - most), and returns the sum of these.
inline float raise(float* scores, int64_t count, float scale, float most, float part) {
    constexpr float kTwos = 1.44269504088896341f;  // e = 2^kTwos
    // The difference comes first: where it is 0, so is its multiple.
    auto raised = [&](Floats score) { return power_of_two((score * scale - most) * kTwos) * part; };
    Floats total = {};
    int64_t c = 0;
    // Whole vectors by themselves: what is left is stored by way of memory, which all of them would wait for.
    for (; c + kWidth <= count; c += kWidth) {
        Floats some = raised(load(scores + c));
        store(scores + c, some);
        total += some;
    }
    if (c < count) {
        Floats some = raised(load_some(scores + c, count - c, kLowest));
        store_some(scores + c, some, count - c);
        total += some;
    }
    return sum(total);
}

}  // namespace regard
