#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

// Checks of options' values that the subcommands share. What they refuse is wrong usage: exit code 2, one line.

/// A whole number from `lowest` to `highest`.
CLI::Validator whole_number(int64_t lowest, int64_t highest);

/// A number from `lowest` to `highest`; not nan.
CLI::Validator real_number(double lowest, double highest);

/// The path of a file or folder: anything but nothing.
CLI::Validator some_path();

/// For random seeds: a whole number from 0 to 2^63 - 1.
CLI::Validator seed_number();
