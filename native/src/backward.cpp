// Gradients of attention, block by block: weights are computed again.
#include "api.hpp"
#include "attend.hpp"
#include "decode.hpp"
#include "pages.hpp"
#include "shared.hpp"
#include "straight.hpp"

namespace regard {

namespace {

struct Backward {
    const Problem& problem;
    Strided outer;  // the gradient of the context
    const float* saved;
    Strided d_query;
    const Shared &d_key, &d_value;
    float* const* d_tensors;         // for every tensor of the where its gradient, or null; one set for each thread
    float *d_learned, *d_number;     // of the score, and of the rows' numbers; one set for each thread
    int64_t tensor_count;

    // A few queries read values as they lie: packing them would cost more than it saves.
    bool reads_value_rows() const { return few_queries(problem) && !tiled(problem); }

    struct Rooms {
        float *scores, *grads, *raw, *factors, *query, *outer, *d_query;
    };

    void head(Worker& worker, const Part& part, const Split& split, int thread) const {
        int64_t stride = row_stride(problem.keys), rows = split.rows, padded = worker.padded_value;
        int64_t size = worker.padded_size;
        bool few = reads_value_rows(), sparse = worker.weighing.support != nullptr;
        int64_t panels = few ? 0 : key_floats(problem.dtype, problem.keys, problem.value_size);
        int64_t sizes[] = {worker.score->packed_floats(),
                           panels,
                           few || sparse ? worker.row_floats() : 0,
                           in_place(problem.dtype, problem.size) ? 0 : problem.keys * size,
                           rows * stride,
                           rows * stride,
                           worker.score->reads_scores() ? rows * stride : 0,
                           2 * stride,
                           rows * worker.padded_query,
                           rows * padded,
                           rows * worker.padded_query,
                           d_key.floats(),
                           d_value.floats()};
        Scratch scratch(Scratch::rooms(sizes));
        float* room[13];
        for (int i = 0; i < 13; ++i) room[i] = scratch.take(sizes[i]);
        worker.packed = room[0];
        if (!reads_once(problem) || worker.score->reads_scores())
            worker.take_keys(part.batch, part.key_head, room[0]);
        worker.score->pack_for_give(part.batch, part.key_head, room[0]);
        if (few || sparse) worker.take_value_rows(part.batch, part.key_head, room[2]);
        if (!few)
            pack_keys(problem.value, problem.dtype, part.batch, part.key_head, problem.keys, problem.value_size,
                      room[1]);
        Rows keys = rows_of(problem.key, problem.dtype, part.batch, part.key_head, 0, problem.keys, problem.size, size,
                            room[3]);
        Rooms rooms{room[4], room[5], room[6], room[7], room[8], room[9], room[10]};
        int64_t group = problem.heads / problem.key_heads, blocks = (problem.queries + rows - 1) / rows;
        float *keys_to = d_key.begin(part, room[11]), *values_to = d_value.begin(part, room[12]);
        for (int64_t head = part.key_head * group; head < (part.key_head + 1) * group; ++head)
            for (int64_t b = part.place; b < blocks; b += split.parts) {
                int64_t first = b * rows;
                Block found = worker.block_of(part.batch, head, first, std::min(rows, problem.queries - first));
                block(worker, found, keys, room[1], rooms, keys_to, values_to, thread);
            }
        d_key.end(part, keys_to);
        d_value.end(part, values_to);
    }

    void block(Worker& worker, const Block& block, const Rows& keys, const float* value_panels, const Rooms& rooms,
               float* keys_to, float* values_to, int thread) const {
        int64_t padded = worker.padded_value, wide = worker.padded_query;
        std::memset(rooms.d_query, 0, sizeof(float) * block.rows * wide);
        if (block.columns > 0) {
            int64_t stride = row_stride(block.columns);
            Rows query = worker.queries(block, rooms.query);
            Rows above = rows_of(outer, problem.dtype, block.batch, block.head, block.first, block.rows,
                                 problem.value_size, padded, rooms.outer);
            const float* kept = saved + row_place(problem, block.batch, block.head, block.first) * kSaved;
            bool few = worker.few(block, kept);
            // Weights must be those that were read with, so scores are found as they were.
            if (reads_once(problem))
                worker.straight_scores_of(block, query, keys, rooms.scores, stride);
            else
                worker.scores_of(block, query, rooms.scores, stride);
            if (few && worker.weighing.sparse_gradient && worker.score->gives_few() && tensor_count == 0) {
                few_rows(worker, block, {query, keys, above}, rooms, kept, keys_to, values_to, thread);
            } else {
                all_rows(worker, block, {query, keys, above}, value_panels, rooms, few, keys_to,
                         values_to, thread);
            }
        }
        Rows found = scaled({rooms.d_query, wide}, problem.scale, block.rows, wide, rooms.d_query);
        write_rows(d_query, problem.dtype, block.batch, block.head, block.first, block.rows, problem.query_size,
                   found.data, found.stride);
    }

    // Rows of a block that all gradients need: queries, the head's keys, and the context's gradient.
    struct Given {
        Rows query, keys, above;
    };

    void all_rows(Worker& worker, const Block& block, const Given& given, const float* value_panels,
                  const Rooms& rooms, bool few, float* keys_to, float* values_to, int thread) const {
        int64_t padded = worker.padded_value, stride = row_stride(block.columns);
        if (worker.score->reads_scores())
            worker.score->scores(block, given.query, worker.packed, rooms.raw, stride);
        if (reads_value_rows())
            match_rows(given.above.data, given.above.stride, block.rows,
                       worker.values.data + block.column * worker.values.stride, worker.values.stride, block.columns,
                       padded, rooms.grads, stride);
        else
            match_keys(problem.dtype, given.above, block.rows, value_panels, problem.value_size, block.column,
                       block.columns, rooms.grads, stride);
        for (int64_t r = 0; r < block.rows; ++r)
            row(worker, block, r, rooms.scores + r * stride, rooms.grads + r * stride, rooms.factors, thread);
        if (few) {
            Few cells(block.columns);
            for (int64_t r = 0; r < block.rows; ++r) {
                cells.take(rooms.scores + r * stride, 0, block.columns);
                give_few(cells, cells.weights.get(), given.above.data + r * given.above.stride, padded,
                         values_to + block.column * padded);
            }
        } else if (tiled(problem)) {
            give_tiles(rooms.scores, stride, block.rows, given.above, block.columns, padded,
                       values_to + block.column * padded, padded);
        } else {
            give(rooms.scores, stride, block.rows, given.above.data, given.above.stride, block.columns, padded,
                 values_to + block.column * padded, padded);
        }
        worker.score->give(block, given.query, given.keys, worker.packed, rooms.raw, rooms.grads, stride,
                           rooms.d_query, keys_to, learned_of(*worker.score, thread));
    }

    // The same where few cells have a weight and only they a gradient: nothing is multiplied with all keys.
    void few_rows(Worker& worker, const Block& block, const Given& given, const Rooms& rooms, const float* kept,
                  float* keys_to, float* values_to, int thread) const {
        int64_t padded = worker.padded_value, size = worker.padded_size, stride = row_stride(block.columns);
        Few few(block.columns);
        Rows values{worker.values.data + block.column * worker.values.stride, worker.values.stride};
        Rows keys{given.keys.data + block.column * given.keys.stride, given.keys.stride};
        for (int64_t r = 0; r < block.rows; ++r) {
            Interval cells = worker.cells(block, r);
            if (cells.low >= cells.high) continue;
            float* scores = rooms.scores + r * stride;
            RowOf told = worker.row_of(block, r, block.column + cells.low);
            worker.weighing.again(told, scores + cells.low, cells.high - cells.low, kept + r * kSaved);
            few.take(scores, cells.low, cells.high);
            const float* above = given.above.data + r * given.above.stride;
            match_few(few, above, values, padded, few.grads.get());
            const float* factors = worker.factors(block, r, cells, rooms.factors);
            if (factors != nullptr) few.multiply(few.grads.get(), factors);
            float mean = dot(few.weights.get(), few.grads.get(), few.count);
            float number = worker.weighing.backward(told, few.weights.get(), few.grads.get(), few.count, mean,
                                                    kept + r * kSaved);
            if (factors != nullptr) few.multiply(few.weights.get(), factors);
            give_few(few, few.weights.get(), above, padded, values_to + block.column * padded);
            worker.score->give_few(few, given.query.data + r * given.query.stride, keys, rooms.d_query + r * worker.padded_query,
                                   keys_to + block.column * size);
            if (d_number != nullptr) give_number(block, block.first + r, number, thread);
        }
    }

    // Turns the scores of a row into its weights with factors, and the gradient of these into that of the scores.
    void row(Worker& worker, const Block& block, int64_t r, float* scores, float* grads, float* room,
             int thread) const {
        int64_t row = block.first + r;
        Interval cells = worker.cells(block, r);
        int64_t end = round_up(block.columns, kPanel), high = std::max(cells.low, cells.high);
        for (float* each : {scores, grads}) {
            std::fill(each, each + cells.low, 0.0f);
            std::fill(each + high, each + end, 0.0f);
        }
        if (cells.low >= cells.high) return;
        int64_t low = cells.low, count = cells.high - cells.low;
        RowOf told = worker.row_of(block, r, block.column + low);
        const float* kept = saved + row_place(problem, block.batch, block.head, row) * kSaved;
        worker.weighing.again(told, scores + low, count, kept);
        const float* factors = worker.factors(block, r, cells, room);
        if (factors != nullptr)
            for (int64_t c = low; c < high; ++c) grads[c] *= factors[c];
        if (tensor_count > 0 && worker.where.has_factors())
            give_factors(worker, block, row, cells, scores, grads, room + round_up(problem.keys, kPanel), thread);
        // The context would tell the mean for less, but not to the last digit: where one key has all of the weight,
        // what is left of its gradient is a difference of two numbers that must be equal.
        float mean = dot(scores + low, grads + low, count);
        float number = worker.weighing.backward(told, scores + low, grads + low, count, mean, kept);
        if (factors != nullptr)
            for (int64_t c = low; c < high; ++c) scores[c] *= factors[c];
        if (d_number != nullptr) give_number(block, row, number, thread);
        if (tensor_count > 0)
            worker.where.give_priors(block, row, block.column + low, block.column + high, grads + low,
                                     d_tensors + thread * tensor_count);
    }

    // Gradients of what the factors learn, from weights without factors and their gradients. `room` holds a row.
    void give_factors(const Worker& worker, const Block& block, int64_t row, Interval cells, const float* weights,
                      const float* grads, float* room, int thread) const {
        for (int64_t c = cells.low; c < cells.high; ++c) room[c] = weights[c] * grads[c];
        worker.where.give_factors(block, row, block.column + cells.low, block.column + cells.high, room + cells.low,
                                  d_tensors + thread * tensor_count);
    }

    float* learned_of(const Score& score, int thread) const {
        return d_learned == nullptr ? nullptr : d_learned + thread * score.learned_floats();
    }

    // A row's number may belong to many rows: its gradient lies where the number lies.
    void give_number(const Block& block, int64_t row, float grad, int thread) const {
        const RowNumber& number = problem.number;
        int64_t size = 1 + number.batch * (problem.batch - 1) + number.head * (problem.heads - 1) +
                       number.row * (problem.queries - 1);
        d_number[thread * size + block.batch * number.batch + block.head * number.head + row * number.row] += grad;
    }
};

}  // namespace

}  // namespace regard

REGARD_API int regard_attend_backward(const regard::Problem* problem, const regard::Strided* outer,
                                      const float* saved, const regard::Strided* d_query,
                                      const regard::Strided* d_key, const regard::Strided* d_value,
                                      float* const* d_tensors, int64_t tensor_count, float* d_learned,
                                      float* d_number) {
    using namespace regard;
    for (const Strided* result : {d_query, d_key, d_value}) in_large_pages(*result, *problem);
    Split split = Split::evenly(*problem);
    Shared keys(*d_key, *problem, split, problem->size), values(*d_value, *problem, split, problem->value_size);
    Backward backward{*problem,  *outer,    saved,    *d_query,    keys, values,
                      d_tensors, d_learned, d_number, tensor_count};
    // Gradients that several items share add up for each thread, so each thread's items must always be the same.
    int64_t threads = problem->threads;
    in_parallel(int(threads), threads, [&](int64_t thread, int) {
        Worker worker(*problem);
        for (int64_t item = thread; item < split.items(); item += threads)
            backward.head(worker, split.part(item), split, int(thread));
    });
    in_parallel(int(threads), split.groups, [&](int64_t group, int) {
        keys.finish(group);
        values.finish(group);
    });
    return 0;
}
