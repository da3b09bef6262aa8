#pragma once

#include <autograd/core/rng.h>
#include <autograd/optim/optimiser.h>

#include <filesystem>
#include <map>
#include <string>

namespace autograd {

/// What a training is made of, between two steps. What is not given is neither saved nor expected.
struct TrainingState {
  std::vector<Parameter> parameters;  ///< with names of their own
  Optimiser* optimiser = nullptr;
  Rng* rng = nullptr;
};

/// Writes a safetensors file: the parameters by their names, what the optimiser remembers, its step count, and the
/// generator's state, with texts of the caller's own (an epoch, say). Complete or not at all: an interrupted write
/// leaves the older file. ValueError for parameters without names or of equal ones; FileError
BACKLIGHT_API void save_checkpoint(const std::filesystem::path& path, const TrainingState& training,
                                   const std::map<std::string, std::string>& notes = {});

/// Assigns what save_checkpoint() wrote; the training goes on with the same bits. Returns the notes. Everything is
/// checked before anything is assigned.
/// throws FileError naming the file and what is missing, of another shape or type, or not a checkpoint's;
///        ParameterInUse
BACKLIGHT_API std::map<std::string, std::string> load_checkpoint(const std::filesystem::path& path,
                                                                 const TrainingState& training);

/// The parameters alone, by their names, as other programs read them. Errors as for checkpoints.
BACKLIGHT_API void save_parameters(const std::filesystem::path& path, const std::vector<Parameter>& parameters,
                                   const std::map<std::string, std::string>& notes = {});
/// Assigns parameters from a file that has at least theirs; what else it holds is left. Returns its metadata.
BACKLIGHT_API std::map<std::string, std::string> load_parameters(const std::filesystem::path& path,
                                                                 const std::vector<Parameter>& parameters);

}  // namespace autograd
