#pragma once

#include <autograd/transforms/gradcheck.h>

#include <string>
#include <vector>

#include "tests/catch.h"

/// First and second derivatives of f against central differences.
inline void check_gradients(const std::string& name, const autograd::Differentiable& f,
                            const std::vector<autograd::Array>& inputs) {
  const autograd::GradcheckResult result = autograd::gradcheck(f, inputs);
  INFO(name << ": " << result.message);
  CHECK(result.passed);
}
