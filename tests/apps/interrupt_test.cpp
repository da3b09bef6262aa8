#include <apps/interrupt.h>
#include <tests/catch.h>

#include <csignal>

namespace {

auto handler_of_interrupt() {
  struct sigaction action {};
  sigaction(SIGINT, nullptr, &action);
  return action.sa_handler;
}

}  // namespace

TEST_CASE("the first Ctrl-C asks, the second kills") {
  const auto before = handler_of_interrupt();
  {
    const Interrupt interrupt;
    CHECK_FALSE(interrupt.requested());
    std::raise(SIGINT);
    CHECK(interrupt.requested());
    CHECK(handler_of_interrupt() == SIG_DFL);
  }
  CHECK(handler_of_interrupt() == before);
  SECTION("the next one starts anew") {
    const Interrupt interrupt;
    CHECK_FALSE(interrupt.requested());
  }
}

TEST_CASE("an ignored Ctrl-C stays ignored") {
  const auto before = std::signal(SIGINT, SIG_IGN);
  {
    const Interrupt interrupt;
    CHECK(handler_of_interrupt() == SIG_IGN);
    std::raise(SIGINT);
    CHECK_FALSE(interrupt.requested());
  }
  CHECK(handler_of_interrupt() == SIG_IGN);
  std::signal(SIGINT, before);
}
