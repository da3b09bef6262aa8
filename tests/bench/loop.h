#pragma once

// How the baselines are written: WORK(name) begins a function that reads in[...] and writes out[...]; `count` are the
// elements of in[0], `lanes` those of its last axis. g++ compiles each file twice, for two processors, with
// -O3 -ffast-math, and LOOP(name) puts the processor's prefix before a name. baselines.h says what is read and written.
//
// Beside this, a baseline includes <cmath> only: inline functions of another header, compiled with these flags, could
// replace those of the rest of the program.
//
// `GCC ivdep`: inputs and outputs do not overlap, as __restrict would say of each of them. Without it g++ refuses to
// vectorise a loop over so many arrays.

#define WORK(name)                                                                                   \
  extern "C" void LOOP(name)(const float* const* in, float* const* out, [[maybe_unused]] long count, \
                             [[maybe_unused]] long lanes)
