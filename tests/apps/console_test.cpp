#include <apps/console.h>
#include <apps/json.h>
#include <tests/catch.h>

#include <limits>

TEST_CASE("shell_command quotes what a shell would change") {
  const char* const arguments[] = {"backlight", "render", "my mesh.obj", "--out=a/b_c-1.0", "it's", "", "$HOME"};
  CHECK(shell_command(7, arguments) == "backlight render 'my mesh.obj' --out=a/b_c-1.0 'it'\\''s' '' '$HOME'");
}

TEST_CASE("to_text writes valid JSON whatever the values") {
  SECTION("keys keep their order, numbers their value") {
    CHECK(to_text({{"b", 0.1}, {"a", 24}}) == "{\n  \"b\": 0.1,\n  \"a\": 24\n}\n");
  }
  SECTION("infinity and NaN become null") {
    const Json json{{"psnr", std::numeric_limits<double>::infinity()}, {"iou", std::nan("")}};
    CHECK(to_text(json) == "{\n  \"psnr\": null,\n  \"iou\": null\n}\n");
  }
  SECTION("bytes that are not UTF-8 become U+FFFD") {
    CHECK(to_text({{"mesh", "a\xff.obj"}}) == "{\n  \"mesh\": \"a\xEF\xBF\xBD.obj\"\n}\n");
  }
}
