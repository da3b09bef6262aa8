#pragma once

#include <autograd/core/error.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Files put together byte by byte, for the tests of readers.

using FileBytes = std::vector<unsigned char>;

inline FileBytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

inline FileBytes operator+(FileBytes a, const FileBytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline FileBytes little(uint64_t value, int count) {
  FileBytes out;
  for (int i = 0; i < count; ++i) out.push_back(i < 8 ? static_cast<unsigned char>(value >> (8 * i)) : 0);
  return out;
}

inline FileBytes big(uint64_t value, int count) {
  FileBytes out;
  for (int i = count; i-- > 0;) out.push_back(static_cast<unsigned char>(value >> (8 * i)));
  return out;
}

/// What the call threw as an autograd::Error; "" where it threw nothing.
template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const autograd::Error& error) {
    return error.what();
  }
  return "";
}
