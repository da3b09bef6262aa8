#pragma once

#include <render/fit/dataset.h>
#include <render/geometry/mesh.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

/// What all fits to a dataset of images ask for.
struct FitOptions {
  std::filesystem::path dataset, out;
  int threads = 0, holdout = 8, max_size = 512;
  uint64_t seed = 0;
  std::string convention = "opengl", background;
  bool json = false;
};

/// Adds the options to a subcommand; `results` names what is written to FIT.
void add_fit_options(CLI::App& command, FitOptions& options, const std::string& results);

/// Sets the threads and reads the dataset; its warnings go to stderr.
render::Dataset read_dataset(const FitOptions& options);

/// The dataset's folder, for titles.
std::string dataset_name(const FitOptions& options);

/// A mesh file; warnings go to stderr.
render::Mesh read_mesh(const std::filesystem::path& path);
