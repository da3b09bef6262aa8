#include <render/raster/kernel_variants.h>
#include <render/raster/kernels.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/render/kernel_scenes.h"

using kernel_scenes::Random;
using namespace render::kernels;

namespace {

using Ids = std::vector<int32_t>;

/// Runs of covered and of empty pixels.
Ids random_ids(Random& random, size_t count) {
  Ids ids;
  while (ids.size() < count) {
    const int32_t id = random.below(2) - 1;
    ids.insert(ids.end(), static_cast<size_t>(random.below(40)), id < 0 ? -1 : random.below(1000));
  }
  ids.resize(count);
  return ids;
}

/// Calls check(name, kernels...) for each variant that this processor runs.
#define FOR_VARIANTS(kernel, check)                                                       \
  check("chosen", [](auto&&... a) { return render::kernels::kernel(a...); });             \
  check("baseline", [](auto&&... a) { return render::kernels::baseline::kernel(a...); }); \
  check_v3(check, [](auto&&... a) { return KERNELS_V3::kernel(a...); })

#ifdef BACKLIGHT_HAS_V3
#define KERNELS_V3 render::kernels::v3
#else
#define KERNELS_V3 render::kernels::baseline
#endif

template <class Check, class Kernel>
void check_v3(Check&& check, Kernel&& kernel) {
  if (std::string(chosen_variant()) != "baseline") check("v3", kernel);
}

template <class T>
void check_image(Random& random, size_t channels, bool coverage) {
  const int64_t begin = random.below(3) * 100, end = begin + random.below(6000);
  const Ids covered = random_ids(random, static_cast<size_t>(end - begin));
  Ids pixels;
  for (size_t i = 0; i < covered.size(); ++i)
    if (covered[i] >= 0) pixels.push_back(static_cast<int32_t>(begin) + static_cast<int32_t>(i));
  const size_t skipped = 5, width = channels + coverage;
  std::vector<std::vector<T>> values(channels, std::vector<T>(skipped + pixels.size()));
  std::vector<const T*> lists;
  for (std::vector<T>& list : values) {
    for (T& value : list) value = static_cast<T>(random.between(-1, 1));
    lists.push_back(list.data());
  }
  const std::vector<T> before(static_cast<size_t>(end + 9) * width, T(7));
  std::vector<T> expected = before;
  std::fill_n(expected.begin() + begin * static_cast<int64_t>(width), static_cast<size_t>(end - begin) * width, T(0));
  for (size_t i = 0; i < pixels.size(); ++i) {
    T* const out = &expected[static_cast<size_t>(pixels[i]) * width];
    for (size_t c = 0; c < channels; ++c) out[c] = values[c][skipped + i];
    if (coverage) out[channels] = 1;
  }
  const ImageChannels<T> given{lists.data(), channels, skipped, coverage};
  const auto check = [&](const char* variant, auto&& kernel) {
    CAPTURE(variant, channels, coverage, begin, end);
    std::vector<T> image = before;
    kernel(pixels, given, begin, end, image.data());
    CHECK(image == expected);
  };
  FOR_VARIANTS(write_image<T>, check);
}

}  // namespace

TEST_CASE("lists: the smallest and the largest of some integers") {
  Random random(1);
  for (size_t count = 0; count < 40; ++count) {
    Ids values;
    for (size_t i = 0; i < count; ++i) values.push_back(static_cast<int32_t>(random.next()));
    const auto check = [&](const char* variant, auto&& kernel) {
      CAPTURE(variant, count);
      const Range range = kernel(values);
      CHECK(range.lowest == (count == 0 ? INT32_MAX : *std::ranges::min_element(values)));
      CHECK(range.highest == (count == 0 ? INT32_MIN : *std::ranges::max_element(values)));
    };
    FOR_VARIANTS(range_of, check);
  }
}

TEST_CASE("lists: ascending means each larger than the one before") {
  for (size_t count = 0; count < 40; ++count) {
    Ids values;
    for (size_t i = 0; i < count; ++i) values.push_back(static_cast<int32_t>(3 * i) - 50);
    const auto check = [&](const char* variant, auto&& kernel) {
      CAPTURE(variant, count);
      CHECK(kernel(values));
      for (size_t i = 1; i < count; ++i) {
        Ids wrong = values;
        wrong[i] = wrong[i - 1];
        CHECK_FALSE(kernel(wrong));
      }
    };
    FOR_VARIANTS(is_ascending, check);
  }
}

TEST_CASE("lists: the visible pixels of a row") {
  Random random(2);
  for (size_t width = 0; width < 300; width += 1 + width / 20) {
    const Ids ids = random_ids(random, width);
    const PixelRow row{5000, 3, 17};
    std::vector<Ids> expected(5, Ids{-7, -7});  // from the third place on
    for (size_t column = 0; column < width; ++column) {
      if (ids[column] < 0) continue;
      const auto place = static_cast<int32_t>(column);
      const int32_t of_pixel[] = {row.first_pixel + place, ids[column], row.view, row.row, place};
      for (size_t k = 0; k < 5; ++k) expected[k].push_back(of_pixel[k]);
    }
    const size_t count = expected[0].size() - 2;
    for (Ids& list : expected) list.push_back(-7);  // what follows is left alone
    const auto check_count = [&](const char* variant, auto&& kernel) {
      CAPTURE(variant, width);
      CHECK(kernel(ids) == static_cast<int32_t>(count));
    };
    FOR_VARIANTS(count_visible, check_count);
    const auto check_list = [&](const char* variant, auto&& kernel) {
      CAPTURE(variant, width);
      std::vector<Ids> lists(5, Ids(count + 3, -7));
      kernel(ids, row, PixelLists{lists[0].data(), lists[1].data(), lists[2].data(), lists[3].data(), lists[4].data()},
             size_t{2});
      CHECK(lists == expected);
    };
    FOR_VARIANTS(list_visible, check_list);
  }
}

TEST_CASE("lists: an image of values at pixels, zero elsewhere, and nothing beyond its part") {
  Random random(3);
  for (int i = 0; i < 10; ++i)
    for (const size_t channels : {1u, 3u, 5u})
      for (const bool coverage : {false, true}) {
        check_image<float>(random, channels, coverage);
        check_image<double>(random, channels, coverage);
      }
}
