#include <apps/commands.h>
#include <apps/console.h>
#include <apps/help.h>

#include <exception>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <vector>

// backlight: 0 it worked; 1 it failed, and the last line on stderr says why; 2 it was called wrongly.

namespace {

enum ExitCode : int { success = 0, failed = 1, wrong_usage = 2 };

/// What is wrong with the arguments, and where the help is.
std::string explanation(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  const std::vector<std::string> unknown = command->remaining();
  const std::string reason = unknown.empty() ? error.what() : "unexpected argument: " + unknown.front();
  return reason + "; see " + name + " --help";
}

void describe(CLI::App& app) {
  app.name("backlight");
  app.description("Recovers shapes, textures and light from images by gradient descent.");
  app.footer(
      "Examples:\n"
      "  backlight demo\n"
      "  backlight render bunny.obj --out views\n"
      "  backlight fit shape views --out fitted\n"
      "  backlight fit texture views --mesh bunny.obj --out painted\n"
      "  backlight fit sdf --example sphere\n"
      "  backlight compare fitted/mesh.obj bunny.obj\n"
      "  backlight train xor\n\n"
      "Each command has its own --help. Results go to stdout, all else to stderr.\n"
      "Exit code: 0 it worked, 1 it failed, 2 wrong usage.");
  app.set_version_flag("--version", std::string("backlight ") + version(), "Print the version and exit");
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormatter>());
  add_demo(app);
  add_render(app);
  CLI::App* const fit = app.add_subcommand("fit", "Recovers something from images.");
  fit->require_subcommand(1);
  fit->footer(
      "Examples:\n"
      "  backlight fit shape views --out fitted\n"
      "  backlight fit texture views --mesh bunny.obj --out painted\n"
      "  backlight fit sdf --example sphere\n\n"
      "Each has its own --help: backlight fit shape --help");
  add_fit_shape(*fit);
  add_fit_texture(*fit);
  add_fit_sdf(*fit);
  add_compare(app);
  CLI::App* const train = app.add_subcommand("train", "Trains a small network: what the autograd library is good for.");
  train->require_subcommand(1);
  train->footer(
      "Examples:\n"
      "  backlight train mnist mnist\n"
      "  backlight train xor\n\n"
      "Each has its own --help: backlight train mnist --help");
  add_train_mnist(*train);
  add_train_xor(*train);
}

int run(int count, char** arguments) {
  CLI::App app;
  describe(app);
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    const int code = app.exit(help_or_version, text, text);
    print(text.str());
    return code;
  } catch (const CLI::ParseError& error) {
    message(explanation(app, error));
    return wrong_usage;
  }
  return success;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    set_command_line(shell_command(count, arguments));
    return run(count, arguments);
  } catch (const std::bad_alloc&) {
    message("out of memory");
  } catch (const std::exception& error) {
    message(error.what());
  }
  return failed;
}
