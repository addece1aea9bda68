// A linear chain as its kernels see it, and the sums over states that they are made of.
#pragma once

#include "lanes.hpp"
#include "threads.hpp"

namespace regard {

// Stands for minus infinity, as in Python; what lies below half of it cannot be.
constexpr double kLow = -1e30;
// Sequences that take a step together: one counts while another waits for its result.
constexpr int kTogether = 4;
// A sum of e^x for x of at most 0 that is below this may have lost terms that were too small for a float. It is then
// computed again from the logarithms.
template <class Real>
constexpr Real kTiny = Real(8.271806125530277e-25);  // 2^-80

// Scores of chains. A sequence's transitions begin `of_sequence` numbers after those of the one before it, a step's
// `of_step` after those of the step before; 0 where they are shared.
template <class Real>
struct Chains {
    const Real* unary;
    const Real* transition;
    const int64_t* lengths;
    int64_t batch, time, states, of_sequence, of_step;

    int64_t padded() const {
        constexpr int width = Lanes<Real>::width;
        return (states + width - 1) / width * width;
    }
    // A sequence that shows nothing has one empty path, which stands at the first position.
    int64_t length(int64_t sequence) const {
        int64_t found = lengths == nullptr ? time : lengths[sequence];
        return found < 1 ? 1 : found;
    }
    const Real* at(int64_t sequence, int64_t position) const {
        return unary + (sequence * time + position) * states;
    }
    const Real* into(int64_t sequence, int64_t position) const {
        return transition + sequence * of_sequence + (position - 1) * of_step;
    }
    bool shared() const { return of_sequence == 0; }
};

template <class Real>
int64_t in_floats(int64_t count) {
    return Scratch::room(count * int64_t(sizeof(Real) / sizeof(float)));
}

template <class Real>
Real* take(Scratch& scratch, int64_t count) {
    return reinterpret_cast<Real*>(scratch.take(count * int64_t(sizeof(Real) / sizeof(float))));
}

enum class Along { rows, columns };

// e^(transition - top), (states, padded): row i for what leads from i, or column j, turned, for what leads to j.
// Padding is 1, so that its sums are never tiny.
template <class Real>
struct Raised {
    Real* factors;
    Real top;

    void fill(const Real* transition, int64_t states, int64_t padded, Along along) {
        top = -std::numeric_limits<Real>::infinity();
        for (int64_t cell = 0; cell < states * states; ++cell) top = transition[cell] > top ? transition[cell] : top;
        constexpr int width = Lanes<Real>::width;
        for (int64_t i = 0; i < states; ++i) {
            Real* row = factors + i * padded;
            for (int64_t j = 0; j < states; ++j)
                row[j] = transition[along == Along::rows ? i * states + j : j * states + i] - top;
            for (int64_t j = states; j < padded; ++j) row[j] = 0;
            for (int64_t j = 0; j < padded; j += width) store(row + j, exponential(load(row + j)));
        }
    }
};

template <class Real, int vectors, bool shared>
void sums_of(const Real* const* numbers, const Raised<Real>* raised, Real* const* sums, int64_t states,
             int64_t padded, int64_t first) {
    constexpr int width = Lanes<Real>::width;
    Vector<Real> found[kTogether][vectors] = {};
    for (int64_t i = 0; i < states; ++i)
        for (int k = 0; k < kTogether; ++k)
            for (int v = 0; v < vectors; ++v)
                found[k][v] +=
                    numbers[k][i] * load(raised[shared ? 0 : k].factors + i * padded + first + v * width);
    for (int k = 0; k < kTogether; ++k)
        for (int v = 0; v < vectors; ++v) store(sums[k] + first + v * width, found[k][v]);
}

// sums_j = sum_i numbers_i factors_ij, of every sequence of a group.
template <class Real, bool shared>
void sums_of(const Real* const* numbers, const Raised<Real>* raised, Real* const* sums, int64_t states,
             int64_t padded) {
    constexpr int width = Lanes<Real>::width;
    int64_t first = 0;
    for (; first + 2 * width <= padded; first += 2 * width)
        sums_of<Real, 2, shared>(numbers, raised, sums, states, padded, first);
    if (first < padded) sums_of<Real, 1, shared>(numbers, raised, sums, states, padded, first);
}

// log sum_i e^(logs_i + transition_i), where a state's transitions are `apart`; exact whatever the range.
template <class Real>
Real log_sum(const Real* logs, const Real* transition, int64_t apart, int64_t states) {
    Real top = logs[0] + transition[0], poison = 0;
    for (int64_t i = 0; i < states; ++i) {
        Real value = logs[i] + transition[i * apart];
        top = value > top ? value : top;
        poison += value * 0;
    }
    if (!(top > Real(kLow / 2))) return top + poison;
    Real total = 0;
    for (int64_t i = 0; i < states; ++i) total += std::exp(logs[i] + transition[i * apart] - top);
    return top + std::log(total);
}

// Writes log(sums) + top over the sums of one sequence, which were made of e^logs and of factors less their top; those
// that may have lost something are made again. `across` is the way from one of a sum's transitions to the next.
template <class Real>
void logs_of(Real* sums, const Real* logs, const Real* transition, Real top, int64_t states, int64_t padded,
             Along across) {
    constexpr int width = Lanes<Real>::width;
    for (int64_t first = 0; first < padded; first += width) {
        Vector<Real> total = load(sums + first);
        store(sums + first, logarithm(total) + top);
        if (!any(~(total >= kTiny<Real>))) [[likely]]
            continue;
        for (int64_t j = first; j < states && j < first + width; ++j)
            if (!(total[j - first] >= kTiny<Real>))
                sums[j] = across == Along::rows ? log_sum(logs, transition + j * states, 1, states)
                                                : log_sum(logs, transition + j, states, states);
    }
}

// Takes the highest of the logs off all of them, writes what e to them is, and tells the highest.
template <class Real>
Real raise(Real* logs, Real* raised, int64_t padded) {
    constexpr int width = Lanes<Real>::width;
    Vector<Real> most = load(logs);
    for (int64_t first = width; first < padded; first += width) most = larger(most, load(logs + first));
    Real top = highest_of<Real>(most);
    for (int64_t first = 0; first < padded; first += width) {
        Vector<Real> lifted = load(logs + first) - top;
        store(logs + first, lifted);
        store(raised + first, exponential(lifted));
    }
    return top;
}

// What a group of sequences works with: logarithms, what e to them is, and sums, each (kTogether, padded); and the
// raised transitions, one set for all of them or one for each sequence.
template <class Real>
struct Group {
    Real* logs[kTogether];
    Real* raised[kTogether];
    Real* sums[kTogether];
    Raised<Real> factors[kTogether];
    int64_t length[kTogether];
    int64_t first = 0, longest = 0;
    Along along;

    static int64_t floats(const Chains<Real>& chains) {
        return kTogether * (3 * in_floats<Real>(chains.padded()) +
                            (chains.shared() ? 0 : in_floats<Real>(chains.states * chains.padded())));
    }

    Group(Scratch& scratch, const Chains<Real>& chains, const Raised<Real>& shared, Along way) : along(way) {
        for (int k = 0; k < kTogether; ++k) {
            logs[k] = take<Real>(scratch, chains.padded());
            raised[k] = take<Real>(scratch, chains.padded());
            sums[k] = take<Real>(scratch, chains.padded());
            factors[k] = shared;
            if (!chains.shared()) factors[k].factors = take<Real>(scratch, chains.states * chains.padded());
        }
    }

    // The four sequences from `from` on; those behind the last, `end`, have no positions.
    void begin(const Chains<Real>& chains, int64_t from, int64_t end) {
        first = from;
        longest = 0;
        for (int k = 0; k < kTogether; ++k) {
            length[k] = from + k < end ? chains.length(from + k) : 0;
            longest = length[k] > longest ? length[k] : longest;
            for (int64_t i = 0; i < chains.padded(); ++i) raised[k][i] = logs[k][i] = sums[k][i] = 0;
            if (!chains.shared())
                for (int64_t cell = 0; cell < chains.states * chains.padded(); ++cell) factors[k].factors[cell] = 0;
            if (chains.of_step == 0) fill_own(chains, 1, k);
        }
    }

    // Brings the factors of sequences that have some for each step to those that lead into a position.
    void enter(const Chains<Real>& chains, int64_t position) {
        for (int k = 0; chains.of_step != 0 && k < kTogether; ++k) fill_own(chains, position, k);
    }

    void fill_own(const Chains<Real>& chains, int64_t position, int k) {
        if (!chains.shared() && position < length[k])
            factors[k].fill(chains.into(first + k, position), chains.states, chains.padded(), along);
    }

    void sum(const Chains<Real>& chains) {
        if (chains.shared())
            sums_of<Real, true>(raised, factors, sums, chains.states, chains.padded());
        else
            sums_of<Real, false>(raised, factors, sums, chains.states, chains.padded());
    }
};

// Adds the scores of a position to logarithms; padding gets the lowest.
template <class Real>
void add_scores(Real* logs, const Real* more, const Real* scores, int64_t states, int64_t padded) {
    constexpr int width = Lanes<Real>::width;
    for (int64_t i = 0; i < padded; i += width)
        store(logs + i, load(more + i) + load_lanes_some(scores + i, states - i, Real(kLow)));
}

}  // namespace regard
