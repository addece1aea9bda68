#include "score.hpp"

#include <algorithm>
#include <vector>

#include "additive.hpp"
#include "additive_step.hpp"
#include "halves.hpp"
#include "convolved.hpp"
#include "decode.hpp"
#include "tangent.hpp"

namespace regard {

namespace {

// The inner product, where a cap is asked for bounded by cap * tanh(product / cap).
class Product : public Score {
public:
    using Score::Score;

    int64_t packed_floats() const override {
        return matched_floats() + (tiled(problem_) ? tile_floats(problem_.keys, problem_.size) : 0);
    }

    void pack(int64_t batch, int64_t key_head, float* packed) const override {
        pack_keys(problem_.key, problem_.dtype, batch, key_head, problem_.keys, problem_.size, packed);
    }

    void pack_for_give(int64_t batch, int64_t key_head, float* packed) const override {
        if (tiled(problem_))
            pack_read(half_rows(problem_.key, batch, key_head), problem_.keys, problem_.size,
                      packed + matched_floats());
    }

    void scores(const Block& block, const Rows& query, const float* packed, float* out,
                int64_t stride) const override {
        int64_t columns = round_up(block.columns, kWidth);
        if (tiled(problem_))
            match_as_given(block, packed, columns, out, stride);
        else
            match_keys(problem_.dtype, query, block.rows, packed, problem_.size, block.column, columns, out, stride);
        if (problem_.softcap == 0) return;
        for (int64_t r = 0; r < block.rows; ++r) cap_scores(problem_.softcap, out + r * stride, columns);
    }

    void give(const Block& block, const Rows& query, const Rows& keys, const float* packed, const float* scores,
              float* d_scores, int64_t stride, float* d_query, float* d_key, float*) const override {
        if (problem_.softcap != 0) {
            float inverse = float(1.0 / problem_.softcap);
            for (int64_t r = 0; r < block.rows; ++r)
                for (int64_t c = 0; c < block.columns; c += kWidth) {
                    Floats part = load(scores + r * stride + c) * inverse;
                    store(d_scores + r * stride + c, load(d_scores + r * stride + c) * (1.0f - part * part));
                }
        }
        if (tiled(problem_)) {
            give_tiles(d_scores, stride, block.rows, query, block.columns, padded_, d_key + block.column * padded_,
                       padded_);
            for (int64_t r = 0; r < block.rows; ++r) narrow_in_place(d_scores + r * stride, block.columns);
            read_tiles(narrowed(d_scores, stride), block.rows, packed + matched_floats(), block.column, block.columns,
                       padded_, d_query, padded_);
            return;
        }
        read(d_scores, stride, block.rows, keys.data + block.column * keys.stride, keys.stride, block.columns, padded_,
             d_query, padded_);
        regard::give(d_scores, stride, block.rows, query.data, query.stride, block.columns, padded_,
                     d_key + block.column * padded_, padded_);
    }

    bool gives_few() const override { return problem_.softcap == 0; }

    void give_few(const Few& few, const float* query, const Rows& keys, float* d_query, float* d_key) const override {
        read_few(few, few.grads.get(), keys, padded_, d_query);
        regard::give_few(few, few.grads.get(), query, padded_, d_key);
    }

    bool reads_scores() const override { return problem_.softcap != 0; }

private:
    // By tiles queries are matched before they are scaled, which would round them once more.
    void match_as_given(const Block& block, const float* packed, int64_t columns, float* out, int64_t stride) const {
        if (problem_.size % kTileTerms == 0) {
            HalfRows rows = half_rows(problem_.query, block.batch, block.head);
            match_tiles({rows.data + block.first * rows.stride, rows.stride}, block.rows, packed, problem_.size,
                        block.column, columns, out, stride);
        } else {
            int64_t padded = round_up(problem_.query_size, kWidth);
            std::vector<float> room(size_t(block.rows * padded));
            Rows rows = rows_of(problem_.query, problem_.dtype, block.batch, block.head, block.first, block.rows,
                                problem_.query_size, padded, room.data());
            match_keys(problem_.dtype, rows, block.rows, packed, problem_.size, block.column, columns, out, stride);
        }
        if (problem_.scale == 1.0) return;
        for (int64_t r = 0; r < block.rows; ++r)
            for (int64_t c = 0; c < columns; c += kWidth) {
                float* at = out + r * stride + c;
                store(at, load(at) * float(problem_.scale));
            }
    }

    int64_t matched_floats() const { return key_floats(problem_.dtype, problem_.keys, problem_.size); }
};

}  // namespace

void cap_scores(double softcap, float* scores, int64_t count) {
    float cap = float(softcap), inverse = 1.0f / cap;
    for (int64_t c = 0; c < count; c += kWidth)
        store(scores + c, hyperbolic_tangent(load(scores + c) * inverse) * cap);
}

std::vector<float> energies(const Problem& problem, int64_t padded) {
    std::vector<float> found(static_cast<size_t>(padded));
    std::copy(problem.learned, problem.learned + problem.size, found.begin());
    return found;
}

std::unique_ptr<Score> score_of(const Problem& problem) {
    if (problem.score == kAdditive && few_queries(problem)) return std::make_unique<AdditiveStep>(problem);
    if (problem.score == kAdditive) return std::make_unique<Additive>(problem);
    if (problem.score == kConvolved) return std::make_unique<Convolved>(problem);
    return std::make_unique<Product>(problem);
}

int64_t key_floats(int64_t dtype, int64_t count, int64_t size) {
    return Scratch::room(tiled(dtype) ? tile_floats(size, count) : round_up(count, kPanel) * size);
}

void pack_keys(const Strided& keys, int64_t dtype, int64_t batch, int64_t head, int64_t count, int64_t size,
               float* panels) {
    if (tiled(dtype)) return pack_matched(half_rows(keys, batch, head), count, size, panels);
    if (dtype == kFloat32) {
        pack_panels(static_cast<const float*>(keys.data) + offset(keys, batch, head, 0), keys.row, count, size, panels);
        return;
    }
    std::vector<float> room(size_t(kPanel * size));
    for (int64_t c = 0; c < count; c += kPanel) {
        int64_t have = count - c < kPanel ? count - c : kPanel;
        const uint16_t* from = static_cast<const uint16_t*>(keys.data) + offset(keys, batch, head, c);
        for (int64_t j = 0; j < have; ++j)
            for (int64_t d = 0; d < size; ++d) room[j * size + d] = from_bfloat16(from[j * keys.row + d]);
        pack_panels(room.data(), size, have, size, panels + c * size);
    }
}

void match_keys(int64_t dtype, const Rows& rows, int64_t count, const float* packed, int64_t size, int64_t first,
                int64_t columns, float* out, int64_t stride) {
    if (tiled(dtype))
        match_tiles(Narrowed(rows, count, size).rows(), count, packed, size, first, columns, out, stride);
    else
        match(rows.data, rows.stride, count, packed + first * size, size, columns, out, stride);
}

}  // namespace regard
