// Context of all queries, block by block.
#include "api.hpp"
#include "attend.hpp"
#include "decode.hpp"
#include "few.hpp"

namespace regard {

namespace {

struct Forward {
    const Problem& problem;
    Strided context;
    float* saved;  // (batch, heads, queries, kSaved)

    // Heads of one key head, and every `parts`-th block of their rows.
    void head(int64_t batch, int64_t key_head, int64_t part, int64_t parts, int64_t rows) const {
        Worker worker(problem);
        int64_t stride = round_up(problem.keys, kPanel), padded = worker.padded_value;
        bool values_here = in_place(problem.dtype, problem.value_size);
        int64_t sizes[] = {worker.score->packed_floats(), values_here ? 0 : problem.keys * padded, rows * stride, stride,
                           rows * worker.padded_size, rows * padded};
        Scratch scratch(Scratch::rooms(sizes));
        float* packed = scratch.take(sizes[0]);
        float* values = scratch.take(sizes[1]);
        Rooms rooms{scratch.take(sizes[2]), scratch.take(sizes[3]), scratch.take(sizes[4]), scratch.take(sizes[5])};
        worker.take_head(batch, key_head, packed, values);
        int64_t group = problem.heads / problem.key_heads, blocks = (problem.queries + rows - 1) / rows;
        for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head)
            for (int64_t b = part; b < blocks; b += parts) {
                int64_t first = b * rows;
                block(worker, worker.block_of(batch, head, first, std::min(rows, problem.queries - first)), rooms);
            }
    }

    struct Rooms {
        float *scores, *factors, *query, *context;
    };

    void block(Worker& worker, const Block& block, const Rooms& rooms) const {
        int64_t padded = worker.padded_value, stride = round_up(std::max<int64_t>(block.columns, 1), kPanel);
        std::memset(rooms.context, 0, sizeof(float) * block.rows * padded);
        float* saved_rows = saved + row_place(problem, block.batch, block.head, block.first) * kSaved;
        std::memset(saved_rows, 0, sizeof(float) * block.rows * kSaved);
        if (block.columns > 0) {
            Rows query = rows_of(problem.query, problem.dtype, block.batch, block.head, block.first, block.rows,
                                 problem.size, worker.padded_size, rooms.query);
            worker.scores_of(block, query, rooms.scores, stride);
            float scales[kMostRows];
            for (int64_t r = 0; r < block.rows; ++r)
                scales[r] = worker.weigh(block, r, rooms.scores + r * stride, rooms.factors, saved_rows + r * kSaved);
            if (worker.few(block, saved_rows)) {
                read_rows(worker, block, rooms, stride);
            } else {
                read(rooms.scores, stride, block.rows, worker.values.data + block.column * worker.values.stride,
                     worker.values.stride, block.columns, padded, rooms.context, padded);
            }
            for (int64_t r = 0; r < block.rows; ++r)
                for (int64_t c = 0; c < padded; c += kWidth) {
                    float* at = rooms.context + r * padded + c;
                    store(at, load(at) * scales[r]);
                }
        }
        write_rows(context, problem.dtype, block.batch, block.head, block.first, block.rows, problem.value_size,
                   rooms.context, padded);
    }

    // Values read one by one, where few have a weight.
    void read_rows(const Worker& worker, const Block& block, const Rooms& rooms, int64_t stride) const {
        Few few(block.columns);
        Rows values{worker.values.data + block.column * worker.values.stride, worker.values.stride};
        for (int64_t r = 0; r < block.rows; ++r) {
            few.take(rooms.scores + r * stride, 0, block.columns);
            read_few(few, few.weights.get(), values, worker.padded_value, rooms.context + r * worker.padded_value);
        }
    }
};

}  // namespace

}  // namespace regard

REGARD_API int regard_attend_forward(const regard::Problem* problem, const regard::Strided* context, float* saved) {
    using namespace regard;
    if (reads_once(*problem)) {
        decode(*problem, *context, saved);
        return 0;
    }
    Forward forward{*problem, *context, saved};
    Split split(*problem);
    in_parallel(int(problem->threads), split.items(), [&](int64_t item, int) {
        Part part = split.part(item);
        forward.head(part.batch, part.key_head, part.place, split.parts, split.rows);
    });
    return 0;
}
