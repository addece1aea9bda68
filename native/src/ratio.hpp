// tanh(q + k) without a tangent for every pair: a ratio of two terms that are linear in one number of the key.
//
//     middle keys:  b = e^(2k),   tanh(q + k) = (a b - w) / (a b + w),  a / w = e^(2q), the larger of a and w is 1
//     near keys:    b = tanh k,   tanh(q + k) = (w b + a) / (a b + w),  a = tanh q, w = 1
//
// The first is right to a unit in the last place of 1, at any q and where e^(2k) is a number. The second is right to a
// unit in the last place of the result where |k| is small, at any q. A channel is far where neither will do.
//
// Its slope 1 - tanh^2 is the query's slope times the key's, divided by (a b + w)^2: nothing cancels.
#pragma once

#include "tangent.hpp"

namespace regard {

// The kind of a channel, by its largest |k|.
constexpr float kNear = 0.0f, kMiddle = 1.0f, kFar = 2.0f;
constexpr float kNearest = 0.5f, kFarthest = 16.0f;
// Ratios may share a reciprocal while the sum of their largest |k| is below this: e^(2 * 30) is far from overflowing,
// also after it was multiplied by any energy that could be meant.
constexpr float kShared = 30.0f;

// The kinds of a vector of channels: asked once, then told to every key and query.
struct Kinds {
    Ints near, middle;
    bool some_near, some_middle;

    explicit Kinds(const float* kinds) : near(load(kinds) == kNear), middle(load(kinds) == kMiddle) {
        some_near = any(near);
        some_middle = any(middle);
    }

private:
    static bool any(Ints mask) {
        int32_t some = 0;
        for (int i = 0; i < kWidth; ++i) some |= mask[i];
        return some != 0;
    }
};

struct KeySide {
    Floats number, slope;
};

// What a query's number multiplies and adds: over = x b + y, under = a b + w.
struct QuerySide {
    Floats a, w, x, y, slope;
};

inline Floats key_number(Floats key, const Kinds& kinds) {
    Floats found = key;
    if (kinds.some_middle) found = kinds.middle ? exponential(key + key) : found;
    if (kinds.some_near) found = kinds.near ? hyperbolic_tangent(key) : found;
    return found;
}

// A far channel has slope 0 here.
inline KeySide key_side(Floats key, const Kinds& kinds) {
    Floats number = key_number(key, kinds), slope = kinds.middle ? number : Floats{};
    return {number, kinds.near ? 1.0f - number * number : slope};
}

// A far channel gives a ratio of 0 / 1.
inline QuerySide query_side(Floats query, const Kinds& kinds) {
    Floats fallen = exponential(magnitude(query) * -2.0f), one = all(1.0f);
    QuerySide found{Floats{}, one, Floats{}, Floats{}, Floats{}};
    if (kinds.some_middle) {
        Floats a = query < 0.0f ? fallen : one, w = query < 0.0f ? one : fallen;
        found.a = found.x = kinds.middle ? a : Floats{};
        found.w = kinds.middle ? w : one;
        found.y = kinds.middle ? -w : Floats{};
        found.slope = kinds.middle ? 4.0f * fallen : Floats{};
    }
    if (kinds.some_near) {
        Floats tangent = hyperbolic_tangent(query), sum = fallen + 1.0f;
        found.a = kinds.near ? tangent : found.a;
        found.x = kinds.near ? one : found.x;
        found.y = kinds.near ? tangent : found.y;
        found.slope = kinds.near ? 4.0f * fallen / (sum * sum) : found.slope;
    }
    return found;
}

// over / under; two of them have a sum that needs no division yet.
struct Ratio {
    Floats over, under;
};

inline Ratio operator+(Ratio one, Ratio other) {
    return {one.over * other.under + other.over * one.under, one.under * other.under};
}

inline Floats value(Ratio ratio) { return ratio.over * reciprocal(ratio.under); }

}  // namespace regard
