// Precompiled for the tool: most of a subcommand's time in the compiler goes to these.

#include <apps/options.h>
#include <fmt/format.h>
