// The main of the test programs where the system has Catch2 v2 without its compiled one.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
