// The highest-scoring sequence of states of linear chains (Viterbi).
#include "api.hpp"
#include "chain.hpp"

namespace regard {
namespace {

// One chain's totals, its transitions with padding, and the state that each state at each position was reached from.
template <class Real>
class Search {
public:
    static int64_t floats(const Chains<Real>& chains) {
        return 2 * in_floats<Real>(chains.padded()) + in_floats<Real>(chains.states * chains.padded()) +
               in_floats<Real>(chains.time * chains.padded());
    }

    Search(Scratch& scratch, const Chains<Real>& chains, int64_t sequence)
        : chains_(chains), sequence_(sequence), totals_(take<Real>(scratch, chains.padded())),
          next_(take<Real>(scratch, chains.padded())),
          transition_(take<Real>(scratch, chains.states * chains.padded())),
          origins_(take<Real>(scratch, chains.time * chains.padded())) {}

    // States up to the end, and behind it the last one again; tells the total.
    Real run(int64_t* states) {
        const int64_t end = chains_.length(sequence_);
        for (int64_t j = 0; j < chains_.padded(); j += width) store(totals_ + j, scores(0, j));
        for (int64_t position = 1; position < end; ++position) {
            if (position == 1 || chains_.of_step != 0) enter(position);
            for (int64_t j = 0; j < chains_.padded(); j += width) reach(position, j);
            std::swap(totals_, next_);
        }
        int64_t state = 0;
        for (int64_t j = 1; j < chains_.states; ++j)
            if (replaces(totals_[j], totals_[state])) state = j;
        const Real total = totals_[state];
        for (int64_t position = chains_.time - 1; position >= 0; --position) {
            states[position] = state;
            if (position > 0 && position < end) state = int64_t(origins_[position * chains_.padded() + state]);
        }
        return total;
    }

private:
    static constexpr int width = Lanes<Real>::width;

    // Of equals the first stays; NaN stays too.
    static bool replaces(Real value, Real best) { return !(value <= best) && best == best; }

    Vector<Real> scores(int64_t position, int64_t j) const {
        return load_lanes_some(chains_.at(sequence_, position) + j, chains_.states - j, Real(kLow));
    }

    void enter(int64_t position) {
        const Real* from = chains_.into(sequence_, position);
        for (int64_t i = 0; i < chains_.states; ++i)
            for (int64_t j = 0; j < chains_.padded(); j += width)
                store(transition_ + i * chains_.padded() + j,
                            load_lanes_some(from + i * chains_.states + j, chains_.states - j, Real(kLow)));
    }

    void reach(int64_t position, int64_t j) {
        Vector<Real> best = totals_[0] + load(transition_ + j), origin = {};
        for (int64_t i = 1; i < chains_.states; ++i) {
            const Vector<Real> found = totals_[i] + load(transition_ + i * chains_.padded() + j);
            const auto better = ~(found <= best) & (best == best);
            best = better ? found : best;
            origin = better ? Vector<Real>{} + Real(i) : origin;
        }
        store(next_ + j, best + scores(position, j));
        store(origins_ + position * chains_.padded() + j, origin);
    }

    const Chains<Real>& chains_;
    int64_t sequence_;
    Real *totals_, *next_, *transition_, *origins_;
};

template <class Real>
int best(const Chains<Real>& chains, int64_t* states, Real* totals, int threads) {
    in_parallel(threads, chains.batch, [&](int64_t sequence, int) {
        Scratch scratch(Search<Real>::floats(chains));
        totals[sequence] = Search<Real>(scratch, chains, sequence).run(states + sequence * chains.time);
    });
    return 0;
}

}  // namespace
}  // namespace regard

// Scores as for regard_chain_log_partition: the states (batch, time) and their totals (batch).
REGARD_API int regard_chain_best_f32(const float* unary, const float* transition, const int64_t* lengths,
                                     int64_t batch, int64_t time, int64_t states, int64_t of_sequence,
                                     int64_t of_step, int64_t* found, float* totals, int threads) {
    return regard::best<float>({unary, transition, lengths, batch, time, states, of_sequence, of_step}, found, totals,
                               threads);
}

REGARD_API int regard_chain_best_f64(const double* unary, const double* transition, const int64_t* lengths,
                                     int64_t batch, int64_t time, int64_t states, int64_t of_sequence,
                                     int64_t of_step, int64_t* found, double* totals, int threads) {
    return regard::best<double>({unary, transition, lengths, batch, time, states, of_sequence, of_step}, found,
                                totals, threads);
}
