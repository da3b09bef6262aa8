#include <apps/interrupt.h>

#include <csignal>

namespace {

volatile std::sig_atomic_t interrupted = 0;
struct sigaction previous;

extern "C" void note_interrupt(int) { interrupted = 1; }

}  // namespace

Interrupt::Interrupt() {
  interrupted = 0;
  // Ignored by the parent (nohup, a background job of a script): then it stays ignored.
  if (sigaction(SIGINT, nullptr, &previous) != 0 || previous.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  // The handler serves once. Writes under way go on rather than fail.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &previous, nullptr); }

bool Interrupt::requested() const { return interrupted != 0; }
