#pragma once

#include <CLI/CLI.hpp>

// The tool's subcommands, a file each. Each function adds its subcommand to the parser, with a callback that
// does the work: it prints results to stdout, all else to stderr, and throws where it fails.

void add_render(CLI::App& app);
void add_compare(CLI::App& app);
/// `fit` is the parent, `backlight fit`.
void add_fit_shape(CLI::App& fit);
void add_fit_texture(CLI::App& fit);
void add_fit_sdf(CLI::App& fit);
void add_demo(CLI::App& app);
/// `train` is the parent, `backlight train`.
void add_train_mnist(CLI::App& train);
void add_train_xor(CLI::App& train);
