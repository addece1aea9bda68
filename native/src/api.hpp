// What the library shows to the outside: plain C.
#pragma once

#include <cstdint>

#define REGARD_API extern "C" __attribute__((visibility("default")))
