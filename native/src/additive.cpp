#include "additive.hpp"

#include <algorithm>

#include "ratio.hpp"
#include "transpose.hpp"

namespace regard {

namespace {

// Rows and channels whose query sides stay in the first cache while all panels are matched with them.
constexpr int64_t kQueries = 16, kChannels = 64;

// Query sides of a slice of channels, with the energies in x and y.
struct Slice {
    alignas(kBytes) float a[kQueries][kChannels], w[kQueries][kChannels], x[kQueries][kChannels], y[kQueries][kChannels];

    void fill(const Rows& query, int64_t rows, const float* kinds, const float* energy, int64_t channels) {
        for (int64_t d = 0; d < channels; d += kWidth) {
            Kinds those(kinds + d);
            Floats each = load(energy + d);
            for (int64_t r = 0; r < rows; ++r) {
                QuerySide side = query_side(load(query.data + r * query.stride + d), those);
                store(a[r] + d, side.a);
                store(w[r] + d, side.w);
                store(x[r] + d, side.x * each);
                store(y[r] + d, side.y * each);
            }
        }
    }

    Ratio ratio(int64_t row, int64_t d, Floats number) const {
        return {x[row][d] * number + y[row][d], a[row][d] * number + w[row][d]};
    }
};

// total[v] += four channels' sum for a row and the keys of vector v of a panel.
template <int V, bool Shared>
inline void add_four(const Slice& slice, int64_t row, int64_t d, const float* panel, Floats (&total)[V]) {
    for (int v = 0; v < V; ++v) {
        const float* from = panel + d * kPanel + v * kWidth;
        Ratio left = slice.ratio(row, d, load(from)) + slice.ratio(row, d + 1, load(from + kPanel));
        Ratio right = slice.ratio(row, d + 2, load(from + 2 * kPanel)) + slice.ratio(row, d + 3, load(from + 3 * kPanel));
        total[v] += Shared ? value(left + right) : value(left) + value(right);
    }
}

template <int V>
inline void add_ratios(const Slice& slice, int64_t row, const float* panel, const float* together, int64_t channels,
                       Floats (&total)[V]) {
    for (int64_t d = 0; d < channels; d += 4) {
        if (together[d / 4] != 0)
            add_four<V, true>(slice, row, d, panel, total);
        else
            add_four<V, false>(slice, row, d, panel, total);
    }
}

// Calls `visit` with the number of vectors as a constant.
template <int V = kVectors, class Visit>
inline void by_vectors(int64_t vectors, const Visit& visit) {
    if constexpr (V > 1) {
        if (vectors < V) return by_vectors<V - 1>(vectors, visit);
    }
    visit.template operator()<V>();
}

}  // namespace

Additive::Additive(const Problem& problem) : Score(problem), energy_(energies(problem, padded_)) {}

// kWidth keys from `first` on; those there are none of are 0.
Rows Additive::some_keys(int64_t batch, int64_t key_head, int64_t first, float* room) const {
    int64_t count = std::min<int64_t>(kWidth, problem_.keys - first);
    Rows found = rows_of(problem_.key, problem_.dtype, batch, key_head, first, count, problem_.size, padded_, room);
    if (count == kWidth) return found;
    if (found.data != room)
        for (int64_t j = 0; j < count; ++j)
            std::copy(found.data + j * found.stride, found.data + j * found.stride + padded_, room + j * padded_);
    std::fill(room + count * padded_, room + kWidth * padded_, 0.0f);
    return {room, padded_};
}

void Additive::sort_channels(int64_t batch, int64_t key_head, float* packed, float* room) const {
    float *kinds = packed + panel_floats(), *together = kinds + padded_;
    std::fill(kinds, kinds + padded_, 0.0f);
    for (int64_t j = 0; j < problem_.keys; j += kWidth) {
        Rows keys = some_keys(batch, key_head, j, room);
        for (int64_t d = 0; d < padded_; d += kWidth) {
            Floats most = load(kinds + d);
            for (int i = 0; i < kWidth; ++i) most = larger(most, magnitude(load(keys.data + i * keys.stride + d)));
            store(kinds + d, most);
        }
    }
    for (int64_t d = 0; d < padded_; d += kTogether) {
        float sum = 0;
        for (float* most = kinds + d; most < kinds + d + kTogether; ++most) {
            float kind = *most <= kNearest ? kNear : *most <= kFarthest ? kMiddle : kFar;
            sum += kind == kMiddle ? *most : 0.0f;
            *most = kind;
        }
        together[d / kTogether] = sum <= kShared;
    }
}

void Additive::pack(int64_t batch, int64_t key_head, float* packed) const {
    std::vector<float> room(size_t(kWidth * padded_));
    sort_channels(batch, key_head, packed, room.data());
    for (int64_t j = 0; j < problem_.keys; j += kWidth) {
        Rows keys = some_keys(batch, key_head, j, room.data());
        float* to = packed + j / kPanel * kPanel * padded_ + j % kPanel;
        for (int64_t d = 0; d < padded_; d += kWidth) {
            Kinds those(kinds(packed) + d);
            Square<float> square;
            for (int i = 0; i < kWidth; ++i)
                square.rows[i] = key_number(load(keys.data + i * keys.stride + d), those);
            square.transpose();
            for (int i = 0; i < kWidth; ++i) store(to + (d + i) * kPanel, square.rows[i]);
        }
    }
}

void Additive::scores(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const {
    for (int64_t r = 0; r < block.rows; ++r) std::fill_n(out + r * stride, round_up(block.columns, kPanel), 0.0f);
    Slice slice;
    for (int64_t first = 0; first < block.rows; first += kQueries)
        for (int64_t d = 0; d < padded_; d += kChannels) {
            int64_t rows = std::min(kQueries, block.rows - first), channels = std::min(kChannels, padded_ - d);
            slice.fill({query.data + first * query.stride + d, query.stride}, rows, kinds(packed) + d, energy_.data() + d,
                       channels);
            for (int64_t c = 0; c < block.columns; c += kPanel) {
                const float* panel = packed + (block.column + c) * padded_ + d * kPanel;
                by_vectors((block.columns - c + kWidth - 1) / kWidth, [&]<int V>() {
                    for (int64_t r = 0; r < rows; ++r) {
                        Floats total[V] = {};
                        add_ratios<V>(slice, r, panel, together(packed) + d / kTogether, channels, total);
                        float* to = out + (first + r) * stride + c;
                        for (int v = 0; v < V; ++v) store(to + v * kWidth, load(to + v * kWidth) + total[v]);
                    }
                });
            }
        }
    add_far(block, query, packed, out, stride);
}

// Far channels, for which panels hold the keys themselves.
void Additive::add_far(const Block& block, const Rows& query, const float* packed, float* out, int64_t stride) const {
    for (int64_t d = 0; d < problem_.size; ++d) {
        if (kinds(packed)[d] != kFar) continue;
        for (int64_t r = 0; r < block.rows; ++r)
            for (int64_t c = 0; c < block.columns; c += kWidth) {
                int64_t column = block.column + c;
                const float* keys = packed + column / kPanel * kPanel * padded_ + d * kPanel + column % kPanel;
                Floats hidden = load(keys) + query.data[r * query.stride + d];
                float* to = out + r * stride + c;
                store(to, load(to) + hyperbolic_tangent(hidden) * energy_[size_t(d)]);
            }
    }
}

}  // namespace regard
