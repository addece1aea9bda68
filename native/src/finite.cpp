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

}  // namespace

REGARD_API int regard_all_finite(const void* data, int64_t count, int64_t dtype) {
    if (dtype == regard::kFloat32) return all_below<uint32_t>(data, count, 0x7f800000u);
    return all_below<uint16_t>(data, count, uint16_t(0x7f80u));
}
