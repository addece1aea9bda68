// Context of all queries, block by block.
#include <memory>
#include <vector>

#include "api.hpp"
#include "attend.hpp"
#include "decode.hpp"
#include "few.hpp"
#include "pages.hpp"
#include "stream.hpp"

namespace regard {

namespace {

struct Forward {
    const Problem& problem;
    Strided context;
    float* saved;  // (batch, heads, queries, kSaved)

    // Heads of one key head, and every `parts`-th block of their rows.
    void head(Worker& worker, int64_t batch, int64_t key_head, int64_t part, int64_t parts, int64_t rows) const {
        int64_t stride = row_stride(problem.keys);
        int64_t cells = streams(problem) ? streamed_floats(rows) : rows * stride;
        int64_t sizes[] = {worker.score->packed_floats(), worker.value_floats(),     cells, stride,
                           rows * worker.padded_query,    rows * worker.padded_value};
        Scratch scratch(Scratch::rooms(sizes));
        float* packed = scratch.take(sizes[0]);
        float* values = scratch.take(sizes[1]);
        Rooms rooms{scratch.take(sizes[2]), scratch.take(sizes[3]), scratch.take(sizes[4]), scratch.take(sizes[5])};
        worker.take_keys(batch, key_head, packed);
        worker.take_values(batch, key_head, values);
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
        int64_t padded = worker.padded_value;
        std::memset(rooms.context, 0, sizeof(float) * block.rows * padded);
        float* saved_rows = saved + row_place(problem, block.batch, block.head, block.first) * kSaved;
        std::memset(saved_rows, 0, sizeof(float) * block.rows * kSaved);
        if (block.columns > 0) {
            Rows query = worker.queries(block, rooms.query);
            float scales[kMostRows];
            if (streams(problem))
                read_streamed(worker, block, query, rooms.scores, rooms.factors, rooms.context, saved_rows, scales);
            else
                read_whole(worker, block, query, rooms, saved_rows, scales);
            for (int64_t r = 0; r < block.rows; ++r)
                for (int64_t c = 0; c < padded; c += kWidth) {
                    float* at = rooms.context + r * padded + c;
                    store(at, load(at) * scales[r]);
                }
        }
        write_rows(context, problem.dtype, block.batch, block.head, block.first, block.rows, problem.value_size,
                   rooms.context, padded);
    }

    // By whole rows of scores.
    void read_whole(Worker& worker, const Block& block, const Rows& query, const Rooms& rooms, float* saved_rows,
                    float* scales) const {
        int64_t stride = row_stride(block.columns);
        worker.scores_of(block, query, rooms.scores, stride);
        // Where all weights are read in any case, a row is made readable while it is in the first cache.
        bool dense = worker.weighing.support == nullptr;
        for (int64_t r = 0; r < block.rows; ++r) {
            float* row = rooms.scores + r * stride;
            scales[r] = worker.weigh(block, r, row, rooms.factors, saved_rows + r * kSaved);
            if (dense) worker.make_readable(block, row);
        }
        if (worker.few(block, saved_rows)) return read_rows(worker, block, rooms, stride);
        for (int64_t r = 0; r < block.rows && !dense; ++r) worker.make_readable(block, rooms.scores + r * stride);
        worker.read_values(block, rooms.scores, stride, rooms.context);
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
    in_large_pages(*context, *problem);
    if (reads_once(*problem)) {
        decode(*problem, *context, saved);
        return 0;
    }
    Forward forward{*problem, *context, saved};
    Split split(*problem, streams(*problem) ? Split::kNoLimit : kCells);
    // One for each thread, made when it gets its first item: small heads cost less than what a worker allocates.
    std::vector<std::unique_ptr<Worker>> workers(size_t(problem->threads));
    in_parallel(int(problem->threads), split.items(), [&](int64_t item, int thread) {
        std::unique_ptr<Worker>& worker = workers[size_t(thread)];
        if (worker == nullptr) worker = std::make_unique<Worker>(*problem);
        Part part = split.part(item);
        forward.head(*worker, part.batch, part.key_head, part.place, split.parts, split.rows);
    });
    return 0;
}
