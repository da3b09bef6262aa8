#pragma once

#include <pthread.h>

#include <cstddef>
#include <functional>

#include "tests/catch.h"

/// Runs in a thread with a stack of `bytes`.
inline void in_small_stack(size_t bytes, std::function<void()> run) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
  pthread_t thread;
  const auto start = [](void* function) -> void* {
    (*static_cast<std::function<void()>*>(function))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, start, &run) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}
