// Precompiled for all tests: half of a test's time in the compiler goes to these.

#include <autograd/autograd.h>
#include <tests/catch.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>
