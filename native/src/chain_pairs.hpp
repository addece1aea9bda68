// Sums of the probabilities of pairs of states, the gradient of transitions that many steps share.
#pragma once

#include <memory>

#include "chain.hpp"

namespace regard {

// Gradient of a matrix of transitions that many steps share, summed in two stages so that long sums keep their digits.
template <class Real>
struct Pairs {
    static constexpr int kSteps = 32;
    Real* recent = nullptr;    // (states, padded), of the last steps, still to be multiplied by the factors
    double* total = nullptr;   // (states, states), of the steps before them
    double* exact = nullptr;   // (states, states), of steps that were computed from logarithms, not to be multiplied
    bool has_exact = false;

    static int64_t floats(const Chains<Real>& chains) {
        return in_floats<Real>(chains.states * chains.padded()) + 2 * in_floats<double>(chains.states * chains.states);
    }

    Pairs() = default;
    Pairs(Scratch& scratch, const Chains<Real>& chains)
        : recent(take<Real>(scratch, chains.states * chains.padded())),
          total(take<double>(scratch, chains.states * chains.states)),
          exact(take<double>(scratch, chains.states * chains.states)) {}

    void clear(const Chains<Real>& chains) {
        std::memset(recent, 0, sizeof(Real) * size_t(chains.states * chains.padded()));
        std::memset(total, 0, sizeof(double) * size_t(chains.states * chains.states));
        std::memset(exact, 0, sizeof(double) * size_t(chains.states * chains.states));
        has_exact = false;
    }

    void add(const Real* earlier, const Real* later, Real weight, int64_t states, int64_t padded) {
        constexpr int width = Lanes<Real>::width;
        for (int64_t i = 0; i < states; ++i) {
            const Real times = earlier[i] * weight;
            Real* row = recent + i * padded;
            for (int64_t j = 0; j < padded; j += width)
                store(row + j, load(row + j) + times * load(later + j));
        }
    }

    void flush(int64_t states, int64_t padded) {
        for (int64_t i = 0; i < states; ++i)
            for (int64_t j = 0; j < states; ++j) {
                total[i * states + j] += double(recent[i * padded + j]);
                recent[i * padded + j] = 0;
            }
    }

    // What all steps add up to, given the turned factors.
    double at(int64_t i, int64_t j, const Real* factors, int64_t states, int64_t padded) const {
        const int64_t cell = i * states + j;
        return total[cell] * double(factors[j * padded + i]) + (has_exact ? exact[cell] : 0);
    }
};

// The gradient of a matrix that all sequences share: each item of a fixed number has a sum of its own, and these are
// added in their order, whoever computed them.
template <class Real>
class SharedSums {
public:
    SharedSums(const Chains<Real>& chains, int64_t items)
        : chains_(chains), cells_(chains.states * chains.states), pairs_(new Pairs<Real>[size_t(items)]),
          sums_(static_cast<double*>(std::calloc(size_t(2 * items * cells_), sizeof(double)))), items_(items) {
        if (sums_ == nullptr) std::abort();
    }
    ~SharedSums() { std::free(sums_); }
    SharedSums(const SharedSums&) = delete;
    SharedSums& operator=(const SharedSums&) = delete;

    Pairs<Real>* begin(int64_t item, Scratch& scratch) {
        Pairs<Real>& found = pairs_[size_t(item)];
        found.recent = take<Real>(scratch, chains_.states * chains_.padded());
        std::memset(found.recent, 0, sizeof(Real) * size_t(chains_.states * chains_.padded()));
        found.total = sums_ + 2 * item * cells_;
        found.exact = found.total + cells_;
        return &found;
    }

    void write(Real* to, const Real* factors) const {
        for (int64_t i = 0; i < chains_.states; ++i)
            for (int64_t j = 0; j < chains_.states; ++j) {
                double total = 0;
                for (int64_t item = 0; item < items_; ++item)
                    total += pairs_[size_t(item)].at(i, j, factors, chains_.states, chains_.padded());
                to[i * chains_.states + j] = Real(total);
            }
    }

private:
    const Chains<Real>& chains_;
    int64_t cells_;
    std::unique_ptr<Pairs<Real>[]> pairs_;
    double* sums_;
    int64_t items_;
};

}  // namespace regard
