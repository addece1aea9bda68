// Whether numbers are finite, by their bits: a number is not where all bits of its exponent are set.
#include <algorithm>
#include <atomic>
#include <span>

#include "api.hpp"
#include "problem.hpp"
#include "threads.hpp"

namespace {

// Numbers that a thread looks at before it asks whether others have found one that is not finite.
constexpr int64_t kPiece = 1 << 15;

// Of numbers without their signs, those that are finite are below all others.
template <class Bits>
bool all_below(const void* data, int64_t count, Bits exponent) {
    const Bits* numbers = static_cast<const Bits*>(data);
    constexpr Bits without_sign = Bits(~Bits(0)) >> 1;
    Bits most = 0;
    for (int64_t i = 0; i < count; ++i) most = std::max(most, Bits(numbers[i] & without_sign));
    return most < exponent;
}

// Rows of `size` numbers each, as native/finite.py packs them: steps are in numbers.
struct Numbers {
    const void* data;
    int64_t dtype, size, counts[3], steps[3];

    int64_t count() const { return size * counts[0] * counts[1] * counts[2]; }

    bool finite(int64_t place, int64_t run) const {
        if (dtype == regard::kFloat32)
            return all_below<uint32_t>(static_cast<const uint32_t*>(data) + place, run, 0x7f800000u);
        return all_below<uint16_t>(static_cast<const uint16_t*>(data) + place, run, uint16_t(0x7f80u));
    }

    // Of the numbers from `first` to before `last`, in the order of the rows.
    bool finite_between(int64_t first, int64_t last) const {
        int64_t row = first / size, from = first % size;
        int64_t at[3] = {row / counts[2] / counts[1], row / counts[2] % counts[1], row % counts[2]};
        while (first < last) {
            int64_t run = std::min(size - from, last - first);
            if (!finite(at[0] * steps[0] + at[1] * steps[1] + at[2] * steps[2] + from, run)) return false;
            first += run;
            from = 0;
            if (++at[2] < counts[2]) continue;
            at[2] = 0;
            if (++at[1] < counts[1]) continue;
            at[1] = 0;
            ++at[0];
        }
        return true;
    }
};

bool all_finite(std::span<const Numbers> given, int threads) {
    int64_t pieces = 0;
    for (const Numbers& each : given) pieces += (each.count() + kPiece - 1) / kPiece;
    std::atomic<bool> good{true};
    regard::in_parallel(int(std::min<int64_t>(threads, pieces / 2)), pieces, [&](int64_t piece, int) {
        if (!good.load(std::memory_order_relaxed)) return;
        for (const Numbers& each : given) {
            int64_t have = (each.count() + kPiece - 1) / kPiece;
            if (piece < have) {
                if (!each.finite_between(piece * kPiece, std::min(each.count(), (piece + 1) * kPiece))) good = false;
                return;
            }
            piece -= have;
        }
    });
    return good;
}

}  // namespace

REGARD_API int regard_all_finite(const void* given, int64_t count, int64_t threads) {
    return all_finite({static_cast<const Numbers*>(given), size_t(count)}, int(threads));
}
