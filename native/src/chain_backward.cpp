// Gradient of the log-partition of linear chains: posteriors of states and of pairs, by the backward recursion.
//
// With a_i = e^alpha_i of a step, E_ij = e^(transition_ij - top) and b_j = e^(score_j + beta_j) of the step behind,
//     p(i, j) = a_i E_ij b_j / sum,   p(i) = a_i (E b)_i / sum,   beta_i = log (E b)_i
// so that a step costs two exponentials and a logarithm for each state.
#include "api.hpp"
#include "chain_pairs.hpp"

namespace regard {
namespace {

// What is given and where gradients go: of_unary (batch, time, states); of_transition, if wanted, like the transitions.
template <class Real>
struct Wanted {
    const Real* alphas;
    const Real* grad;
    Real* of_unary;
    Real* of_transition;
};

template <class Real>
class Backward {
public:
    static int64_t floats(const Chains<Real>& chains) {
        return Group<Real>::floats(chains) + 2 * kTogether * in_floats<Real>(chains.padded());
    }

    Backward(Scratch& scratch, const Chains<Real>& chains, const Wanted<Real>& wanted, const Raised<Real>& shared)
        : chains_(chains), wanted_(wanted), group_(scratch, chains, shared, Along::columns) {
        for (int k = 0; k < kTogether; ++k) {
            earlier_[k] = take<Real>(scratch, chains.padded());
            behind_[k] = take<Real>(scratch, chains.padded());
        }
    }

    const Raised<Real>& factors(int k) const { return group_.factors[k]; }

    // The sequences from `first` on. Pairs that share a matrix are added to pairs[k], if there are any.
    void run(int64_t first, int64_t end, Pairs<Real>* const* pairs) {
        const int64_t states = chains_.states, padded = chains_.padded();
        group_.begin(chains_, first, end);
        for (int k = 0; k < kTogether; ++k)
            if (group_.length[k] > 0) last(k);
        for (int64_t position = group_.longest - 1; position > 0; --position) {
            group_.enter(chains_, position);
            for (int k = 0; k < kTogether; ++k) {
                if (position >= group_.length[k]) continue;
                const Real* scores = chains_.at(first + k, position);
                add_scores(group_.logs[k], group_.sums[k], scores, states, padded);
                raise(group_.logs[k], group_.raised[k], padded);
            }
            group_.sum(chains_);
            for (int k = 0; k < kTogether; ++k)
                if (position < group_.length[k]) step(k, position, pairs == nullptr ? nullptr : pairs[k]);
            for (int k = 0; pairs != nullptr && k < kTogether && position % Pairs<Real>::kSteps == 0; ++k)
                if (k == 0 || pairs[k] != pairs[0]) pairs[k]->flush(states, padded);
        }
        for (int k = 0; pairs != nullptr && k < kTogether; ++k)
            if (k == 0 || pairs[k] != pairs[0]) pairs[k]->flush(states, padded);
    }

private:
    // Behind the last position all sums are 1.
    void last(int k) {
        const int64_t sequence = group_.first + k;
        Real* row = wanted_.of_unary + sequence * chains_.time * chains_.states;
        std::memset(row, 0, sizeof(Real) * size_t(chains_.time * chains_.states));
        if (chains_.lengths != nullptr && chains_.lengths[sequence] < 1) return;
        for (int64_t i = 0; i < chains_.padded(); ++i) behind_[k][i] = 1;
        states_at(k, group_.length[k] - 1);
    }

    // From a position to the one before it.
    void step(int k, int64_t position, Pairs<Real>* pairs) {
        const Real* transition = chains_.into(group_.first + k, position);
        std::memcpy(behind_[k], group_.sums[k], sizeof(Real) * size_t(chains_.padded()));
        logs_of(group_.sums[k], group_.logs[k], transition, group_.factors[k].top, chains_.states, chains_.padded(),
                Along::rows);
        const Real share = states_at(k, position - 1);
        if (wanted_.of_transition == nullptr) return;
        if (pairs == nullptr) {
            const int64_t matrix = (group_.first + k) * (chains_.time - 1) + position - 1;
            write_pairs(k, position, share, wanted_.of_transition + matrix * chains_.states * chains_.states);
        } else if (share > 0) {
            pairs->add(earlier_[k], group_.raised[k], share * wanted_.grad[group_.first + k], chains_.states,
                       chains_.padded());
        } else {
            add_exact_pairs(k, position, pairs->exact);
            pairs->has_exact = true;
        }
    }

    const Real* alpha(int k, int64_t position) const {
        return wanted_.alphas + ((group_.first + k) * chains_.time + position) * chains_.states;
    }

    // Writes the gradient of a position's scores; tells 1 / the sum of all pairs, or 0 where logarithms were asked.
    Real states_at(int k, int64_t position) {
        constexpr int width = Lanes<Real>::width;
        const int64_t states = chains_.states, padded = chains_.padded(), sequence = group_.first + k;
        const Real* logs = alpha(k, position);
        Real* to = wanted_.of_unary + (sequence * chains_.time + position) * states;
        const Real grad = wanted_.grad[sequence];
        Vector<Real> totals = {};
        for (int64_t i = 0; i < padded; i += width) {
            Vector<Real> a = exponential(load_lanes_some(logs + i, states - i, Real(kLow)));
            store(earlier_[k] + i, a);
            totals += a * load(behind_[k] + i);
        }
        const Real total = sum_of<Real>(totals);
        if (!(total >= kTiny<Real>)) {
            const Real all = log_sum(logs, group_.sums[k], 1, states);
            for (int64_t i = 0; i < states; ++i) to[i] = std::exp(logs[i] + group_.sums[k][i] - all) * grad;
            return 0;
        }
        const Real share = 1 / total, times = share * grad;
        for (int64_t i = 0; i < padded; i += width)
            store_lanes_some(to + i, load(earlier_[k] + i) * load(behind_[k] + i) * times, states - i);
        return share;
    }

    void write_pairs(int k, int64_t position, Real share, Real* to) {
        const int64_t states = chains_.states;
        std::memset(to, 0, sizeof(Real) * size_t(states * states));
        if (!(share > 0)) return add_exact_pairs(k, position, to);
        const Real times = share * wanted_.grad[group_.first + k];
        for (int64_t i = 0; i < states; ++i)
            for (int64_t j = 0; j < states; ++j)
                to[i * states + j] = earlier_[k][i] * group_.factors[k].factors[j * chains_.padded() + i] *
                                     group_.raised[k][j] * times;
    }

    template <class Number>
    void add_exact_pairs(int k, int64_t position, Number* to) {
        const int64_t states = chains_.states;
        const Real* logs = alpha(k, position - 1);
        const Real* transition = chains_.into(group_.first + k, position);
        const Real all = log_sum(logs, group_.sums[k], 1, states);
        const Real grad = wanted_.grad[group_.first + k];
        for (int64_t i = 0; i < states; ++i)
            for (int64_t j = 0; j < states; ++j) {
                const int64_t cell = i * states + j;
                to[cell] += Number(std::exp(logs[i] + group_.logs[k][j] + transition[cell] - all) * grad);
            }
    }

    const Chains<Real>& chains_;
    const Wanted<Real>& wanted_;
    Group<Real> group_;
    Real* earlier_[kTogether];
    Real* behind_[kTogether];
};

constexpr int64_t kMostItems = 32;

template <class Real>
void with_shared(const Chains<Real>& chains, const Wanted<Real>& wanted, int threads) {
    const auto room = std::make_unique<Real[]>(size_t(chains.states * chains.padded()));
    Raised<Real> shared{room.get(), 0};
    if (chains.time > 1) shared.fill(chains.transition, chains.states, chains.padded(), Along::columns);
    const int64_t groups = (chains.batch + kTogether - 1) / kTogether;
    const int64_t of_item = (groups + kMostItems - 1) / kMostItems * kTogether;
    const int64_t items = of_item == 0 ? 0 : (chains.batch + of_item - 1) / of_item;
    SharedSums<Real> sums(chains, items);
    in_parallel(threads, items, [&](int64_t item, int) {
        Scratch scratch(Backward<Real>::floats(chains) + Pairs<Real>::floats(chains));
        Backward<Real> backward(scratch, chains, wanted, shared);
        Pairs<Real>* pairs = wanted.of_transition == nullptr ? nullptr : sums.begin(item, scratch);
        Pairs<Real>* all[kTogether] = {pairs, pairs, pairs, pairs};
        const int64_t end = (item + 1) * of_item < chains.batch ? (item + 1) * of_item : chains.batch;
        for (int64_t first = item * of_item; first < end; first += kTogether)
            backward.run(first, end, pairs == nullptr ? nullptr : all);
    });
    if (wanted.of_transition != nullptr) sums.write(wanted.of_transition, shared.factors);
}

template <class Real>
void with_own(const Chains<Real>& chains, const Wanted<Real>& wanted, int threads) {
    const int64_t groups = (chains.batch + kTogether - 1) / kTogether, states = chains.states;
    const bool summed = wanted.of_transition != nullptr && chains.of_step == 0;
    in_parallel(threads, groups, [&](int64_t item, int) {
        Scratch scratch(Backward<Real>::floats(chains) + (summed ? kTogether * Pairs<Real>::floats(chains) : 0));
        Backward<Real> backward(scratch, chains, wanted, {});
        Pairs<Real> own[kTogether];
        Pairs<Real>* all[kTogether];
        for (int k = 0; k < kTogether && summed; ++k) {
            own[k] = Pairs<Real>(scratch, chains);
            own[k].clear(chains);
            all[k] = own + k;
        }
        const int64_t first = item * kTogether;
        backward.run(first, chains.batch, summed ? all : nullptr);
        for (int k = 0; k < kTogether && summed && first + k < chains.batch; ++k)
            for (int64_t cell = 0; cell < states * states; ++cell)
                wanted.of_transition[(first + k) * states * states + cell] = Real(own[k].at(
                    cell / states, cell % states, backward.factors(k).factors, states, chains.padded()));
    });
}

template <class Real>
int gradient(const Chains<Real>& chains, const Wanted<Real>& wanted, int threads) {
    if (chains.shared())
        with_shared(chains, wanted, threads);
    else
        with_own(chains, wanted, threads);
    return 0;
}

}  // namespace
}  // namespace regard

// The gradient of regard_chain_log_partition, from its alphas and the gradient of its result (batch). of_transition,
// null where it is not wanted, is (states, states), (batch, states, states) or (batch, time - 1, states, states), as
// the transitions are, and holds 0 where a sequence has ended.
REGARD_API int regard_chain_gradient_f32(const float* unary, const float* transition, const int64_t* lengths,
                                         int64_t batch, int64_t time, int64_t states, int64_t of_sequence,
                                         int64_t of_step, const float* alphas, const float* grad, float* of_unary,
                                         float* of_transition, int threads) {
    return regard::gradient<float>({unary, transition, lengths, batch, time, states, of_sequence, of_step},
                                   {alphas, grad, of_unary, of_transition}, threads);
}

REGARD_API int regard_chain_gradient_f64(const double* unary, const double* transition, const int64_t* lengths,
                                         int64_t batch, int64_t time, int64_t states, int64_t of_sequence,
                                         int64_t of_step, const double* alphas, const double* grad, double* of_unary,
                                         double* of_transition, int threads) {
    return regard::gradient<double>({unary, transition, lengths, batch, time, states, of_sequence, of_step},
                                    {alphas, grad, of_unary, of_transition}, threads);
}
