#include "decode.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <vector>

#include "reader.hpp"

namespace regard {

namespace {

// Queries of a head up to which reading the keys as they lie is faster than packing them; measured.
constexpr int64_t kFewQueries = 4;
// Keys of a part. Always as many, so that neither threads nor neighbours in the batch change the order of a sum.
constexpr int64_t kPart = 1024;
// Numbers to read below which a second thread costs more than it gives.
constexpr int64_t kWorthThreads = 1 << 16;

// What is known of a row's scores so far: the highest, divided by the temperature, and the sum of what is raised.
struct Sum {
    float most = kLowest, total = 0;

    // Scores to weights against the highest so far, in place; `context` so far is made to fit. Returns whether the
    // row sees any of them.
    bool raise(float scale, float* scores, int64_t count, float* context, int64_t width) {
        Floats lanes = all(kLowest);
        for (int64_t c = 0; c < count; c += kWidth) lanes = larger(lanes, load_some(scores + c, count - c, kLowest));
        float found = highest(lanes);
        if (found == kLowest) {
            std::fill(scores, scores + count, 0.0f);
            return false;
        }
        if (found * scale > most) {
            float shrunk = std::exp(most - found * scale);
            most = found * scale;
            total *= shrunk;
            for (int64_t c = 0; c < width; c += kWidth) store(context + c, load(context + c) * shrunk);
        }
        Floats sums = {};
        for (int64_t c = 0; c < count; c += kWidth) {
            Floats raised = exponential(load_some(scores + c, count - c, kLowest) * scale - most);
            store_some(scores + c, raised, count - c);
            sums += raised;
        }
        total += sum(sums);
        return true;
    }
};

class Decode {
public:
    Decode(const Problem& problem, const Strided& context, float* saved)
        : problem_(problem),
          context_(context),
          saved_(saved),
          rows_(problem.heads / problem.key_heads * problem.queries),
          parts_((problem.keys + kPart - 1) / kPart),
          padded_(round_up(problem.value_size, kWidth)),
          contexts_(size_t(items() * rows_ * padded_)) {}

    void run() {
        if (problem_.rule == kSoftmax) {
            sums_.resize(size_t(items() * rows_));
            by_part([&](int64_t item) { read_raised(item); }, [&](int64_t group) { join_sums(group); });
            return;
        }
        // A weighing that needs its row whole: all scores, then the weights, then the values.
        stride_ = round_up(problem_.keys, kWidth);
        cells_.reset(new float[size_t(groups() * rows_ * stride_)]);
        scales_.resize(size_t(groups() * rows_));
        by_part([&](int64_t item) { match(item); }, [&](int64_t group) { weigh(group); });
        by_part([&](int64_t item) { read_weighed(item); }, [&](int64_t group) { join_weighed(group); });
    }

private:
    int64_t groups() const { return problem_.batch * problem_.key_heads; }
    int64_t items() const { return groups() * parts_; }
    float* context_of(int64_t item) { return contexts_.data() + item * rows_ * padded_; }
    float* cells_of(int64_t group) const { return cells_.get() + group * rows_ * stride_; }

    Reader reader(int64_t group, int64_t extra) const {
        return Reader(problem_, group / problem_.key_heads, group % problem_.key_heads, 0, problem_.queries, extra);
    }

    // Visits all parts, and each group once its last part is done, by whoever did that.
    template <class Visit, class Finish>
    void by_part(const Visit& visit, const Finish& finish) const {
        int64_t numbers = groups() * problem_.keys * (problem_.size + problem_.value_size);
        std::vector<std::atomic<int64_t>> done(static_cast<size_t>(groups()));
        in_parallel(numbers < kWorthThreads ? 1 : int(problem_.threads), items(), [&](int64_t item, int) {
            visit(item);
            int64_t group = item / parts_;
            if (++done[size_t(group)] == parts_) finish(group);
        });
    }

    // Visits the blocks of keys of a part that some row may see.
    template <class Visit>
    void by_block(Interval span, int64_t part, const Visit& visit) const {
        int64_t end = std::min(span.high, (part + 1) * kPart);
        for (int64_t column = std::max(span.low, part * kPart); column < end; column += kReadAtOnce)
            visit(column, std::min(kReadAtOnce, end - column));
    }

    void read_raised(int64_t item) {
        Reader keys = reader(item / parts_, rows_ * kReadAtOnce);
        float *scores = keys.extra(), *context = context_of(item);
        float scale = float(1.0 / problem_.temperature);
        by_block(keys.span(), item % parts_, [&](int64_t column, int64_t columns) {
            keys.scores(column, columns, scores, kReadAtOnce);
            bool any = false;
            for (int64_t r = 0; r < rows_; ++r)
                any |= sums_[size_t(item * rows_ + r)].raise(scale, scores + r * kReadAtOnce, columns,
                                                             context + r * padded_, padded_);
            if (!any) return;
            keys.multiply_factors(column, columns, scores, kReadAtOnce);
            keys.read_values(column, columns, scores, kReadAtOnce, context);
        });
    }

    // The parts of each row, brought to one highest score and added up in their order.
    void join_sums(int64_t group) {
        for (int64_t r = 0; r < rows_; ++r) {
            const Sum* parts = sums_.data() + group * parts_ * rows_ + r;
            Sum whole;
            for (int64_t p = 0; p < parts_; ++p) whole.most = std::max(whole.most, parts[p * rows_].most);
            float kept[kSaved] = {}, *first = context_of(group * parts_) + r * padded_;
            if (whole.most != kLowest) {
                bool sinks = problem_.number.data != nullptr;
                float sink = sinks ? at(problem_.number, batch(group), head(group, r), r % problem_.queries) : -kInfinity;
                whole.most = std::max(whole.most, sink);
                for (int64_t p = 0; p < parts_; ++p) {
                    float share = std::exp(parts[p * rows_].most - whole.most);
                    whole.total += parts[p * rows_].total * share;
                    add(first, p, share);
                }
                whole.total += std::exp(sink - whole.most);
                kept[0] = whole.most;
                kept[1] = whole.total;
            }
            write(group, r, first, whole.total > 0 ? 1.0f / whole.total : whole.total, kept);
        }
    }

    // first = share * first for part 0, and first += share * that of a later part.
    void add(float* first, int64_t part, float share) const {
        const float* other = first + part * rows_ * padded_;
        for (int64_t c = 0; c < padded_; c += kWidth)
            store(first + c, part == 0 ? load(first + c) * share : load(first + c) + load(other + c) * share);
    }

    void match(int64_t item) {
        int64_t group = item / parts_;
        Reader keys = reader(group, 0);
        float* cells = cells_of(group);
        by_block(keys.span(), item % parts_, [&](int64_t column, int64_t columns) {
            keys.products(column, columns, cells + column, stride_);
        });
    }

    void weigh(int64_t group) {
        Reader keys = reader(group, stride_);
        int64_t queries = problem_.queries;
        for (int64_t r = 0; r < rows_; r += queries)
            keys.weigh(r / queries, keys.span(), cells_of(group) + r * stride_, stride_, keys.extra(),
                       saved_ + row(group, r) * kSaved, scales_.data() + row(group, r));
    }

    void read_weighed(int64_t item) {
        int64_t group = item / parts_;
        Reader keys = reader(group, 0);
        by_block(keys.span(), item % parts_, [&](int64_t column, int64_t columns) {
            const float* weights = cells_of(group) + column;
            if (any(weights, columns)) keys.read_values(column, columns, weights, stride_, context_of(item));
        });
    }

    // Whether a key of a block has a weight.
    bool any(const float* weights, int64_t columns) const {
        for (int64_t r = 0; r < rows_; ++r)
            for (int64_t c = 0; c < columns; ++c)
                if (weights[r * stride_ + c] != 0.0f) return true;
        return false;
    }

    void join_weighed(int64_t group) {
        for (int64_t r = 0; r < rows_; ++r) {
            float* first = context_of(group * parts_) + r * padded_;
            for (int64_t p = 1; p < parts_; ++p) add(first, p, 1.0f);
            write(group, r, first, scales_[size_t(group * rows_ + r)], nullptr);
        }
    }

    int64_t batch(int64_t group) const { return group / problem_.key_heads; }
    int64_t head(int64_t group, int64_t r) const {
        return group % problem_.key_heads * (problem_.heads / problem_.key_heads) + r / problem_.queries;
    }
    // The row's place among all (batch, heads, queries).
    int64_t row(int64_t group, int64_t r) const { return group * rows_ + r; }

    void write(int64_t group, int64_t r, float* found, float scale, const float* kept) const {
        for (int64_t c = 0; c < padded_; c += kWidth) store(found + c, load(found + c) * scale);
        write_rows(context_, problem_.dtype, batch(group), head(group, r), r % problem_.queries, 1,
                   problem_.value_size, found, padded_);
        if (kept != nullptr) std::copy(kept, kept + kSaved, saved_ + row(group, r) * kSaved);
    }

    const Problem& problem_;
    const Strided& context_;
    float* saved_;
    int64_t rows_, parts_, padded_, stride_ = 0;
    std::vector<float> contexts_;     // (groups, parts, rows, padded value size)
    std::vector<Sum> sums_;           // (groups, parts, rows)
    std::unique_ptr<float[]> cells_;  // scores and then weights, (groups, rows, stride)
    std::vector<float> scales_;       // what the weights are still to be multiplied by, (groups, rows)
};

}  // namespace

bool few_queries(const Problem& problem) { return problem.queries <= kFewQueries; }

bool reads_once(const Problem& problem) { return problem.score == kProduct && few_queries(problem); }

void decode(const Problem& problem, const Strided& context, float* saved) { Decode(problem, context, saved).run(); }

}  // namespace regard
