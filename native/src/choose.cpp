// One key for each query: which the rule's winner is, how likely a softmax makes it, and that softmax's entropy; and
// the gradients of the last two. No weight is kept.
#include <cmath>

#include "api.hpp"
#include "attend.hpp"
#include "rules.hpp"
#include "shared.hpp"

namespace regard {

// What is found of every query, (batch, heads, queries). The order of the fields is that of `Chosen` in native/choose.py.
struct Chosen {
    int64_t* index;  // -1 where nothing is seen
    float *log_prob, *entropy, *lse;
};

// The gradients of two of them.
struct Outer {
    const float *log_prob, *entropy;
};

namespace {

// A score that is hidden, and any that is as far below the highest, has no probability; its logarithm stays finite.
constexpr float kNoChance = -200.0f;

// The scores of a block with the logarithms of the factors, by which a probability is multiplied.
class Logits {
public:
    Logits(Worker& worker, float* factors) : worker_(worker), factors_(factors), some_(worker.where.has_factors()) {}

    void find(const Block& block, const Rows& query, float* scores, int64_t stride) const {
        worker_.scores_of(block, query, scores, stride);
        for (int64_t r = 0; some_ && r < block.rows; ++r) {
            Interval cells = worker_.cells(block, r);
            if (cells.low >= cells.high) continue;
            const float* factors = worker_.factors(block, r, cells, factors_);
            by_vector(cells.high - cells.low, [&](int64_t c, int64_t left) {
                float* to = scores + r * stride + cells.low + c;
                Floats score = load_some(to, left, kLowest);
                Floats least = all(std::numeric_limits<float>::min());
                Floats chance = logarithm(larger(load_some(factors + cells.low + c, left, 1.0f), least));
                store_some(to, score == kLowest ? score : score + chance, left);
            });
        }
    }

private:
    Worker& worker_;
    float* factors_;
    bool some_;
};

int64_t place_of(const Problem& problem, const Block& block, int64_t r) {
    return (block.batch * problem.heads + block.head) * problem.queries + block.first + r;
}

// Calls visit(block) with the blocks of all heads that read a key head, as far as they belong to a part of them.
template <class Visit>
void by_block(const Problem& problem, const Split& split, const Part& part, Worker& worker, const Visit& visit) {
    int64_t group = problem.heads / problem.key_heads, step = split.parts * split.rows;
    for (int64_t head = part.key_head * group; head < (part.key_head + 1) * group; ++head)
        for (int64_t first = part.place * split.rows; first < problem.queries; first += step)
            visit(worker.block_of(part.batch, head, first, std::min(split.rows, problem.queries - first)));
}

struct Choose {
    const Problem& problem;
    const Chosen& chosen;

    void part(const Split& split, const Part& part) const {
        Worker worker(problem);
        int64_t widest = round_up(problem.keys, kPanel);
        int64_t sizes[] = {worker.score->packed_floats(), split.rows * widest, widest, split.rows * worker.padded_query};
        int64_t room = 0;
        for (int64_t size : sizes) room += Scratch::room(size);
        Scratch scratch(room);
        float* packed = scratch.take(sizes[0]);
        float *scores = scratch.take(sizes[1]), *spare = scratch.take(sizes[2]), *query = scratch.take(sizes[3]);
        worker.score->pack(part.batch, part.key_head, packed);
        worker.packed = packed;
        Logits logits(worker, spare);
        by_block(problem, split, part, worker, [&](const Block& block) {
            int64_t stride = round_up(block.columns, kPanel);
            if (block.columns > 0) logits.find(block, worker.queries(block, query), scores, stride);
            for (int64_t r = 0; r < block.rows; ++r) {
                Interval cells = block.columns > 0 ? worker.cells(block, r) : Interval{0, 0};
                row(worker, block, r, cells, scores + r * stride, spare);
            }
        });
    }

    void row(Worker& worker, const Block& block, int64_t r, Interval cells, const float* scores, float* spare) const {
        int64_t at = place_of(problem, block, r), count = std::max<int64_t>(cells.high - cells.low, 0);
        scores += cells.low;
        float most = highest_of(scores, count);
        chosen.index[at] = -1;
        chosen.log_prob[at] = chosen.entropy[at] = 0;
        chosen.lse[at] = -kInfinity;
        if (most == kLowest) return;
        Floats total = {}, carried = {};
        by_vector(count, [&](int64_t c, int64_t left) {
            Floats away = larger(load_some(scores + c, left, kLowest) - most, all(kNoChance));
            Floats raised = exponential(away);
            total += raised;
            carried += raised * away;
        });
        float whole = sum(total), log = std::log(whole), kept[kSaved];
        chosen.lse[at] = most + log;
        chosen.entropy[at] = log - sum(carried) / whole;
        // The rule writes weights over the scores, of which one is still asked for.
        std::copy(scores, scores + count, spare);
        int64_t column = block.column + cells.low;
        worker.weighing.weights(worker.row_of(block, r, column), spare, count, kept);
        int64_t winner = std::bit_cast<int32_t>(kept[1]);
        chosen.index[at] = winner;
        // No winner is found among scores that are not finite.
        chosen.log_prob[at] = winner < 0 ? most - most : scores[winner - column] - most - log;
    }
};

struct ChooseBackward {
    const Problem& problem;
    const Chosen& chosen;
    const Outer& outer;
    Strided d_query;
    const Shared& d_key;
    float* const* d_tensors;  // for every tensor of the where its gradient, or null; one set for each thread
    int64_t tensor_count;
    float* d_learned;  // one set for each thread

    struct Rooms {
        float *scores, *grads, *raw, *factors, *query, *d_query;
    };

    void part(const Split& split, const Part& part, int thread) const {
        Worker worker(problem);
        int64_t widest = round_up(problem.keys, kPanel), rows = split.rows;
        int64_t sizes[] = {worker.score->packed_floats(),
                           in_place(problem.dtype, problem.size) ? 0 : problem.keys * worker.padded_size,
                           rows * widest,
                           rows * widest,
                           worker.score->reads_scores() ? rows * widest : 0,
                           widest,
                           rows * worker.padded_query,
                           rows * worker.padded_query,
                           d_key.floats()};
        Scratch scratch(Scratch::rooms(sizes));
        float* room[9];
        for (int i = 0; i < 9; ++i) room[i] = scratch.take(sizes[i]);
        worker.score->pack(part.batch, part.key_head, room[0]);
        worker.packed = room[0];
        Rows keys = rows_of(problem.key, problem.dtype, part.batch, part.key_head, 0, problem.keys, problem.size,
                            worker.padded_size, room[1]);
        Rooms rooms{room[2], room[3], room[4], room[5], room[6], room[7]};
        float* keys_to = d_key.begin(part, room[8]);
        by_block(problem, split, part, worker,
                 [&](const Block& found) { block(worker, found, keys, rooms, keys_to, thread); });
        d_key.end(part, keys_to);
    }

    void block(Worker& worker, const Block& block, const Rows& keys, const Rooms& rooms, float* keys_to,
               int thread) const {
        int64_t wide = worker.padded_query, stride = round_up(block.columns, kPanel);
        std::fill(rooms.d_query, rooms.d_query + block.rows * wide, 0.0f);
        if (block.columns > 0) {
            Rows query = worker.queries(block, rooms.query);
            Logits(worker, rooms.factors).find(block, query, rooms.scores, stride);
            for (int64_t r = 0; r < block.rows; ++r)
                row(worker, block, r, rooms.scores + r * stride, rooms.grads + r * stride, stride, thread);
            if (worker.score->reads_scores()) worker.score->scores(block, query, worker.packed, rooms.raw, stride);
            float* learned = d_learned == nullptr ? nullptr : d_learned + thread * worker.score->learned_floats();
            worker.score->give(block, query, keys, worker.packed, rooms.raw, rooms.grads, stride, rooms.d_query, keys_to,
                               learned);
        }
        Rows found = scaled({rooms.d_query, wide}, problem.scale, block.rows, wide, rooms.d_query);
        write_rows(d_query, problem.dtype, block.batch, block.head, block.first, block.rows, problem.query_size,
                   found.data, found.stride);
    }

    // With p = e^(score - lse): d log p_z = 1[j = z] - p_j, and d entropy = -p_j (log p_j + entropy).
    void row(const Worker& worker, const Block& block, int64_t r, const float* scores, float* grads, int64_t stride,
             int thread) const {
        int64_t at = place_of(problem, block, r);
        Interval cells = worker.cells(block, r);
        std::fill(grads, grads + stride, 0.0f);
        if (cells.low >= cells.high || chosen.lse[at] == -kInfinity) return;
        float lse = chosen.lse[at], entropy = chosen.entropy[at];
        float to_choice = outer.log_prob[at], to_entropy = outer.entropy[at];
        by_vector(cells.high - cells.low, [&](int64_t c, int64_t left) {
            int64_t place = cells.low + c;
            Floats away = larger(load_some(scores + place, left, kLowest) - lse, all(kNoChance));
            store_some(grads + place, exponential(away) * ((away + entropy) * -to_entropy - to_choice), left);
        });
        if (chosen.index[at] >= 0) grads[chosen.index[at] - block.column] += to_choice;
        if (tensor_count == 0) return;
        int64_t row = block.first + r, low = block.column + cells.low, high = block.column + cells.high;
        worker.where.give_priors(block, row, low, high, grads + cells.low, d_tensors + thread * tensor_count);
        worker.where.give_factors(block, row, low, high, grads + cells.low, d_tensors + thread * tensor_count);
    }
};

}  // namespace

}  // namespace regard

REGARD_API int regard_choose(const regard::Problem* problem, const regard::Chosen* chosen) {
    using namespace regard;
    Choose choose{*problem, *chosen};
    Split split(*problem);
    in_parallel(int(problem->threads), split.items(),
                [&](int64_t item, int) { choose.part(split, split.part(item)); });
    return 0;
}

REGARD_API int regard_choose_backward(const regard::Problem* problem, const regard::Chosen* chosen,
                                      const regard::Outer* outer, const regard::Strided* d_query,
                                      const regard::Strided* d_key, float* const* d_tensors, int64_t tensor_count,
                                      float* d_learned) {
    using namespace regard;
    Split split(*problem);
    Shared keys(*d_key, *problem, split, problem->size);
    ChooseBackward backward{*problem, *chosen, *outer, *d_query, keys, d_tensors, tensor_count, d_learned};
    // Gradients that several items share add up for each thread, so each thread's items must always be the same.
    int64_t threads = problem->threads;
    in_parallel(int(threads), threads, [&](int64_t thread, int) {
        for (int64_t item = thread; item < split.items(); item += threads)
            backward.part(split, split.part(item), int(thread));
    });
    in_parallel(int(threads), split.groups, [&](int64_t group, int) { keys.finish(group); });
    return 0;
}
