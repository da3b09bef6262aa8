#pragma once

#include <cmath>
#include <cstdio>

/// Prints what was found and what is known; 0 where they agree, which is what main() returns.
inline int check(const char* what, double found, double known, double tolerance) {
  const bool agrees = std::abs(found - known) <= tolerance;
  std::printf("%-32s %14.8f, known %14.8f %s\n", what, found, known, agrees ? "" : " DIFFERS");
  return agrees ? 0 : 1;
}
