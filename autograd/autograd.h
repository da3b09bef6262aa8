#pragma once

// A general tensor library with automatic differentiation: the one header that most users include. Files have headers
// of their own, as <filesystem> takes long to compile: io/npy.h, io/safetensors.h, io/idx.h, optim/checkpoint.h.

#include <autograd/core/array.h>
#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/parallel.h>
#include <autograd/core/print.h>
#include <autograd/core/rng.h>
#include <autograd/core/tensor.h>
#include <autograd/nn/batches.h>
#include <autograd/nn/functions.h>
#include <autograd/nn/initialise.h>
#include <autograd/nn/layers.h>
#include <autograd/nn/losses.h>
#include <autograd/ops/custom.h>
#include <autograd/ops/einsum.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/linalg.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/patches.h>
#include <autograd/ops/random.h>
#include <autograd/ops/reduce.h>
#include <autograd/ops/sort.h>
#include <autograd/ops/sparse.h>
#include <autograd/optim/adam.h>
#include <autograd/optim/schedule.h>
#include <autograd/optim/sgd.h>
#include <autograd/transforms/checkpoint.h>
#include <autograd/transforms/custom_vjp.h>
#include <autograd/transforms/derivatives.h>
#include <autograd/transforms/dot.h>
#include <autograd/transforms/grad.h>
#include <autograd/transforms/gradcheck.h>
