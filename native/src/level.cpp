// Which level a library was built for, and which is the best that this chip has.
#include "api.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

// The instructions that the chip has and whose registers the system keeps. Asked of the chip itself, since
// __builtin_cpu_supports needs a part of the compiler's library that zig does not have.
struct Chip {
    bool avx2 = false;
    bool avx512 = false;
    bool avx512_bf16 = false;
    bool amx = false;

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
        // Tiles: states 17 and 18.
        const unsigned tiles = (1u << 24) | (1u << 22);
        const bool has_tiles = (saved & 0x60000) == 0x60000 && (d & tiles) == tiles;
        avx512_bf16 = avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5)) != 0;
        amx = avx512_bf16 && has_tiles;
    }
};

// Whether the system keeps tiles for this process, which has to ask for them: its threads need 8 KiB more each.
bool tiles_granted() {
#if defined(__linux__)
    const long ask = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, ask, tile_data) == 0;
#else
    return false;
#endif
}

}  // namespace
#endif

REGARD_API int regard_interface() { return REGARD_INTERFACE; }

REGARD_API const char* regard_level() { return REGARD_LEVEL; }

REGARD_API const char* regard_best_level() {
#if defined(__x86_64__)
    Chip chip;
    if (chip.amx && tiles_granted()) return "amx";
    if (chip.avx512_bf16) return "avx512_bf16";
    if (chip.avx512) return "avx512";
    if (chip.avx2) return "avx2";
#endif
    return "baseline";
}

// For the tests: whether matrix tiles are set up in this thread.
REGARD_API int regard_tiles_set_up() {
#if defined(__AMX_TILE__)
    alignas(64) unsigned char shape[64] = {};
    _tile_storeconfig(shape);
    return shape[0];  // the palette
#else
    return 0;
#endif
}
