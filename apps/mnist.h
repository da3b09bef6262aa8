#pragma once

#include <autograd/core/array.h>

#include <filesystem>

/// Handwritten digits: images of 28 x 28 bytes, 0 (paper) to 255 (ink), and what they show.
struct Digits {
  autograd::Array images;  ///< int32 [count, 28, 28]
  autograd::Array labels;  ///< int32 [count], 0 to 9
  int64_t count() const { return labels.size(); }
};

struct Mnist {
  Digits train, test;
};

/// The four files of the MNIST database, {train,t10k}-{images-idx3,labels-idx1}-ubyte, each gzipped (.gz) or not.
/// throws FileError naming the file: missing, corrupt, or not of digits
Mnist read_mnist(const std::filesystem::path& folder);
