#include <apps/options.h>
#include <tests/catch.h>

TEST_CASE("whole_number refuses whatever is not one in its range") {
  const CLI::Validator validator = whole_number(1, 24);
  const auto accepts = [&](std::string text) { return validator(text).empty(); };
  CHECK(accepts("1"));
  CHECK(accepts("24"));
  for (const char* text : {"", "0", "25", "-1", "1.5", "1e1", " 1", "1 ", "0x1", "99999999999999999999"}) {
    INFO(text);
    CHECK_FALSE(accepts(text));
  }
  std::string text = "25";
  CHECK(validator(text) == "25 is not a whole number from 1 to 24");
}

TEST_CASE("a path is not empty") {
  std::string none, blank = " ";
  CHECK(some_path()(none) == "an empty path");
  CHECK(some_path()(blank).empty());
}

TEST_CASE("a seed is not negative") {
  std::string negative = "-1", largest = "9223372036854775807";
  CHECK_FALSE(seed_number()(negative).empty());
  CHECK(seed_number()(largest).empty());
}

TEST_CASE("real_number refuses whatever is not one in its range") {
  const CLI::Validator validator = real_number(0, 1.5);
  const auto accepts = [&](std::string text) { return validator(text).empty(); };
  for (const char* text : {"0", "1.5", "1e-3", ".25"}) CHECK(accepts(text));
  for (const char* text : {"", "nan", "inf", "-0.1", "1.6", "1e999", "1 ", "1,5", "x"}) {
    INFO(text);
    CHECK_FALSE(accepts(text));
  }
}
