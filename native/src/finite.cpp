// Whether numbers are finite, by their bits: a number is not where all bits of its exponent are set.
#include "api.hpp"
#include "problem.hpp"

namespace {

template <class Bits>
int all_below(const void* data, int64_t count, Bits exponent) {
    const Bits* numbers = static_cast<const Bits*>(data);
    Bits bad = 0;
    for (int64_t i = 0; i < count; ++i) bad |= Bits((numbers[i] & exponent) == exponent);
    return bad == 0;
}

// Numbers side by side, as native/finite.py packs them.
struct Numbers {
    const void* data;
    int64_t count, dtype;
};

bool all_finite(const Numbers& each) {
    if (each.dtype == regard::kFloat32) return all_below<uint32_t>(each.data, each.count, 0x7f800000u);
    return all_below<uint16_t>(each.data, each.count, uint16_t(0x7f80u));
}

}  // namespace

REGARD_API int regard_all_finite(const void* given, int64_t count) {
    const Numbers* numbers = static_cast<const Numbers*>(given);
    for (int64_t i = 0; i < count; ++i)
        if (!all_finite(numbers[i])) return 0;
    return 1;
}
