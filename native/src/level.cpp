// Which level a library was built for, and which is the best that this chip has.
#include "api.hpp"

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

// The instructions that the chip has and whose registers the system keeps. Asked of the chip itself, since
// __builtin_cpu_supports needs a part of the compiler's library that zig does not have.
struct Chip {
    bool avx2 = false;
    bool avx512 = false;

    Chip() {
        unsigned a, b, c, d;
        if (!__get_cpuid(1, &a, &b, &c, &d)) return;
        const unsigned fma = 1u << 12, system_saves = 1u << 27;
        if ((c & (fma | system_saves)) != (fma | system_saves)) return;
        unsigned saved, high;
        __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
        // Registers of 32 bytes: states 1 and 2. Of 64, with masks: also 5, 6 and 7.
        avx2 = (saved & 0x06) == 0x06 && (b & (1u << 5)) != 0;
        const unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
        avx512 = avx2 && (saved & 0xe6) == 0xe6 && (b & (f | dq | bw | vl)) == (f | dq | bw | vl);
    }
};

}  // namespace
#endif

REGARD_API const char* regard_level() { return REGARD_LEVEL; }

REGARD_API const char* regard_best_level() {
#if defined(__x86_64__)
    Chip chip;
    if (chip.avx512) return "avx512";
    if (chip.avx2) return "avx2";
#endif
    return "baseline";
}
