#include <autograd/core/error.h>
#include <autograd/io/file.h>
#include <autograd/io/safetensors.h>
#include <autograd/optim/checkpoint.h>

#include <charconv>
#include <optional>

namespace autograd {

namespace {

// Metadata of a checkpoint beside the caller's notes, which get a prefix.
constexpr const char* step_key = "backlight.steps";
constexpr const char* seed_key = "backlight.rng.seed";
constexpr const char* draw_key = "backlight.rng.draw";
constexpr const char* note_prefix = "note.";
constexpr const char* state_prefix = "optimiser.";

/// A tensor of the file and the Parameter that it belongs to.
struct Entry {
  std::string name;
  Parameter parameter;
};

std::vector<Entry> entries_of(const TrainingState& training) {
  std::vector<Entry> entries;
  for (const Parameter& parameter : training.parameters) entries.push_back({parameter.name(), parameter});
  if (training.optimiser != nullptr) {
    for (const Parameter& state : training.optimiser->state()) {
      entries.push_back({state_prefix + state.name(), state});
    }
  }
  return entries;
}

void add_tensors(SafeTensors& contents, const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    if (entry.parameter.name().empty() || entry.parameter.name().back() == '.')
      throw ValueError("checkpoint: a parameter of shape " + entry.parameter.shape().to_string() + " has no name");
    if (!contents.tensors.emplace(entry.name, entry.parameter.keep()).second)
      throw ValueError("checkpoint: two parameters are called '" + entry.name + "'");
  }
}

uint64_t number_of(const std::filesystem::path& path, const SafeTensors& contents, const std::string& key) {
  const auto found = contents.metadata.find(key);
  if (found == contents.metadata.end()) throw FileError(path.string() + ": not a checkpoint: no " + key);
  uint64_t value = 0;
  const char* const end = found->second.data() + found->second.size();
  const auto [at, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc() || at != end)
    throw FileError(path.string() + ": " + key + " is '" + found->second + "'; expected a whole number");
  return value;
}

std::string described(const Shape& shape, DType type) { return std::string(name_of(type)) + " " + shape.to_string(); }

/// The file's arrays for the entries, all of which must fit.
std::vector<Array> values_for(const std::filesystem::path& path, const SafeTensors& contents,
                              const std::vector<Entry>& entries) {
  std::vector<Array> values;
  for (const Entry& entry : entries) {
    const auto found = contents.tensors.find(entry.name);
    if (found == contents.tensors.end()) throw FileError(path.string() + ": no tensor '" + entry.name + "'");
    const Array& array = found->second;
    if (array.shape() != entry.parameter.shape() || array.dtype() != entry.parameter.dtype())
      throw FileError(path.string() + ": tensor '" + entry.name + "' is " + described(array.shape(), array.dtype()) +
                      "; expected " + described(entry.parameter.shape(), entry.parameter.dtype()));
    values.push_back(array);
  }
  return values;
}

void assign_all(std::vector<Entry>& entries, const std::vector<Array>& values) {
  for (size_t i = 0; i < entries.size(); ++i) entries[i].parameter.assign(values[i]);
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const TrainingState& training,
                     const std::map<std::string, std::string>& notes) {
  SafeTensors contents;
  add_tensors(contents, entries_of(training));
  for (const auto& [key, text] : notes) contents.metadata.emplace(note_prefix + key, text);
  if (training.optimiser != nullptr) contents.metadata[step_key] = std::to_string(training.optimiser->steps());
  if (training.rng != nullptr) {
    contents.metadata[seed_key] = std::to_string(training.rng->state().seed);
    contents.metadata[draw_key] = std::to_string(training.rng->state().number);
  }
  write_safetensors(path, contents);
}

std::map<std::string, std::string> load_checkpoint(const std::filesystem::path& path, const TrainingState& training) {
  const SafeTensors contents = read_safetensors(path);
  std::vector<Entry> entries = entries_of(training);
  const std::vector<Array> values = values_for(path, contents, entries);
  std::optional<uint64_t> steps;
  std::optional<Rng::Draw> draw;
  if (training.optimiser != nullptr) steps = number_of(path, contents, step_key);
  if (training.rng != nullptr) draw = {number_of(path, contents, seed_key), number_of(path, contents, draw_key)};
  assign_all(entries, values);
  if (steps) training.optimiser->set_steps(static_cast<int64_t>(*steps));
  if (draw) *training.rng = Rng(*draw);
  std::map<std::string, std::string> notes;
  for (const auto& [key, text] : contents.metadata) {
    if (key.starts_with(note_prefix)) notes.emplace(key.substr(std::string_view(note_prefix).size()), text);
  }
  return notes;
}

void save_parameters(const std::filesystem::path& path, const std::vector<Parameter>& parameters,
                     const std::map<std::string, std::string>& notes) {
  SafeTensors contents{{}, notes};
  add_tensors(contents, entries_of({.parameters = parameters}));
  write_safetensors(path, contents);
}

std::map<std::string, std::string> load_parameters(const std::filesystem::path& path,
                                                   const std::vector<Parameter>& parameters) {
  const SafeTensors contents = read_safetensors(path);
  std::vector<Entry> entries = entries_of({.parameters = parameters});
  assign_all(entries, values_for(path, contents, entries));
  return contents.metadata;
}

}  // namespace autograd
