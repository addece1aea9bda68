// Probabilities that keys are selected by a chain, and their gradient.
//
// With g_t(c) = grad_t (1[c > 0] - weight_t), whose mean over the chain is 0, the gradient is an expectation: of
//     A_t(c) = E[sum of g up to t | state c at t],   B_t(c) = E[sum of g behind t | state c at t]
// under what the scores before, and those behind, say. Then d score_t = sum_{c>0} p_t(c) (A_t(c) + B_t(c)), and
// d transition_ij = sum_t p_t(i, j) (A_(t-1)(i) + g_t(j) + B_t(j)). Both are sums that stay small, as chains forget.
#include "api.hpp"
#include "selection.hpp"

namespace regard {
namespace {

// Scores (groups, rows, keys); one matrix (states, states) for each group or for all.
template <class Real>
struct Selections {
    const Real* scores;
    const Real* transition;
    int64_t groups, rows, keys, states;
    bool shared;

    int64_t blocks() const { return (rows + Lanes<Real>::width - 1) / Lanes<Real>::width; }
};

template <class Real>
struct Ends {
    const Real* weights;
    const Real* grad;
    Real* of_scores;
    double* of_transition;  // (groups * blocks, states, states)
};

template <class Real, int known>
class Block {
public:
    using Lane = Vector<Real>;
    using Mask = typename Sweep<Real, known>::Mask;
    static constexpr int width = Lanes<Real>::width;

    static constexpr int kVectors = 10;  // of states, beside those of every key
    static constexpr int64_t kSteps = 64;

    static int64_t floats(const Selections<Real>& all) {
        return Scratch::room(kBytes / 4 * all.states * (2 * all.keys + kVectors)) + in_floats<Real>(all.states) +
               Scratch::room(kBytes / 4 * all.states * all.states);
    }

    Block(Scratch& scratch, const Selections<Real>& all, const Moves<Real>& moves, int64_t item)
        : all_(all), item_(item), sweep_{moves, nullptr} {
        auto* next = reinterpret_cast<Lane*>(scratch.take(kBytes / 4 * all.states * (2 * all.keys + kVectors)));
        for (Lane** part : {&logs_, &raised_, &sums_, &log_sums_, &behind_, &new_logs_, &new_raised_, &found_, &mean_,
                            &next_mean_}) {
            *part = next;
            next += all.states;
        }
        alphas_ = next;
        means_ = next + all.states * all.keys;
        sweep_.room = take<Real>(scratch, all.states);
        pairs_ = reinterpret_cast<Lane*>(scratch.take(kBytes / 4 * all.states * all.states));
    }

    void weigh(Real* weights) {
        ahead(nullptr);
        Real* to[width];
        rows_of(weights, to);
        back(
            [&](int64_t, int64_t, Mask visible) {
                Lane weight = {};
                for (int64_t c = 1; c < states(); ++c) weight += found_[c];
                return visible ? weight : Lane{};
            },
            [](int64_t, int64_t, Mask) {}, nullptr, to);
    }

    void gradient(const Ends<Real>& ends) {
        ahead(&ends);
        Real* to[width];
        rows_of(ends.of_scores, to);
        total_ = ends.of_transition + item_ * states() * states();
        for (int64_t cell = 0; cell < states() * states(); ++cell) {
            total_[cell] = 0;
            pairs_[cell] = Lane{};
        }
        for (int64_t c = 0; c < states(); ++c) mean_[c] = Lane{};
        back(
            [&](int64_t key, int64_t, Mask visible) {
                Lane found = {};
                for (int64_t c = 1; c < states(); ++c) found += found_[c] * (means_[key * states() + c] + mean_[c]);
                return visible ? found : Lane{};
            },
            [&](int64_t key, int64_t i, Mask moved) { pass(key, i, moved); }, &ends, to);
        flush();
    }

private:
    int64_t states() const { return known > 0 ? known : all_.states; }

    template <class Number>
    void rows_of(Number* tensor, Number** found) const {
        const int64_t group = item_ / all_.blocks(), first = item_ % all_.blocks() * width;
        for (int lane = 0; lane < width; ++lane)
            found[lane] = first + lane < all_.rows ? tensor + (group * all_.rows + first + lane) * all_.keys : nullptr;
    }

    // Rows that do not exist are hidden from end to end.
    void load_scores(const Real* const* from, int64_t key, int64_t count) {
        scores_.load(from, key, count);
        for (int lane = 0; lane < width; ++lane)
            for (int64_t i = 0; from[lane] == nullptr && i < width; ++i)
                scores_.rows[i][lane] = std::numeric_limits<Real>::lowest();
    }

    static Mask seen(Lane scores) { return scores > std::numeric_limits<Real>::lowest(); }

    void load_ends(const Ends<Real>* ends, int64_t key, int64_t count) {
        if (ends == nullptr) return;
        const Real* from[width];
        rows_of(ends->weights, from);
        weights_.load(from, key, count);
        rows_of(ends->grad, from);
        grad_.load(from, key, count);
    }

    Lane centred(int64_t i, int64_t c) const { return grad_.rows[i] * ((c > 0 ? Real(1) : Real(0)) - weights_.rows[i]); }

    // The forward recursion: alphas, and where ends are given the means A, (keys, states).
    void ahead(const Ends<Real>* ends) {
        const Real* from[width];
        rows_of(all_.scores, from);
        for (int64_t c = 0; c < states(); ++c) logs_[c] = raised_[c] = mean_[c] = Lane{};
        Mask begun = Lane{} > Lane{};
        first_ = Lane{} + Real(all_.keys);
        for (int64_t at = 0; at < all_.keys; at += width) {
            const int64_t count = all_.keys - at < width ? all_.keys - at : width;
            load_scores(from, at, count);
            load_ends(ends, at, count);
            for (int64_t i = 0; i < count; ++i) {
                const Mask visible = seen(scores_.rows[i]);
                if (any(visible)) enter(i, visible, begun, ends != nullptr);
                first_ = visible & ~begun ? Lane{} + Real(at + i) : first_;
                begun |= visible;
                for (int64_t c = 0; c < states(); ++c) {
                    alphas_[(at + i) * states() + c] = logs_[c];
                    if (ends != nullptr) means_[(at + i) * states() + c] = mean_[c];
                }
            }
        }
    }

    // Goes on to a key that some rows see.
    void enter(int64_t i, Mask visible, Mask begun, bool with_means) {
        const Lane score = visible ? scores_.rows[i] : Lane{};
        sweep_.into(logs_, raised_, sums_, log_sums_);
        for (int64_t c = 0; c < states(); ++c) {
            // Before its first key a row has no neighbour.
            new_logs_[c] = (begun ? log_sums_[c] : Lane{}) + (c > 0 ? score : Lane{});
            if (with_means) next_mean_[c] = centred(i, c) + (begun ? mean_before(c) : Lane{});
        }
        sweep_.raise(new_logs_, new_raised_);
        for (int64_t c = 0; c < states(); ++c) {
            logs_[c] = visible ? new_logs_[c] : logs_[c];
            raised_[c] = visible ? new_raised_[c] : raised_[c];
            if (with_means) mean_[c] = visible ? next_mean_[c] : mean_[c];
        }
    }

    // The mean of A over the states before, given the state that they led to.
    Lane mean_before(int64_t c) const {
        Lane found = {};
        for (int64_t i = 0; i < states(); ++i) found += raised_[i] * sweep_.factor(i, c) * mean_[i];
        found /= sums_[c];
        if (!any(~(sums_[c] >= kTiny<Real>))) [[likely]]
            return found;
        for (int lane = 0; lane < width; ++lane) {
            if (sums_[c][lane] >= kTiny<Real>) continue;
            found[lane] = 0;
            for (int64_t i = 0; i < states(); ++i)
                found[lane] +=
                    std::exp(logs_[i][lane] + *sweep_.transition(i, c) - log_sums_[c][lane]) * mean_[i][lane];
        }
        return found;
    }

    // The backward recursion. At every key the posteriors are in found_, and `result` tells what is written there;
    // `passing` is called before a key is left whose new sums are in sums_ and log_sums_.
    template <class Result, class Passing>
    void back(const Result& result, const Passing& passing, const Ends<Real>* ends, Real* const* to) {
        const Real* from[width];
        rows_of(all_.scores, from);
        for (int64_t c = 0; c < states(); ++c) {
            logs_[c] = Lane{};
            behind_[c] = Lane{} + Real(1);
        }
        for (int64_t at = (all_.keys - 1) / width * width; at >= 0; at -= width) {
            const int64_t count = all_.keys - at < width ? all_.keys - at : width;
            load_scores(from, at, count);
            load_ends(ends, at, count);
            for (int64_t i = count - 1; i >= 0; --i) {
                const int64_t key = at + i;
                const Mask visible = seen(scores_.rows[i]);
                const Lane* alpha = alphas_ + key * states();
                for (int64_t c = 0; c < states(); ++c) raised_[c] = exponential(alpha[c]);
                sweep_.posteriors(alpha, raised_, logs_, behind_, found_);
                written_.rows[i] = result(key, i, visible);
                const Mask moved = visible & (first_ < Real(key));
                if (any(moved)) leave(key, i, moved, passing);
            }
            written_.store(to, at, count);
        }
    }

    // From a key to those before it, for the rows that see both.
    template <class Passing>
    void leave(int64_t key, int64_t i, Mask moved, const Passing& passing) {
        const Lane score = moved ? scores_.rows[i] : Lane{};
        for (int64_t c = 0; c < states(); ++c) new_logs_[c] = logs_[c] + (c > 0 ? score : Lane{});
        sweep_.raise(new_logs_, new_raised_);
        sweep_.from(new_logs_, new_raised_, sums_, log_sums_);
        passing(key, i, moved);
        for (int64_t c = 0; c < states(); ++c) {
            logs_[c] = moved ? log_sums_[c] : logs_[c];
            behind_[c] = moved ? sums_[c] : behind_[c];
        }
    }

    // Adds the probabilities of pairs, and takes B to the key before.
    void pass(int64_t key, int64_t i, Mask moved) {
        const Lane* before = alphas_ + (key - 1) * states();
        const Lane* means = means_ + (key - 1) * states();
        for (int64_t c = 0; c < states(); ++c) raised_[c] = exponential(before[c]);
        sweep_.posteriors(before, raised_, log_sums_, sums_, found_);
        for (int64_t a = 0; a < states(); ++a) {
            next_mean_[a] = Lane{};
            for (int64_t b = 0; b < states(); ++b) {
                const Lane onward = centred(i, b) + mean_[b], chance = to_state(a, b);
                next_mean_[a] += chance * onward;
                const Lane pair = found_[a] * chance * (means[a] + onward);
                pairs_[a * states() + b] += moved ? pair : Lane{};
            }
        }
        for (int64_t c = 0; c < states(); ++c) mean_[c] = moved ? next_mean_[c] : mean_[c];
        if (key % kSteps == 0) flush();
    }

    // Sums over many keys are made of sums over a few, so that they keep their digits.
    void flush() {
        for (int64_t cell = 0; cell < states() * states(); ++cell) {
            total_[cell] += double(sum_of<Real>(pairs_[cell]));
            pairs_[cell] = Lane{};
        }
    }

    // Probability of going to state b from state a.
    Lane to_state(int64_t a, int64_t b) const {
        Lane found = sweep_.factor(a, b) * new_raised_[b] / sums_[a];
        if (!any(~(sums_[a] >= kTiny<Real>))) [[likely]]
            return found;
        for (int lane = 0; lane < width; ++lane)
            if (!(sums_[a][lane] >= kTiny<Real>))
                found[lane] = std::exp(*sweep_.transition(a, b) + new_logs_[b][lane] - log_sums_[a][lane]);
        return found;
    }

    const Selections<Real>& all_;
    int64_t item_;
    Sweep<Real, known> sweep_;
    Square<Real> scores_, weights_, grad_, written_;
    Lane first_;
    Lane *logs_, *raised_, *sums_, *log_sums_, *behind_, *new_logs_, *new_raised_, *found_, *mean_, *next_mean_,
        *alphas_, *means_, *pairs_;
    double* total_ = nullptr;
};

// Calls body(block) for as many rows at a time as a vector has lanes.
template <class Real, int known, class Body>
void by_blocks(const Selections<Real>& all, int threads, const Body& body) {
    in_parallel(threads, all.groups * all.blocks(), [&](int64_t item, int) {
        const int64_t group = all.shared ? 0 : item / all.blocks();
        const Moves<Real> moves(all.transition + group * all.states * all.states, all.states);
        Scratch scratch(Block<Real, known>::floats(all));
        Block<Real, known> block(scratch, all, moves, item);
        body(block);
    });
}

template <class Real, int known>
void weigh(const Selections<Real>& all, Real* weights, int threads) {
    by_blocks<Real, known>(all, threads, [&](auto& block) { block.weigh(weights); });
}

// Sums of blocks are added in their order, whoever computed them.
template <class Real, int known>
void gradient(const Selections<Real>& all, Ends<Real> ends, Real* of_transition, int threads) {
    const int64_t cells = all.states * all.states, sums = all.shared ? 1 : all.groups;
    const int64_t of_sum = all.shared ? all.groups * all.blocks() : all.blocks();
    const auto parts = std::make_unique<double[]>(size_t(all.groups * all.blocks() * cells));
    ends.of_transition = parts.get();
    by_blocks<Real, known>(all, threads, [&](auto& block) { block.gradient(ends); });
    for (int64_t cell = 0; cell < sums * cells; ++cell) {
        double total = 0;
        for (int64_t part = 0; part < of_sum; ++part)
            total += parts[size_t((cell / cells * of_sum + part) * cells + cell % cells)];
        of_transition[cell] = Real(total);
    }
}

template <class Real>
int weigh(const Selections<Real>& all, Real* weights, int threads) {
    if (all.states == 2)
        weigh<Real, 2>(all, weights, threads);
    else
        weigh<Real, 0>(all, weights, threads);
    return 0;
}

template <class Real>
int gradient(const Selections<Real>& all, const Ends<Real>& ends, Real* of_transition, int threads) {
    if (all.states == 2)
        gradient<Real, 2>(all, ends, of_transition, threads);
    else
        gradient<Real, 0>(all, ends, of_transition, threads);
    return 0;
}

}  // namespace
}  // namespace regard

// Of scores (groups, rows, keys), and a matrix (states, states) for all (shared) or for each group: the weights. A
// score of the lowest finite number, or below, is hidden and has weight 0.
REGARD_API int regard_chain_selected_f32(const float* scores, const float* transition, int64_t groups, int64_t rows,
                                         int64_t keys, int64_t states, int shared, float* weights, int threads) {
    return regard::weigh<float>({scores, transition, groups, rows, keys, states, shared != 0}, weights, threads);
}

REGARD_API int regard_chain_selected_f64(const double* scores, const double* transition, int64_t groups, int64_t rows,
                                         int64_t keys, int64_t states, int shared, double* weights, int threads) {
    return regard::weigh<double>({scores, transition, groups, rows, keys, states, shared != 0}, weights, threads);
}

// The gradient of regard_chain_selected, from its weights and the gradient of these.
REGARD_API int regard_chain_selected_gradient_f32(const float* scores, const float* transition, int64_t groups,
                                                  int64_t rows, int64_t keys, int64_t states, int shared,
                                                  const float* weights, const float* grad, float* of_scores,
                                                  float* of_transition, int threads) {
    return regard::gradient<float>({scores, transition, groups, rows, keys, states, shared != 0},
                                    {weights, grad, of_scores, nullptr}, of_transition, threads);
}

REGARD_API int regard_chain_selected_gradient_f64(const double* scores, const double* transition, int64_t groups,
                                                  int64_t rows, int64_t keys, int64_t states, int shared,
                                                  const double* weights, const double* grad, double* of_scores,
                                                  double* of_transition, int threads) {
    return regard::gradient<double>({scores, transition, groups, rows, keys, states, shared != 0},
                                    {weights, grad, of_scores, nullptr}, of_transition, threads);
}
