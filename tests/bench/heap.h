#pragma once

#include <cstdint>

namespace bench {

/// Memory requests to the heap so far, by all threads: malloc and its kin, which operator new calls too.
int64_t heap_requests();

}  // namespace bench
