#pragma once

/// While one lives, Ctrl-C (SIGINT) asks instead of killing: a long loop looks at requested() once a step and ends
/// cleanly. A second Ctrl-C kills as usual. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const;
};
