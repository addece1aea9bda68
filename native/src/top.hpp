// The largest few weights of a row and where they stand; of equal ones the earlier goes first.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "compress.hpp"
#include "sweep.hpp"

namespace regard {

class Top {
public:
    explicit Top(int64_t most) : most_(size_t(most)) { kept_.reserve(most_); }

    // A row comes, of which `take` will be given all weights.
    void begin(const float* weights, int64_t count) {
        kept_.clear();
        bound_ = 0.0f;
        constexpr int64_t places = kAtOnce * kWidth;
        if (int64_t(most_) > places || count < 4 * places) return;
        // Every place's highest is another weight, so no weight below the last of the first few of them counts.
        Floats found[kAtOnce] = {};
        highest_by_place(weights, count, found);
        int vectors = kAtOnce;
        while (vectors > 1 && vectors / 2 * kWidth >= 2 * int64_t(most_)) {
            vectors /= 2;
            for (int i = 0; i < vectors; ++i) found[i] = larger(found[i], found[i + vectors]);
        }
        // A comparison with NaN is never true: what it has become is 0 here, and it does not enter.
        for (Floats& each : found) each = larger(each, Floats{});
        float highest[places];
        std::memcpy(highest, found, sizeof found);
        std::nth_element(highest, highest + most_ - 1, highest + vectors * kWidth, std::greater<float>());
        bound_ = std::nextafter(highest[most_ - 1], 0.0f);
    }

    // Weights of the keys from `first` on, each call's behind those of the call before.
    void take(const float* weights, int64_t count, int64_t first) {
        int64_t c = 0;
        for (; c + kAtOnce * kWidth <= count; c += kAtOnce * kWidth) {
            Floats highest = load(weights + c);
            for (int i = 1; i < kAtOnce; ++i) highest = larger(highest, load(weights + c + i * kWidth));
            if (lanes(highest > bound_) == 0) continue;
            for (int i = 0; i < kAtOnce; ++i) look(weights + c + i * kWidth, kWidth, first + c + i * kWidth);
        }
        for (; c < count; c += kWidth) look(weights + c, count - c, first + c);
    }

    // The weights, times `scale`, in their order. What a row lacks are its earliest keys of weight 0.
    void write(float scale, float* weight, int64_t* index) {
        std::sort(kept_.begin(), kept_.end(), before);
        size_t count = kept_.size();
        for (size_t i = 0; i < count; ++i) {
            weight[i] = kept_[i].weight * scale;
            index[i] = kept_[i].key;
        }
        if (count == most_) return;
        std::fill(weight + count, weight + most_, 0.0f);
        std::sort(kept_.begin(), kept_.end(), [](const Place& a, const Place& b) { return a.key < b.key; });
        size_t passed = 0;
        for (int64_t key = 0; count < most_; ++key) {
            if (passed < kept_.size() && kept_[passed].key == key) ++passed;
            else index[count++] = key;
        }
    }

private:
    struct Place {
        float weight;
        int64_t key;
    };

    static bool before(const Place& a, const Place& b) {
        return a.weight > b.weight || (a.weight == b.weight && a.key < b.key);
    }

    void look(const float* weights, int64_t count, int64_t first) {
        for (uint32_t above = lanes(load_some(weights, count) > bound_); above != 0; above &= above - 1) {
            int lane = std::countr_zero(above);
            if (weights[lane] > bound_) enter({weights[lane], first + lane});
        }
    }

    // `kept_` is a heap whose first place is the one to leave next.
    void enter(Place place) {
        if (kept_.size() == most_) {
            std::pop_heap(kept_.begin(), kept_.end(), before);
            kept_.back() = place;
        } else {
            kept_.push_back(place);
        }
        std::push_heap(kept_.begin(), kept_.end(), before);
        if (kept_.size() == most_) bound_ = kept_.front().weight;
    }

    size_t most_;
    std::vector<Place> kept_;
    float bound_ = 0.0f;  // what a weight must exceed to enter
};

}  // namespace regard
