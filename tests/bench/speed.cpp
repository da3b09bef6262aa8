#include <fmt/format.h>
#include <tests/bench/rows.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cfloat>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string_view>

// The speed of the engine and the renderer in one table; --help says how to read it.

namespace {

using Json = nlohmann::ordered_json;

struct Row {
  const char* key;
  const char* work;
  double goal;
  bench::Result (*measure)();
  bool more_is_better = false;
};

constexpr Row rows[] = {
    {"chain_forward", "8 rounds of p = o + d t, t += |p - c| - r; 2^20 elements", 1.05, bench::chain_forward},
    {"chain_gradient", "the gradient of its sum to d, c, r", 1.15, bench::chain_gradient},
    {"exp_chain_gradient", "sum(tanh(exp(-x x) y + z)), gradients to x, y, z", 1.30, bench::exp_chain_gradient},
    {"math_worst", "functions of 2^20 elements, against libmvec", 1.30, bench::math_worst},
    {"broadcast_worst", "sums with a bias b, gradients to x [2^14, 64] and b", 1.30, bench::broadcast_worst},
    {"rows_worst", "functions of rows of 16, 256, 4096, forward or gradient; 2^20 elements", 1.30, bench::rows_worst},
    {"pairwise", "sum_ij exp(-|x_i - y_j|^2) w_j, gradients to x, y, w; 8192 x 8192", 1.00, bench::pairwise},
    {"pairwise_log", "sum_i log sum_j of the same", 1.30, bench::pairwise_log},
    {"gather_scatter", "2^18 of 10,000 rows of 3 by index, gradient to the rows", 1.30, bench::gather_scatter},
    {"gather_threads", "the same: time of 2 threads over that of 1", 0.75, bench::gather_scatter_threads},
    {"gemm_worst", "matrix products: 32x784x256, its gradients, 128^3, 1024^3; part of the peak", 0.65,
     bench::gemm_worst, true},
    {"gemm_512", "512^3", 0.88, bench::gemm_512, true},
    {"mlp_step_us", "MLP 784-256-128-10, batch 32, cross-entropy, SGD: a step", 300, bench::mlp_step_us},
    {"optimiser_worst", "a step of Adam where the gradients exist", 1.30, bench::optimiser_worst},
    {"thread_scaling", "chain_gradient, 2^22 elements: speed-up of 2 threads", 1.80, bench::thread_scaling, true},
    {"peak_memory_ratio", "memory of a training step over what must be alive", 1.20, bench::peak_memory_ratio},
    {"record_ns", "recording an operation with a broadcast", 20, bench::record_ns},
    {"replay_ns_per_node", "training step, 300 operations on [256] forward", 60, bench::replay_ns_per_node},
    {"first_plan_ms", "first evaluation of 300 operations, 30 transcendental", 2, bench::first_plan_ms},
    {"resize_us", "that graph in a new size, over the same again", 100, bench::resize_us},
    {"micro_sphere_ms", "200 steps of SGD on a sphere in 16 x 16 pixels", 3, bench::micro_sphere_ms},
    {"raster_bunny_visibility_ms", "bunny_hr, 59,664 triangles, in 512 x 512 pixels", 2.0,
     bench::raster_bunny_visibility_ms},
    {"raster_bunny_forward_ms", "with its antialiased image of vertex colours", 3.5, bench::raster_bunny_forward_ms},
    {"raster_bunny_backward_ms", "gradients of vertices and colours", 2.5, bench::raster_bunny_backward_ms},
    {"raster_spot_visibility_ms", "the same for spot, 5,856 triangles", 0.7, bench::raster_spot_visibility_ms},
    {"raster_spot_forward_ms", "", 1.2, bench::raster_spot_forward_ms},
    {"raster_spot_backward_ms", "", 1.5, bench::raster_spot_backward_ms},
    {"raster_spot_textured_ms", "a texture of 1024 x 1024 with mips, forward and backward; of 4 views, a view", 5,
     bench::raster_spot_textured_ms},
    {"allocations_per_step", "heap requests of the training step", 0, bench::allocations_per_step},
};

const char* const help =
    "Rows without a unit are ratios, of the engine's time to that of a loop written by hand\n"
    "(tests/bench/baselines*.cpp; g++ -O3 -march=native -ffast-math): the median of 15, one run of either after the\n"
    "other (fewer where these take more than four seconds), the worst where a row has several lines. The engine's\n"
    "time is that of recording, evaluating and reading.\n"
    "Lines below a row give nanoseconds an element, and those of the loop on a Zen 5 where known: they tell whether\n"
    "the loop was compiled well here. Lines `beside` do not count. One thread unless the row says otherwise, float32.\n"
    "Times are the processor's for the thread; those of two threads are spoilt by load on the machine.\n\n"
    "BACKLIGHT_BACKEND=avx2 compares with loops for x86-64-v3.\n\n"
    "Examples:\n"
    "  tests/bench/run\n"
    "  tests/bench/run --only math_worst\n"
    "  tests/bench/run --json > speed.json\n\n"
    "Exit code: 0 measured, 1 failed (results of engine and loop differ, or memory is wasted), 2 wrong usage.";

void print_row(const Row& row, const bench::Result& result) {
  fmt::print("{:<27}{:>10.2f} [{}{:>6.2f}]  {}\n", row.key, result.value, row.more_is_better ? ">=" : "<=", row.goal,
             row.work);
  if (!result.note.empty()) fmt::print("{:<50}{}\n", "", result.note);
  for (const bench::Detail& line : result.details) {
    fmt::print("  {:<29}{:>6.2f}  {:<11}{} {:.2f} ns, {} {:.2f} ns{}\n", line.name, line.ratio,
               line.beside ? "(beside)" : "", line.sides[0], line.engine_ns, line.sides[1], line.baseline_ns,
               line.reference_ns > 0 ? fmt::format(" (Zen 5: {:.2f} ns)", line.reference_ns) : "");
  }
  std::fflush(stdout);
}

Json to_json(const std::vector<bench::Detail>& details) {
  Json json = Json::object();
  for (const bench::Detail& line : details) {
    json[line.name] = {{"ratio", line.ratio}, {"engine_ns", line.engine_ns}, {"baseline_ns", line.baseline_ns}};
  }
  return json;
}

/// A program linked with -ffast-math starts like this, and would flatter both sides.
void require_denormals() {
  volatile float smallest = FLT_MIN;
  if (smallest / 2 == 0) throw std::runtime_error("flush-to-zero is on; something was linked with -ffast-math");
}

void measure(const std::string& only, bool as_json) {
  require_denormals();
  autograd::set_threads(1);
  Json values = Json::object(), details = Json::object();
  std::string failures;
  if (!as_json) fmt::print("{:<27}{:>10} [{:>8}]  work\n", "key", "value", "goal");
  for (const Row& row : rows) {
    if (!std::string_view(row.key).starts_with(only)) continue;
    const bench::Result result = row.measure();
    values[row.key] = result.value;
    if (!result.details.empty()) details[row.key] = to_json(result.details);
    if (!as_json) print_row(row, result);
    if (!result.failure.empty())
      failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", row.key, result.failure);
  }
  if (as_json) {
    if (!details.empty()) values["details"] = details;
    fmt::print("{}\n", values.dump(2));
  }
  if (!failures.empty()) throw std::runtime_error(failures);
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("Measures the speed of the autograd engine.", "tests/bench/run");
  app.footer(help);
  std::string only;
  bool as_json = false;
  app.add_flag("--json", as_json, "Print one JSON object instead of a table");
  const auto known = [](const std::string& prefix) {
    const bool any =
        std::ranges::any_of(rows, [&](const Row& row) { return std::string_view(row.key).starts_with(prefix); });
    return any ? std::string() : "no key starts with " + prefix;
  };
  app.add_option("--only", only, "Measure the rows whose key starts so")->option_text("KEY")->check(known);
  try {
    app.parse(count, arguments);
    measure(only, as_json);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tests/bench/run: {}\n", error.what());
    return 1;
  }
}
