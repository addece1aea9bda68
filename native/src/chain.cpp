// Log-partition of linear chains: the forward recursion.
//
// It keeps logarithms, less the highest of their step. The sum over states between two steps is one of products:
//     log sum_i e^(alpha_i + transition_ij) = log sum_i e^alpha_i e^(transition_ij - top) + top
// which costs an exponential and a logarithm for each state instead of one for each pair.
#include <memory>

#include "api.hpp"
#include "chain.hpp"

namespace regard {
namespace {

template <class Real>
void forward(const Chains<Real>& chains, Group<Real>& group, Real* log_partition, Real* alphas) {
    const int64_t states = chains.states, padded = chains.padded();
    double taken[kTogether] = {};
    auto keep = [&](int k, int64_t position) {
        taken[k] += raise(group.logs[k], group.raised[k], padded);
        std::memcpy(alphas + ((group.first + k) * chains.time + position) * states, group.logs[k],
                    sizeof(Real) * size_t(states));
    };
    for (int k = 0; k < kTogether; ++k) {
        if (group.length[k] == 0) continue;
        add_scores(group.logs[k], group.sums[k], chains.at(group.first + k, 0), states, padded);
        keep(k, 0);
    }
    for (int64_t position = 1; position < group.longest; ++position) {
        group.enter(chains, position);
        group.sum(chains);
        for (int k = 0; k < kTogether; ++k) {
            if (position >= group.length[k]) continue;
            const int64_t sequence = group.first + k;
            const Real top = group.factors[k].top;
            logs_of(group.sums[k], group.logs[k], chains.into(sequence, position), top, states, padded,
                    Along::columns);
            add_scores(group.logs[k], group.sums[k], chains.at(sequence, position), states, padded);
            keep(k, position);
        }
    }
    for (int k = 0; k < kTogether; ++k) {
        if (group.length[k] == 0) continue;
        double total = 0;
        for (int64_t i = 0; i < states; ++i) total += group.raised[k][i];
        log_partition[group.first + k] = Real(taken[k] + std::log(total));
        const int64_t end = group.length[k], row = (group.first + k) * chains.time;
        std::memset(alphas + (row + end) * states, 0, sizeof(Real) * size_t((chains.time - end) * states));
    }
}

template <class Real>
void log_partition(const Chains<Real>& chains, Real* found, Real* alphas, int threads) {
    const auto room = std::make_unique<Real[]>(size_t(chains.states * chains.padded()));
    Raised<Real> shared{room.get(), 0};
    if (chains.shared() && chains.time > 1)
        shared.fill(chains.transition, chains.states, chains.padded(), Along::rows);
    const int64_t groups = (chains.batch + kTogether - 1) / kTogether;
    in_parallel(threads, groups, [&](int64_t item, int) {
        Scratch scratch(Group<Real>::floats(chains));
        Group<Real> group(scratch, chains, shared, Along::rows);
        group.begin(chains, item * kTogether, chains.batch);
        forward(chains, group, found, alphas);
    });
}

}  // namespace
}  // namespace regard

// Of unary (batch, time, states), with transitions that begin `of_sequence` numbers apart and go on by `of_step`, both
// 0 where one matrix serves all: the log-partition (batch) and the alphas (batch, time, states).
REGARD_API int regard_chain_log_partition_f32(const float* unary, const float* transition, const int64_t* lengths,
                                              int64_t batch, int64_t time, int64_t states, int64_t of_sequence,
                                              int64_t of_step, float* found, float* alphas, int threads) {
    regard::log_partition<float>({unary, transition, lengths, batch, time, states, of_sequence, of_step}, found,
                                 alphas, threads);
    return 0;
}

REGARD_API int regard_chain_log_partition_f64(const double* unary, const double* transition, const int64_t* lengths,
                                              int64_t batch, int64_t time, int64_t states, int64_t of_sequence,
                                              int64_t of_step, double* found, double* alphas, int threads) {
    regard::log_partition<double>({unary, transition, lengths, batch, time, states, of_sequence, of_step}, found,
                                  alphas, threads);
    return 0;
}
