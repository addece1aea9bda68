#include "where.hpp"

#include <cmath>
#include <cstring>

namespace regard {

namespace {

Interval clipped(Interval found, int64_t keys) {
    found.low = std::clamp<int64_t>(found.low, 0, keys);
    found.high = std::clamp<int64_t>(found.high, found.low, keys);
    return found;
}

// Keys within `radius` of a centre; none for a centre that is not a number.
Interval around(float centre, double radius, int64_t keys) {
    double low = std::ceil(double(centre) - radius), high = std::floor(double(centre) + radius) + 1;
    if (!(high > 0 && low < double(keys))) return {0, 0};
    return clipped({int64_t(std::max(low, 0.0)), int64_t(std::min(high, double(keys)))}, keys);
}

// Beyond its last row a mask has room to be read by whole vectors.
size_t mask_bytes(const Block& block) { return size_t(block.rows * block.columns + kWidth); }

int64_t clamp_add(int64_t i, int64_t shift, int64_t keys) {
    // Open sides are told as very large numbers, to which nothing may be added.
    if (shift > keys + i + (int64_t(1) << 40)) return keys;
    if (shift < -(int64_t(1) << 40)) return 0;
    return std::clamp<int64_t>(i + shift, 0, keys);
}

}  // namespace

Interval Where::leaf_span(const int64_t* step, int64_t batch, int64_t head, int64_t first, int64_t last) const {
    const int64_t* a = step + 1;
    int64_t keys = problem_.keys;
    switch (*step) {
        case kBand:
            return clipped({clamp_add(first, a[0], keys), clamp_add(last - 1, a[1] + (a[1] < (int64_t(1) << 40)), keys)},
                           keys);
        case kKeyLengths: return clipped({0, tensor<int64_t>(a[0])[batch]}, keys);
        case kSpans: {
            Interval all{keys, 0};
            for (int64_t i = first; i < last; ++i) {
                int64_t low = tensor<int64_t>(a[0])[i], high = tensor<int64_t>(a[1])[i];
                if (low < high) all = {std::min(all.low, low), std::max(all.high, high)};
            }
            return all.low < all.high ? clipped(all, keys) : Interval{0, 0};
        }
        case kAround: {
            Interval all{keys, 0};
            const float* centre = tensor<float>(a[0]) + batch * a[1] + head * a[2];
            for (int64_t i = first; i < last; ++i) {
                Interval one = around(centre[i * a[3]], problem_.numbers[a[4]], keys);
                if (one.low < one.high) all = {std::min(all.low, one.low), std::max(all.high, one.high)};
            }
            return all.low < all.high ? all : Interval{0, 0};
        }
        default: return {0, keys};
    }
}

Interval Where::span(int64_t batch, int64_t head, int64_t first, int64_t rows) {
    Interval held[32];
    int depth = 0;
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step)) {
        if (*step >= kBias) continue;
        if (*step == kNot) {
            held[depth - 1] = {0, problem_.keys};
        } else if (*step == kAnd || *step == kOr) {
            Interval right = held[--depth], &left = held[depth - 1];
            if (*step == kAnd) {
                left.low = std::max(left.low, right.low);
                left.high = std::max(left.low, std::min(left.high, right.high));
            } else if (left.low >= left.high) {
                left = right;
            } else if (right.low < right.high) {
                left = {std::min(left.low, right.low), std::max(left.high, right.high)};
            }
        } else {
            held[depth++] = leaf_span(step, batch, head, first, first + rows);
        }
    }
    return depth == 0 ? Interval{0, problem_.keys} : held[0];
}

void Where::fill_mask(const Block& block, Seen& part, bool invert) const {
    std::vector<uint8_t> whole(mask_bytes(block));
    for (int64_t r = 0; r < block.rows; ++r) {
        uint8_t* to = whole.data() + r * block.columns;
        const uint8_t* from = part.mask.data() + r * block.columns;
        int64_t low = std::max<int64_t>(part.row[r].low - block.column, 0);
        int64_t high = std::min(part.row[r].high - block.column, block.columns);
        for (int64_t c = low; c < high; ++c) to[c] = part.masked ? from[c] : 1;
        if (invert)
            for (int64_t c = 0; c < block.columns; ++c) to[c] = !to[c];
        part.row[r] = {block.column, block.column + block.columns};
    }
    part.mask.swap(whole);
    part.masked = true;
}

void Where::join(const int64_t code, const Block& block, Seen& left, Seen& right) const {
    if (code == kOr) {
        fill_mask(block, left, false);
        fill_mask(block, right, false);
        for (size_t c = 0; c < left.mask.size(); ++c) left.mask[c] |= right.mask[c];
        return;
    }
    for (int64_t r = 0; r < block.rows; ++r) {
        left.row[r].low = std::max(left.row[r].low, right.row[r].low);
        left.row[r].high = std::max(left.row[r].low, std::min(left.row[r].high, right.row[r].high));
    }
    if (!right.masked) return;
    if (!left.masked) {
        left.mask.swap(right.mask);
        left.masked = true;
        return;
    }
    for (size_t c = 0; c < left.mask.size(); ++c) left.mask[c] &= right.mask[c];
}

void Where::evaluate(const int64_t* step, const Block& block, Seen& out) const {
    const int64_t* a = step + 1;
    out.row.resize(size_t(block.rows));
    out.masked = *step == kMask || *step == kSame || *step == kPlaces;
    if (out.masked) out.mask.resize(mask_bytes(block));
    int64_t end = block.column + block.columns, b = block.batch;
    for (int64_t r = 0; r < block.rows; ++r) {
        int64_t i = block.first + r;
        Interval& row = out.row[r] = {block.column, end};
        uint8_t* mask = out.masked ? out.mask.data() + r * block.columns : nullptr;
        if (*step == kQueryLengths) {
            if (i >= tensor<int64_t>(a[0])[b]) row = {0, 0};
        } else if (*step == kMask) {
            const uint8_t* from = tensor<uint8_t>(a[0]) + b * a[1] + block.head * a[2] + i * a[3] + block.column * a[4];
            // The usual case, as bytes one after another: a loop with a step is read a byte at a time.
            if (a[4] == 1)
                std::memcpy(mask, from, size_t(block.columns));
            else
                for (int64_t c = 0; c < block.columns; ++c) mask[c] = from[c * a[4]];
        } else if (*step == kSame) {
            int64_t id = tensor<int64_t>(a[0])[b * a[1] + i * a[2]];
            const int64_t* from = tensor<int64_t>(a[3]) + b * a[4] + block.column * a[5];
            for (int64_t c = 0; c < block.columns; ++c) mask[c] = id >= 0 && from[c * a[5]] == id;
        } else if (*step == kPlaces) {
            int64_t own = tensor<int64_t>(a[2])[b * a[3] + i * a[4]];
            const int64_t* from = tensor<int64_t>(a[5]) + b * a[6] + block.column * a[7];
            for (int64_t c = 0; c < block.columns; ++c) {
                int64_t away = from[c * a[7]] - own;
                mask[c] = a[0] <= away && away <= a[1];
            }
        } else {
            Interval one = leaf_span(step, b, block.head, i, i + 1);
            row.low = std::max(row.low, one.low);
            row.high = std::max(row.low, std::min(row.high, one.high));
        }
    }
}

const Seen& Where::seen(const Block& block) {
    size_t depth = 0;
    const int64_t* end = problem_.steps + problem_.step_count;
    for (const int64_t* step = problem_.steps; step < end; step += 1 + arguments(*step)) {
        if (*step >= kBias) continue;
        if (*step == kNot) {
            fill_mask(block, stack_[depth - 1], true);
        } else if (*step == kAnd || *step == kOr) {
            --depth;
            join(*step, block, stack_[depth - 1], stack_[depth]);
        } else {
            if (stack_.size() <= depth) stack_.emplace_back();
            evaluate(step, block, stack_[depth++]);
        }
    }
    if (depth == 0) {
        if (stack_.empty()) stack_.emplace_back();
        stack_[0].row.assign(size_t(block.rows), {block.column, block.column + block.columns});
        stack_[0].masked = false;
    }
    return stack_[0];
}

}  // namespace regard
