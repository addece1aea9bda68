// Alpha-entmax. With e = alpha - 1, and scores lifted so that the highest is 0,
//
//     w = b^(1/e),   b = [1 + e (lifted - t)]_+ ,   t such that the weights sum to 1.
//
// Where e is small, b is close to 1, and what counts is e (lifted - t); where it is not, b = e (lifted - (t - 1/e)) is
// exact just where weights vanish. So the origin of a row is t or t - 1/e.
// Saved are the highest score, the origin in two parts, and how many weights are not 0.
#include <cmath>

#include "compress.hpp"
#include "rules.hpp"

namespace regard {

namespace {

// No lifted score is lower, so that no product overflows.
constexpr float kDeep = -1e30f;
constexpr float kSmallest = 1.2e-38f;
// No weight is lower than e to the power of this.
constexpr float kDeepest = -87.33f;

enum class Form { kSquare, kLinear, kPower };

struct Curve {
    double e;
    Form form;
    float one;  // 1 where the origin is t, 0 where it is t - 1/e
};

struct Origin {
    explicit Origin(double origin) : high(float(origin)), low(float(origin - double(high))) {}
    Origin(float high, float low) : high(high), low(low) {}
    float high, low;
};

Curve curve_of(const RowOf& row) {
    double e = (row.has_number ? double(row.number) : row.problem.alpha) - 1;
    if (e == 0.5) return {e, Form::kSquare, 0.0f};
    if (e == 1.0) return {e, Form::kLinear, 0.0f};
    return {e, Form::kPower, e < 0.5 ? 1.0f : 0.0f};
}

// Calls visit with the form as a constant.
template <class Visit>
inline auto by_form(Form form, const Visit& visit) {
    switch (form) {
        case Form::kSquare: return visit.template operator()<Form::kSquare>();
        case Form::kLinear: return visit.template operator()<Form::kLinear>();
        default: return visit.template operator()<Form::kPower>();
    }
}

struct Raised {
    Floats weight, slope;  // slope is w^(2 - alpha)
};

template <Form kForm>
inline Raised raise(const Curve& curve, Floats lifted, Origin origin) {
    float e = float(curve.e);
    Floats scaled = ((lifted - origin.high) - origin.low) * e;
    if constexpr (kForm == Form::kSquare) {
        Floats base = larger(scaled, Floats{});
        return {base * base, base};
    } else if constexpr (kForm == Form::kLinear) {
        return {larger(scaled, Floats{}), scaled > 0.0f ? all(1.0f) : Floats{}};
    } else {
        Floats base = scaled + curve.one, inside = larger(base, all(1e-37f)), inverse = reciprocal(inside);
        // What adding 1 rounded away counts 1/e times.
        Floats lost = (scaled - (base - 1.0f)) * inverse * curve.one;
        Floats power = (logarithm(inside) + lost) * float(1 / curve.e);
        Floats weight = exponential_below(power);
        weight = (base > 0.0f) & (power > kDeepest) ? weight : Floats{};
        return {weight, weight * inverse};
    }
}

struct Totals {
    double weight, slope;
};

template <Form kForm>
Totals totals(const Curve& curve, const float* lifted, int64_t count, Origin origin) {
    Floats weights = {}, slopes = {}, more_weights = {}, more_slopes = {};
    int64_t c = 0;
    for (; c + 2 * kWidth <= count; c += 2 * kWidth) {
        Raised one = raise<kForm>(curve, load(lifted + c), origin);
        Raised other = raise<kForm>(curve, load(lifted + c + kWidth), origin);
        weights += one.weight;
        slopes += one.slope;
        more_weights += other.weight;
        more_slopes += other.slope;
    }
    by_vector(count - c, [&](int64_t rest, int64_t left) {
        Raised last = raise<kForm>(curve, load_some(lifted + c + rest, left, kDeep), origin);
        weights += last.weight;
        slopes += last.slope;
    });
    return {sum(weights + more_weights), sum(slopes + more_slopes)};
}

// Where the origin would be if all scores were their mean. Up to alpha = 2 it is never too high, by Jensen's inequality.
double start_of(const Curve& curve, const float* lifted, int64_t count, double first) {
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) { total += load_some(lifted + c, left); });
    double mean = sum(total) / double(count), less = std::expm1(-curve.e * std::log(double(count))) / curve.e;
    return std::max(first, first + mean - less);
}

// Newton's step on (sum w)^e = 1: for equal scores that is linear, and one step is enough.
double step_of(const Curve& curve, Totals found) {
    return found.weight * -std::expm1(-curve.e * std::log(found.weight)) / (curve.e * found.slope);
}

// The numbers above `limit`, brought together; `to` may be `from`.
int64_t keep_above(const float* from, int64_t count, float most, float limit, float* to) {
    int64_t kept = 0;
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats lifted = load_some(from + c, left, kLowest) - most;
        uint32_t chosen = lanes(lifted > limit);
        if (chosen != 0) kept += append(to + kept, lifted, chosen);
    });
    return kept;
}

// The lowest lifted score that can have a weight.
float edge_of(const Curve& curve, double origin) {
    return std::max(float(origin - (curve.one != 0 ? 1 / curve.e : 0.0)), kDeep);
}

// How far the sum of weights may be from 1 where the last step is taken: that leaves about its square where the slope
// has no kinks, up to alpha = 1.5; above, no more than what leaves the support with it.
double close_of(const Curve& curve) { return curve.e <= 0.5 ? 2e-4 : 1e-6; }

// Up to alpha = 2, (sum w)^e is convex in the origin: Newton's method from below climbs to the root and passes it by no
// more than a rounding.
template <Form kForm>
double climb(const Curve& curve, float* lifted, int64_t count, double origin) {
    double close = close_of(curve), before = HUGE_VAL;
    for (int step = 0; step < 60; ++step) {
        // A margin for what rounding has added.
        if (step < 2) count = keep_above(lifted, count, 0.0f, edge_of(curve, origin) - 1e-5f, lifted);
        Totals found = totals<kForm>(curve, lifted, count, Origin(origin));
        double move = step_of(curve, found), away = std::abs(found.weight - 1);
        if (!(away < before)) break;
        origin += move;
        if (away <= close) break;
        before = away;
    }
    return origin;
}

// Above, the slope is infinite where a weight vanishes: Newton's step is taken inside of a bracket, which is halved
// whenever two steps have not.
double bracket(const Curve& curve, const float* lifted, int64_t count, double low, double at) {
    double high = -std::pow(double(count), -curve.e) / curve.e, width = high - low;
    for (int step = 0; step < 80 && high - low > 1e-9 * -low; ++step) {
        Totals found = totals<Form::kPower>(curve, lifted, count, Origin(at));
        double next = at + step_of(curve, found);
        bool inside = next >= low && next <= high;
        if (std::abs(found.weight - 1) <= close_of(curve)) return inside ? next : at;
        (found.weight >= 1 ? low : high) = at;
        bool slow = step % 2 == 1 && 2 * (high - low) > width;
        if (step % 2 == 1) width = high - low;
        at = inside && !slow ? next : 0.5 * (low + high);
    }
    return 0.5 * (low + high);
}

double origin_of(const Curve& curve, const float* scores, int64_t count, float most, float* spare) {
    double first = curve.one != 0 ? 0.0 : -1 / curve.e;
    int64_t kept = keep_above(scores, count, most, edge_of(curve, first), spare);
    double start = start_of(curve, spare, kept, first);
    if (curve.e > 1) return bracket(curve, spare, kept, first, start);
    return by_form(curve.form, [&]<Form kForm>() { return climb<kForm>(curve, spare, kept, start); });
}

// Scores to weights; how many are not 0.
int64_t map(const Curve& curve, float* scores, int64_t count, float most, Origin origin) {
    float edge = edge_of(curve, double(origin.high) + double(origin.low));
    return by_form(curve.form, [&]<Form kForm>() {
        int64_t support = 0;
        by_vector(count, [&](int64_t c, int64_t left) {
            Floats lifted = larger(load_some(scores + c, left, kLowest) - most, all(kDeep)), weight = {};
            if (lanes(lifted >= edge) != 0) {
                weight = raise<kForm>(curve, lifted, origin).weight;
                support += how_many(lanes(weight > 0.0f));
            }
            store_some(scores + c, weight, left);
        });
        return support;
    });
}

float weights(const RowOf& row, float* scores, int64_t count, float* saved) {
    float most = highest_of(scores, count);
    saved[0] = most;
    if (most == kLowest) {
        fill(scores, count, 0.0f);
        return 1.0f;
    }
    Curve curve = curve_of(row);
    Origin origin(origin_of(curve, scores, count, most, row.spare));
    saved[1] = origin.high;
    saved[2] = origin.low;
    saved[3] = float(map(curve, scores, count, most, origin));
    return 1.0f;
}

void again(const RowOf& row, float* scores, int64_t count, const float* saved) {
    if (saved[0] == kLowest) return fill(scores, count, 0.0f);
    map(curve_of(row), scores, count, saved[0], Origin(saved[1], saved[2]));
}

template <Form kForm>
inline Floats slope_of(const Curve& curve, Floats weight) {
    if constexpr (kForm == Form::kSquare) return root(weight);
    if constexpr (kForm == Form::kLinear) return weight > 0.0f ? all(1.0f) : Floats{};
    Floats slope = exponential(logarithm(larger(weight, all(kSmallest))) * float(1 - curve.e));
    return weight >= kSmallest ? slope : Floats{};
}

// How a weight would change with alpha if the origin stayed where it is:
//
//     w (1 - z - e^-z) / e^2,   z = e log w,   and for small z by its series, as the terms cancel.
inline Floats change_of(const Curve& curve, Floats weight) {
    float e = float(curve.e);
    Floats inside = larger(weight, all(kSmallest)), surprise = logarithm(inside), z = surprise * e;
    Floats far = (inside - inside * z - exponential(surprise * float(1 - curve.e))) * float(1 / (curve.e * curve.e));
    Floats series = all(-1.0f / 3628800);
    series = 1.0f / 362880 + series * z;
    series = -1.0f / 40320 + series * z;
    series = 1.0f / 5040 + series * z;
    series = -1.0f / 720 + series * z;
    series = 1.0f / 120 + series * z;
    series = -1.0f / 24 + series * z;
    series = 1.0f / 6 + series * z;
    series = -0.5f + series * z;
    Floats near = inside * surprise * surprise * series;
    Floats found = z > -0.5f ? near : far;
    return weight >= kSmallest ? found : Floats{};
}

// Gradient of alpha, sum_j change_j (dw_j - sum(u dw) / sum(u)): what `centre` is beyond `mean`.
float alpha_gradient(const Curve& curve, const float* weights, const float* grad, int64_t count, float mean,
                     float centre) {
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        Floats weight = load_some(weights + c, left);
        if (lanes(weight > 0.0f) == 0) return;
        total += change_of(curve, weight) * (load_some(grad + c, left, mean) - mean - centre);
    });
    return sum(total);
}

float backward(const RowOf& row, const float* weights, float* grad, int64_t count, float mean, const float* saved) {
    if (saved[0] == kLowest) {
        fill(grad, count, 0.0f);
        return 0.0f;
    }
    Curve curve = curve_of(row);
    return by_form(curve.form, [&]<Form kForm>() {
        Floats slopes = {}, carried = {};
        by_vector(count, [&](int64_t c, int64_t left) {
            Floats weight = load_some(weights + c, left), slope = {};
            if (lanes(weight > 0.0f) != 0) slope = slope_of<kForm>(curve, weight);
            store(row.spare + c, slope);
            slopes += slope;
            carried += slope * (load_some(grad + c, left) - mean);
        });
        float total = sum(slopes), centre = total > 0 ? sum(carried) / total : 0.0f;
        float number = row.has_number ? alpha_gradient(curve, weights, grad, count, mean, centre) : 0.0f;
        by_vector(count, [&](int64_t c, int64_t left) {
            store_some(grad + c, load(row.spare + c) * (load_some(grad + c, left) - mean - centre), left);
        });
        return number;
    });
}

int64_t support(const Problem&, int64_t count, const float* saved) {
    return saved[0] == kLowest ? 0 : std::min(int64_t(saved[3]), count);
}

}  // namespace

const Weighing kEntmaxRule = {weights, again, backward, support, true};

}  // namespace regard
