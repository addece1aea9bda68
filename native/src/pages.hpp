// Large pages for memory that is about to be filled.
#pragma once

#include <cstdint>

#include "problem.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace regard {

// The system hands out new memory page by page when it is first written, which costs more than the writing: ten times as
// much on a virtual machine. Where it lets programs ask, a page of 2 MiB costs little more than one of 4 KiB.
inline void in_large_pages([[maybe_unused]] void* data, [[maybe_unused]] int64_t bytes) {
#if defined(__linux__)
    constexpr uintptr_t page = uintptr_t(1) << 21;
    uintptr_t first = (uintptr_t(data) + page - 1) / page * page, last = (uintptr_t(data) + uintptr_t(bytes)) / page * page;
    if (last > first + page) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

// A tensor of results, whose batches lie one behind the other.
inline void in_large_pages(const Strided& result, const Problem& problem) {
    in_large_pages(result.data, problem.batch * result.batch * (problem.dtype == kBfloat16 ? 2 : 4));
}

}  // namespace regard
