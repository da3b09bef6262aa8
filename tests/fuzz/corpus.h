#pragma once

#include <string>
#include <vector>

#include "tests/autograd/file_formats.h"

// Files that the fuzzers begin with: of each format the variants that its reader knows, a few bytes each.

namespace fuzz {

/// A file, or what stands in it behind a compression or a checksum, which random bytes never get past.
struct Seed {
  FileBytes bytes;
  FileBytes (*wrap)(const FileBytes& bytes) = nullptr;  ///< null: as it is

  FileBytes file(const FileBytes& content) const { return wrap == nullptr ? content : wrap(content); }
};

/// Of one of the targets' formats. Their readers accept all of them.
std::vector<Seed> corpus(const std::string& format);

}  // namespace fuzz
