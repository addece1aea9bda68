// The hyperbolic tangent and its slope.
#pragma once

#include "simd.hpp"

namespace regard {

inline Floats magnitude(Floats x) { return x < 0.0f ? -x : x; }

// tanh to about one unit in the last place.
inline Floats hyperbolic_tangent(Floats x) {
    Floats square = x * x;
    Floats near = all(-5.70498872745e-3f);
    near = near * square + 2.06390887954e-2f;
    near = near * square - 5.37397155531e-2f;
    near = near * square + 1.33314422036e-1f;
    near = near * square - 3.33332819422e-1f;
    near = near * square * x + x;
    Floats far = 1.0f - 2.0f / (exponential(smaller(magnitude(x), all(20.0f)) * 2.0f) + 1.0f);
    far = x < 0.0f ? -far : far;
    return square < 0.390625f ? near : far;
}

// 1 - tanh(x)^2, without taking the difference.
inline Floats tangent_slope(Floats x) {
    Floats fallen = exponential(magnitude(x) * -2.0f), sum = fallen + 1.0f;
    return 4.0f * fallen / (sum * sum);
}

}  // namespace regard
