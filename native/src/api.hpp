// What the library shows to the outside: plain C.
#pragma once

#include <cstdint>

#define REGARD_API extern "C" __attribute__((visibility("default")))

// Counts up with every change of a function that is shown or of a struct it is given; Python's is in library.py.
#define REGARD_INTERFACE 2
