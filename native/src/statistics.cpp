// Facts about the weights of all queries, block by block; no weight is kept.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "api.hpp"
#include "attend.hpp"
#include "columns.hpp"
#include "facts.hpp"
#include "sweep.hpp"
#include "top.hpp"

namespace regard {

namespace {

// Cells of a row that stay in the first cache while every fact takes what it needs of them.
constexpr int64_t kPiece = 2048;
constexpr float kLeast = 1.17549435e-38f;  // of the normal numbers

float log_sum_exp(const float* scores, int64_t count, float most) {
    // Nothing is seen, or something infinitely well.
    if (most == kLowest) return -kInfinity;
    if (!std::isfinite(most)) return most;
    Floats total = {};
    by_vector(count, [&](int64_t c, int64_t left) {
        total += exponential(load_some(scores + c, left, kLowest) - most);
    });
    return most + std::log(sum(total));
}

// Sums over the weights w of a row: w, w log w, and w times the key's position.
struct Moments {
    Floats weight{}, logs{}, place{};

    void take_logs(const float* weights, int64_t count) {
        by_vector(count, [&](int64_t c, int64_t left) {
            Floats found = load_some(weights + c, left);
            weight += found;
            logs += found * logarithm(larger(found, all(kLeast)));
        });
    }

    // Where logarithms are known from the scores, which cost less than taking them.
    void take_line(const float* weights, const float* scores, int64_t count, const Line& line) {
        by_vector(count, [&](int64_t c, int64_t left) {
            Floats found = load_some(weights + c, left);
            weight += found;
            // A hidden key's weight is 0, and its logarithm must be finite.
            logs += found * larger(load_some(scores + c, left) * line.slope - line.shift, all(-200.0f));
        });
    }

    void take_places(const float* weights, int64_t count, int64_t first) {
        Floats lanes = __builtin_convertvector(counting(), Floats);
        by_vector(count, [&](int64_t c, int64_t left) {
            place += load_some(weights + c, left) * (lanes + float(first + c));
        });
    }

    // Of the weights times `scale`; their sum is one number, so both parts of a softmax are positive.
    float entropy(float scale) const {
        float total = sum(weight);
        return total > 0 ? -scale * (sum(logs) + std::log(scale) * total) : total;
    }
};

struct Statistics {
    const Problem& problem;
    const Facts& facts;
    const Shares& shares;
    Columns& columns;

    // Takes shares, of all heads that read a key head, as long as there are any. Those of one key head follow each
    // other, so that a thread seldom has to pack keys; the last rows come first, since where a query sees what came
    // before it they are most of the work.
    void work(std::atomic<int64_t>& next) const {
        Worker worker(problem);
        int64_t stride = row_stride(problem.keys);
        int64_t sizes[] = {worker.score->packed_floats(), shares.rows * stride, stride, stride, stride,
                           shares.rows * worker.padded_query};
        Scratch scratch(Scratch::rooms(sizes));
        float* packed = scratch.take(sizes[0]);
        Rooms rooms{scratch.take(sizes[1]), scratch.take(sizes[2]), scratch.take(sizes[3]), scratch.take(sizes[5])};
        ColumnSums sums(problem, facts, scratch.take(sizes[4]));
        Top top(facts.top);
        worker.packed = packed;
        int64_t items = problem.batch * problem.key_heads * shares.count, held = -1;
        for (int64_t item = next++; item < items; item = next++) {
            int64_t map = item / shares.count;
            int64_t batch = map / problem.key_heads, key_head = map % problem.key_heads;
            if (map != held) worker.score->pack(batch, key_head, packed);
            held = map;
            share(worker, batch, key_head, shares.count - 1 - item % shares.count, rooms, sums, top);
        }
    }

    struct Rooms {
        float *scores, *factors, *before, *query;
    };

    void share(Worker& worker, int64_t batch, int64_t key_head, int64_t place, const Rooms& rooms, ColumnSums& sums,
               Top& top) const {
        int64_t group = problem.heads / problem.key_heads;
        int64_t start = place * shares.share, end = std::min(start + shares.share, problem.queries);
        for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head) {
            sums.begin(columns.sums(map_place(problem, batch, head), place));
            for (int64_t first = start; first < end; first += shares.rows)
                block(worker, worker.block_of(batch, head, first, std::min(shares.rows, end - first)), rooms, sums,
                      top);
            sums.flush();
        }
    }

    void block(Worker& worker, const Block& block, const Rooms& rooms, ColumnSums& sums, Top& top) const {
        int64_t stride = row_stride(block.columns);
        if (block.columns > 0)
            worker.scores_of(block, worker.queries(block, rooms.query), rooms.scores, stride);
        for (int64_t r = 0; r < block.rows; ++r) {
            Interval cells = block.columns > 0 ? worker.cells(block, r) : Interval{0, 0};
            float* scores = rooms.scores + r * stride;
            if (facts.about_scores()) of_scores(block, r, scores + cells.low, cells.high - cells.low);
            if (facts.about_weights()) of_weights(worker, block, r, cells, scores, rooms, sums, top);
        }
    }

    int64_t place(const Block& block, int64_t r) const {
        return row_place(problem, block.batch, block.head, block.first + r);
    }

    void of_scores(const Block& block, int64_t r, const float* scores, int64_t count) const {
        float most = highest_of(scores, count);
        if (facts.maximum != nullptr) facts.maximum[place(block, r)] = most == kLowest ? -kInfinity : most;
        if (facts.lse != nullptr) facts.lse[place(block, r)] = log_sum_exp(scores, count, most);
    }

    void of_weights(Worker& worker, const Block& block, int64_t r, Interval cells, float* row, const Rooms& rooms,
                    ColumnSums& sums, Top& top) const {
        int64_t at = place(block, r), count = std::max<int64_t>(cells.high - cells.low, 0);
        float kept[kSaved] = {}, scale = 1.0f;
        float* weights = row + cells.low;
        bool straight = facts.entropy != nullptr && worker.weighing.line != nullptr;
        Line line{};
        if (count > 0) {
            if (straight) std::copy(weights, weights + count, rooms.before);
            RowOf told = worker.row_of(block, r, block.column + cells.low);
            scale = worker.weighing.weights(told, weights, count, kept);
            if (straight) line = worker.weighing.line(told, kept);
            if (const float* factors = worker.factors(block, r, cells, rooms.factors)) {
                for (int64_t c = 0; c < count; ++c) weights[c] *= factors[cells.low + c];
                straight = false;
            }
        }
        Moments moments;
        int64_t low = block.column + cells.low;
        if (facts.weight != nullptr) top.begin(weights, count);
        if (facts.about_columns()) sums.begin_row(block.first + r, low, low + count);
        for (int64_t c = 0; c < count; c += kPiece) {
            int64_t some = std::min(kPiece, count - c);
            if (facts.entropy != nullptr) {
                if (straight) moments.take_line(weights + c, rooms.before + c, some, line);
                else moments.take_logs(weights + c, some);
            }
            if (facts.position != nullptr) moments.take_places(weights + c, some, low + c);
            if (facts.about_columns()) sums.add(weights + c, low + c, some, scale);
            if (facts.weight != nullptr) top.take(weights + c, some, low + c);
        }
        if (facts.entropy != nullptr) facts.entropy[at] = moments.entropy(scale);
        if (facts.position != nullptr) facts.position[at] = sum(moments.place) * scale;
        if (facts.weight != nullptr) top.write(scale, facts.weight + at * facts.top, facts.index + at * facts.top);
        if (facts.saved != nullptr) std::copy(kept, kept + kSaved, facts.saved + at * kSaved);
    }
};

}  // namespace

}  // namespace regard

REGARD_API int regard_statistics(const regard::Problem* problem, const regard::Facts* facts) {
    using namespace regard;
    Shares shares(*problem);
    Columns columns(*problem, *facts, shares);
    Statistics statistics{*problem, *facts, shares, columns};
    std::atomic<int64_t> next{0};
    in_parallel(int(problem->threads), problem->threads, [&](int64_t, int) { statistics.work(next); });
    in_parallel(int(problem->threads), problem->batch * problem->heads, [&](int64_t map, int) { columns.join(map); });
    return 0;
}
