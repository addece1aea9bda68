// A vector of floats as wide as the level's registers, and the functions that kernels need of it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace regard {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kWidth = kBytes / 4;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Stands for a hidden key, as in Python: finite, so that no difference of two is NaN.
constexpr float kLowest = std::numeric_limits<float>::lowest();

typedef float Floats __attribute__((vector_size(kBytes)));
typedef int32_t Ints __attribute__((vector_size(kBytes)));
typedef uint32_t Words __attribute__((vector_size(kBytes)));
typedef uint16_t Halves __attribute__((vector_size(kBytes / 2)));

inline Floats load(const float* from) {
    Floats found;
    std::memcpy(&found, from, sizeof found);
    return found;
}

inline void store(float* to, Floats what) { std::memcpy(to, &what, sizeof what); }

inline Floats all(float value) { return Floats{} + value; }

inline Ints counting() {
    Ints found;
    for (int i = 0; i < kWidth; ++i) found[i] = i;
    return found;
}

#if defined(__AVX512F__)
inline __mmask16 first_lanes(int64_t count) { return __mmask16(count > 0 ? (1u << count) - 1 : 0); }
#elif defined(__AVX2__)
inline Ints first_lanes(int64_t count) { return counting() < int32_t(count); }
#endif

// The first `count` numbers; the others are `filler`.
inline Floats load_some(const float* from, int64_t count, float filler = 0.0f) {
    if (count >= kWidth) return load(from);
#if defined(__AVX512F__)
    return (Floats)_mm512_mask_loadu_ps((__m512)all(filler), first_lanes(count), from);
#elif defined(__AVX2__)
    const Ints lanes = first_lanes(count);
    return lanes ? (Floats)_mm256_maskload_ps(from, (__m256i)lanes) : all(filler);
#else
    alignas(kBytes) float held[kWidth];
    for (int i = 0; i < kWidth; ++i) held[i] = i < count ? from[i] : filler;
    return load(held);
#endif
}

// Without a call, as rows of a few keys are little else than such an end.
inline void store_some(float* to, Floats what, int64_t count) {
    if (count >= kWidth) return store(to, what);
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, first_lanes(count), (__m512)what);
#elif defined(__AVX2__)
    _mm256_maskstore_ps(to, (__m256i)first_lanes(count), (__m256)what);
#else
    if (count > 0) std::memcpy(to, &what, sizeof(float) * count);
#endif
}

inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }
inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }

inline Floats as_floats(Ints bits) { return std::bit_cast<Floats>(bits); }
inline Ints as_bits(Floats value) { return std::bit_cast<Ints>(value); }

// Every lane gets the one that is `step` behind it, and the first ones follow the last.
template <int step, class V, int... lanes>
inline V rotated(V value, std::integer_sequence<int, lanes...>) {
    return __builtin_shufflevector(value, value, (lanes + step) % int(sizeof...(lanes))...);
}

template <int step = kWidth / 2, class Join>
inline float folded(Floats value, Join join) {
    if constexpr (step == 0)
        return value[0];
    else
        return folded<step / 2>(join(value, rotated<step>(value, std::make_integer_sequence<int, kWidth>{})), join);
}

// In a fixed order, so that the same numbers always have the same sum.
inline float sum(Floats value) {
    return folded(value, [](Floats a, Floats b) { return a + b; });
}

inline float dot(const float* a, const float* b, int64_t count) {
    Floats total = {};
    for (int64_t c = 0; c < count; c += kWidth) total += load_some(a + c, count - c) * load_some(b + c, count - c);
    return sum(total);
}

inline float highest(Floats value) {
    return folded(value, [](Floats a, Floats b) { return larger(a, b); });
}

// e^x for x between -ln 2 / 2 and ln 2 / 2.
inline Floats exponential_part(Floats x) {
    Floats sum = all(1.9875691500e-4f);
    sum = sum * x + 1.3981999507e-3f;
    sum = sum * x + 8.3334519073e-3f;
    sum = sum * x + 4.1665795894e-2f;
    sum = sum * x + 1.6666665459e-1f;
    sum = sum * x + 5.0000001201e-1f;
    return sum * (x * x) + (x + 1.0f);
}

// e^x to about one unit in the last place; 0 far below, infinity far above. NaN stays NaN.
inline Floats exponential(Floats x) {
    const Floats magic = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
    // The bound comes first, so that a comparison with NaN, which is never true, leaves the NaN.
    Floats inside = smaller(all(130.0f), larger(all(-130.0f), x));
    Floats whole = inside * 1.44269504088896341f + magic - magic;
    // ln 2 in two parts, the first exact for every whole number that can be met.
    Floats rest = inside - whole * 0.693359375f;
    rest = rest + whole * 2.12194440054690581e-4f;
    Floats sum = exponential_part(rest);
#if defined(__AVX512F__)
    return (Floats)_mm512_maskz_scalef_ps(0xffff, (__m512)sum, (__m512)whole);
#else
    // Two halves of the power, since 2^188 is no float.
    Ints power = __builtin_convertvector(whole, Ints);
    Ints half = power >> 1;
    return sum * as_floats((half + 127) << 23) * as_floats((power - half + 127) << 23);
#endif
}

// e^x to about one unit in the last place for x below 1; e^-87.33 for any that is lower than that.
inline Floats exponential_below(Floats x) {
    const Floats magic = all(12582912.0f);
    Floats inside = larger(x, all(-87.33f));
    Floats whole = inside * 1.44269504088896341f + magic - magic;
    Floats rest = inside - whole * 0.693359375f + whole * 2.12194440054690581e-4f;
    Ints power = __builtin_convertvector(whole, Ints);
    return exponential_part(rest) * as_floats((power + 127) << 23);
}

// 2^x to about two units in the last place; 0 far below, infinity far above. NaN stays NaN.
inline Floats power_of_two(Floats x) {
#if defined(__AVX512F__)
    // What is above the next lower whole number; the last instruction raises by that number.
    Floats rest = (Floats)_mm512_maskz_reduce_ps(0xffff, (__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#else
    const Floats magic = all(12582912.0f);
    Floats inside = smaller(all(190.0f), larger(all(-190.0f), x));
    Floats whole = inside + magic - magic;
    whole += __builtin_convertvector(whole > inside, Floats);  // a true comparison is -1
    Floats rest = inside - whole;
#endif
    Floats sum = all(1.8671305e-3f);
    sum = sum * rest + 9.01702942e-3f;
    sum = sum * rest + 5.57999138e-2f;
    sum = sum * rest + 2.40164450e-1f;
    sum = sum * rest + 6.93151312e-1f;
    sum = sum * rest + 1.0f;
#if defined(__AVX512F__)
    return (Floats)_mm512_maskz_scalef_ps(0xffff, (__m512)sum, (__m512)x);
#else
    Ints power = __builtin_convertvector(whole, Ints);
    Ints half = power >> 1;
    return sum * as_floats((half + 127) << 23) * as_floats((power - half + 127) << 23);
#endif
}

// The natural logarithm of a positive normal number, to about one unit in the last place.
inline Floats logarithm(Floats x) {
    Ints bits = as_bits(x);
    Ints power = ((bits >> 23) & 0xff) - 126;
    Floats part = as_floats((bits & 0x007fffff) | 0x3f000000);
    Ints low = part < 0.707106781186547524f;
    part = low ? part + part - 1.0f : part - 1.0f;
    Floats e = __builtin_convertvector(power + low, Floats);  // a true comparison is -1
    Floats square = part * part;
    Floats y = all(7.0376836292e-2f);
    y = y * part - 1.1514610310e-1f;
    y = y * part + 1.1676998740e-1f;
    y = y * part - 1.2420140846e-1f;
    y = y * part + 1.4249322787e-1f;
    y = y * part - 1.6668057665e-1f;
    y = y * part + 2.0000714765e-1f;
    y = y * part - 2.4999993993e-1f;
    y = y * part + 3.3333331174e-1f;
    y = y * part * square + e * -2.12194440e-4f - 0.5f * square;
    return part + y + e * 0.693359375f;
}

// 1 / x to about one unit in the last place, for finite normal x.
// The masked form of the instruction, since the plain one reads what gcc 12 calls uninitialised.
inline Floats reciprocal(Floats x) {
#if defined(__AVX512F__)
    Floats guess = (Floats)_mm512_maskz_rcp14_ps(0xffff, (__m512)x);
    return guess * (2.0f - x * guess);
#else
    return 1.0f / x;
#endif
}

inline Floats root(Floats x) {
#if defined(__AVX512F__)
    return (Floats)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);
#elif defined(__AVX2__)
    return (Floats)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < kWidth; ++i) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

inline Floats from_bfloat16(const uint16_t* from) {
#if defined(__AVX512F__)
    __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return as_floats((Ints)_mm512_maskz_cvtepu16_epi32(0xffff, halves) << 16);
#elif defined(__AVX2__)
    __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return as_floats((Ints)_mm256_cvtepu16_epi32(halves) << 16);
#else
    Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    return as_floats((Ints)(__builtin_convertvector(halves, Words) << 16));
#endif
}

// Rows of either dtype read as floats.
inline Floats load(const uint16_t* from) { return from_bfloat16(from); }

inline float from_bfloat16(uint16_t value) {
    return std::bit_cast<float>(uint32_t(value) << 16);
}

// Round to nearest, ties to even; NaN stays NaN.
inline uint16_t to_bfloat16(float value) {
    uint32_t bits = std::bit_cast<uint32_t>(value);
    if (value != value) return 0x7fc0;
    return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace regard
