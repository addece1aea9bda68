// Weights of chosen cells: a rectangle of every map, from what was saved of its rows, or whole rows.
#include <algorithm>
#include <vector>

#include "api.hpp"
#include "attend.hpp"

namespace regard {

namespace {

// Turns the scores of some cells of a row into weights, still to be multiplied by what is returned.
struct Again {
    const float* saved;

    float operator()(const Weighing& weighing, const RowOf& told, float* scores, int64_t count) const {
        weighing.again(told, scores, count, saved + row_place(told.problem, told.map, told.row) * kSaved);
        return 1.0f;
    }
};

// The same for whole rows, of which nothing was saved.
struct Anew {
    float operator()(const Weighing& weighing, const RowOf& told, float* scores, int64_t count) const {
        float kept[kSaved];
        return weighing.weights(told, scores, count, kept);
    }
};

// Neighbouring rows.
struct Band {
    int64_t first, rows;
};

// The problem of some keys alone, as far as scores go: they do not ask where a key stands.
Problem with_keys(const Problem& problem, Interval keys) {
    Problem found = problem;
    int64_t size = problem.dtype == kFloat32 ? sizeof(float) : sizeof(uint16_t);
    found.key.data = static_cast<char*>(problem.key.data) + keys.low * problem.key.row * size;
    found.keys = keys.high - keys.low;
    return found;
}

template <class Weigh>
struct Cells {
    const Problem& problem;
    const Problem& near;  // the problem of the keys alone
    Interval keys;
    const std::vector<Band>& bands;
    const Weigh& weigh;
    float* out;  // (batch, heads, rows of all bands, keys)

    void head(int64_t batch, int64_t key_head) const {
        Worker worker(problem);
        auto score = score_of(near);
        int64_t stride = round_up(near.keys, kPanel);
        int64_t rows = std::clamp<int64_t>(kCells / stride / kRows * kRows, kRows, kMostRows);
        int64_t sizes[] = {score->packed_floats(), rows * stride, stride, rows * worker.padded_size};
        Scratch scratch(Scratch::rooms(sizes));
        float* packed = scratch.take(sizes[0]);
        Rooms rooms{scratch.take(sizes[1]), scratch.take(sizes[2]), scratch.take(sizes[3]), stride};
        score->pack(batch, key_head, packed);
        int64_t group = problem.heads / problem.key_heads, height = 0;
        for (const Band& band : bands) height += band.rows;
        for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head) {
            float* to = out + map_place(problem, batch, head) * height * near.keys;
            for (const Band& band : bands)
                for (int64_t r = 0; r < band.rows; r += rows) {
                    Block block{batch,    head,     band.first + r, std::min(rows, band.rows - r),
                                keys.low, near.keys};
                    weights(worker, *score, packed, block, rooms, to);
                    to += block.rows * near.keys;
                }
        }
    }

    struct Rooms {
        float *scores, *factors, *query;
        int64_t stride;
    };

    void weights(Worker& worker, const Score& score, const float* packed, const Block& block, const Rooms& rooms,
                 float* to) const {
        Block beside = block;
        beside.column = 0;
        Rows query = rows_of(problem.query, problem.dtype, block.batch, block.head, block.first, block.rows,
                             problem.size, worker.padded_size, rooms.query);
        score.scores(beside, query, packed, rooms.scores, rooms.stride);
        worker.show(block, rooms.scores, rooms.stride);
        for (int64_t r = 0; r < block.rows; ++r)
            row(worker, block, r, rooms.scores + r * rooms.stride, rooms.factors, to + r * near.keys);
    }

    void row(Worker& worker, const Block& block, int64_t r, float* scores, float* room, float* to) const {
        Interval cells = worker.cells(block, r);
        std::fill(to, to + block.columns, 0.0f);
        if (cells.low >= cells.high) return;
        RowOf told = worker.row_of(block, r, block.column + cells.low);
        float scale = weigh(worker.weighing, told, scores + cells.low, cells.high - cells.low);
        const float* factors = worker.factors(block, r, cells, room);
        for (int64_t c = cells.low; c < cells.high; ++c)
            to[c] = scores[c] * (factors == nullptr ? scale : scale * factors[c]);
    }
};

template <class Weigh>
void find_cells(const Problem& problem, Interval keys, const std::vector<Band>& bands, const Weigh& weigh,
                float* out) {
    Problem near = with_keys(problem, keys);
    Cells<Weigh> cells{problem, near, keys, bands, weigh, out};
    in_parallel(int(problem.threads), problem.batch * problem.key_heads,
                [&](int64_t item, int) { cells.head(item / problem.key_heads, item % problem.key_heads); });
}

}  // namespace

}  // namespace regard

REGARD_API int regard_tile(const regard::Problem* problem, const float* saved, int64_t row, int64_t rows,
                           int64_t column, int64_t columns, float* out) {
    using namespace regard;
    find_cells(*problem, {column, column + columns}, {{row, rows}}, Again{saved}, out);
    return 0;
}

REGARD_API int regard_rows(const regard::Problem* problem, const int64_t* rows, int64_t count, float* out) {
    using namespace regard;
    std::vector<Band> bands;
    for (int64_t i = 0; i < count; ++i) bands.push_back({rows[i], 1});
    find_cells(*problem, {0, problem->keys}, bands, Anew{}, out);
    return 0;
}
