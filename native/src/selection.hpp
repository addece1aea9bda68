// Many rows of scores, each a chain of the same few states: one lane for each row.
//
// In state 0 a key is not looked at, in all others it is, and its score counts. Hidden keys are passed over.
#pragma once

#include <memory>

#include "chain.hpp"
#include "transpose.hpp"

namespace regard {

// One matrix of transitions, (states, states), and e^(transition - top).
template <class Real>
struct Moves {
    int64_t states;
    std::unique_ptr<Real[]> transition, factors;
    Real top = Real(kLow);

    Moves(const Real* given, int64_t count)
        : states(count), transition(new Real[size_t(count * count)]), factors(new Real[size_t(count * count)]) {
        for (int64_t cell = 0; cell < states * states; ++cell) {
            const Real value = given[cell] < Real(kLow) ? Real(kLow) : given[cell];
            transition[size_t(cell)] = value;
            top = value > top ? value : top;
        }
        for (int64_t cell = 0; cell < states * states; ++cell)
            factors[size_t(cell)] = std::exp(transition[size_t(cell)] - top);
    }
};

// The two recursions of as many rows as a vector has lanes. Vectors of states have `states` elements.
template <class Real, int known>
struct Sweep {
    using Lane = Vector<Real>;
    using Mask = decltype(Lane{} > Lane{});
    static constexpr int width = Lanes<Real>::width;
    const Moves<Real>& moves;
    Real* room;  // of one lane, (states)

    int64_t states() const { return known > 0 ? known : moves.states; }
    Real factor(int64_t i, int64_t j) const { return moves.factors[size_t(i * states() + j)]; }
    const Real* transition(int64_t i, int64_t j) const { return moves.transition.get() + i * states() + j; }

    // sums_j = sum_i raised_i factor_ij, its logarithm, and that of the lanes that may have lost something.
    void into(const Lane* logs, const Lane* raised, Lane* sums, Lane* log_sums) const {
        for (int64_t j = 0; j < states(); ++j) {
            Lane total = {};
            for (int64_t i = 0; i < states(); ++i) total += raised[i] * factor(i, j);
            sums[j] = total;
            log_sums[j] = logarithm(total) + moves.top;
            exactly(total, logs, transition(0, j), states(), log_sums + j);
        }
    }

    // sums_i = sum_j factor_ij raised_j, and so on.
    void from(const Lane* logs, const Lane* raised, Lane* sums, Lane* log_sums) const {
        for (int64_t i = 0; i < states(); ++i) {
            Lane total = {};
            for (int64_t j = 0; j < states(); ++j) total += factor(i, j) * raised[j];
            sums[i] = total;
            log_sums[i] = logarithm(total) + moves.top;
            exactly(total, logs, transition(i, 0), 1, log_sums + i);
        }
    }

    void exactly(Lane total, const Lane* logs, const Real* transition, int64_t apart, Lane* log_sum_of) const {
        if (!any(~(total >= kTiny<Real>))) [[likely]]
            return;
        for (int lane = 0; lane < width; ++lane) {
            if (total[lane] >= kTiny<Real>) continue;
            for (int64_t i = 0; i < states(); ++i) room[i] = logs[i][lane];
            (*log_sum_of)[lane] = log_sum(room, transition, apart, states());
        }
    }

    // Takes the highest of the logs off all of them, and writes what e to them is.
    void raise(Lane* logs, Lane* raised) const {
        Lane most = logs[0];
        for (int64_t i = 1; i < states(); ++i) most = larger(most, logs[i]);
        for (int64_t i = 0; i < states(); ++i) {
            logs[i] -= most;
            raised[i] = exponential(logs[i]);
        }
    }

    // Probabilities of the states, given logarithms from both sides.
    void posteriors(const Lane* alpha, const Lane* raised, const Lane* beta, const Lane* sums, Lane* found) const {
        Lane total = {};
        for (int64_t i = 0; i < states(); ++i) total += found[i] = raised[i] * sums[i];
        const Lane share = 1 / total;
        for (int64_t i = 0; i < states(); ++i) found[i] *= share;
        if (!any(~(total >= kTiny<Real>))) [[likely]]
            return;
        for (int lane = 0; lane < width; ++lane) {
            if (total[lane] >= kTiny<Real>) continue;
            Real all = 0, most = alpha[0][lane] + beta[0][lane];
            for (int64_t i = 0; i < states(); ++i) {
                room[i] = alpha[i][lane] + beta[i][lane];
                most = room[i] > most ? room[i] : most;
            }
            for (int64_t i = 0; i < states(); ++i) all += room[i] = std::exp(room[i] - most);
            for (int64_t i = 0; i < states(); ++i) found[i][lane] = room[i] / all;
        }
    }
};

}  // namespace regard
