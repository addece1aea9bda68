// Rows of which few cells have a weight: those cells brought together, and products over just them.
#pragma once

#include <memory>

#include "compress.hpp"
#include "rows.hpp"

namespace regard {

// Weights are few where less than one cell in kDense has one; there, products cell by cell are faster.
constexpr int64_t kDense = 8;

// Cells of a row: their places, their weights and the gradients of these.
class Few {
public:
    explicit Few(int64_t most)
        : places(new int32_t[size_t(most + kWidth)]),
          weights(new float[size_t(most + kWidth)]),
          grads(new float[size_t(most + kWidth)]) {}

    // Takes the cells low .. high of a row that are not 0.
    void take(const float* row, int64_t low, int64_t high) {
        count = 0;
        for (int64_t c = low; c < high; c += kWidth) {
            Floats weight = load_some(row + c, high - c);
            uint32_t chosen = lanes(weight != 0.0f);
            if (chosen == 0) continue;
            append_places(places.get() + count, c, chosen);
            count += append(weights.get() + count, weight, chosen);
        }
    }

    // Multiplies numbers of the cells by factors of the whole row.
    void multiply(float* numbers, const float* factors) const {
        for (int64_t n = 0; n < count; ++n) numbers[n] *= factors[places[n]];
    }

    int64_t count = 0;
    std::unique_ptr<int32_t[]> places;
    std::unique_ptr<float[]> weights, grads;
};

// out += sum_n numbers[n] * rows[places[n]]
inline void read_few(const Few& few, const float* numbers, const Rows& rows, int64_t width, float* out) {
    constexpr int64_t kTogether = 4 * kWidth;
    int64_t c = 0;
    for (; c + kTogether <= width; c += kTogether) {
        Floats total[4];
        for (int v = 0; v < 4; ++v) total[v] = load(out + c + v * kWidth);
        for (int64_t n = 0; n < few.count; ++n) {
            const float* from = rows.data + few.places[n] * rows.stride + c;
            for (int v = 0; v < 4; ++v) total[v] += numbers[n] * load(from + v * kWidth);
        }
        for (int v = 0; v < 4; ++v) store(out + c + v * kWidth, total[v]);
    }
    for (; c < width; c += kWidth) {
        Floats total = load(out + c);
        for (int64_t n = 0; n < few.count; ++n)
            total += numbers[n] * load(rows.data + few.places[n] * rows.stride + c);
        store(out + c, total);
    }
}

// out[places[n]] += numbers[n] * row
inline void give_few(const Few& few, const float* numbers, const float* row, int64_t width, float* out) {
    for (int64_t n = 0; n < few.count; ++n) {
        float* to = out + few.places[n] * width;
        for (int64_t c = 0; c < width; c += kWidth) store(to + c, load(to + c) + numbers[n] * load(row + c));
    }
}

// numbers[n] = row . rows[places[n]]
inline void match_few(const Few& few, const float* row, const Rows& rows, int64_t width, float* numbers) {
    for (int64_t n = 0; n < few.count; ++n) {
        const float* from = rows.data + few.places[n] * rows.stride;
        Floats total = {};
        for (int64_t c = 0; c < width; c += kWidth) total += load(row + c) * load(from + c);
        numbers[n] = sum(total);
    }
}

}  // namespace regard
