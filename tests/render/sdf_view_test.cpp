#include <render/sdf/coverage.h>
#include <render/sdf/view.h>
#include <tests/render/sdf_scenes.h>

#include <functional>

using namespace scene;
using render::Camera;

// Pictures and what moves them, against brute force: many rays a pixel that hit or miss.

namespace {

Vec3 normal_colours(const Vec3&, const Vec3& normal) {
  return {normal.x * 0.5 + 0.5, normal.y * 0.5 + 0.5, normal.z * 0.5 + 0.5};
}

/// A shape as a function of (x, y, z, log scale).
using Movable = std::function<Tensor(const Vec3&)>;

sdf::Field moved(const Movable& shape, const Tensor& motion) {
  const Vec3 offset{ag::select(motion, 0, 0), ag::select(motion, 0, 1), ag::select(motion, 0, 2)};
  const Tensor size = ag::exp(ag::select(motion, 0, 3));
  return [=](const Vec3& p) { return sdf::scale(sdf::translate(p, offset), size, shape); };
}

double weight(double x, double y) { return std::sin(7 * x + 1) + std::cos(5 * y - 2 * x) + std::sin(11 * x * y) / 2; }

ag::Array pixel_weights(int size) {
  return ag::Array::make<float>({1, size, size}, [&](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) {
      const auto n = static_cast<size_t>(size);
      out[i] = static_cast<float>(
          weight((static_cast<double>(i % n) + 0.5) / size, (static_cast<double>(i / n) + 0.5) / size));
    }
  });
}

/// Relative error of the gradient of a weighted mask, against central differences of 16 x 16 samples a pixel.
double gradient_error(const Movable& shape, int size) {
  const ag::Step step;
  const Camera camera = camera_from({0.6, 0.35, 1}, size, size);
  const ag::Array matrices = matrices_of(camera, ag::DType::float32), weights = pixel_weights(size);
  const ag::Array motion = ag::zeros({4});
  const sdf::FieldView view = sdf::see(moved(shape, tensor(motion)), matrices, frame_of(camera));
  const Tensor mask = ag::select(sdf::draw(view, view.normal), 3, 3);
  const std::vector<float> found = ag::grad(ag::sum(mask * weights), motion).to_vector<float>();

  const auto sampled = [&](size_t k, double offset) {
    std::vector<float> at(4);
    at[k] = static_cast<float>(offset);
    const ag::Step inner;
    const sdf::Field field = moved(shape, tensor(ag::Array::from(at, {4})));
    const ag::Array picture = sdf::photograph(field, normal_colours, {&camera, 1}, 16);
    double loss = 0;
    for (size_t i = 0; i < static_cast<size_t>(size * size); ++i) {
      loss += static_cast<double>(picture.values<float>()[4 * i + 3] * weights.values<float>()[i]);
    }
    return loss;
  };
  const double h = 0.25 * 4 / camera.fx;  // a quarter of a pixel
  double error = 0, norm = 0;
  for (size_t k = 0; k < 4; ++k) {
    const double expected = (sampled(k, h) - sampled(k, -h)) / (2 * h);
    error += std::pow(found[k] - expected, 2);
    norm += expected * expected;
  }
  return std::sqrt(error / norm);
}

struct Difference {
  double worst = 0, root_mean_square = 0;
};

Difference difference(const Tensor& first, const Tensor& second) {
  const std::span<const float> a = first.values<float>(), b = second.values<float>();
  Difference result;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(static_cast<double>(a[i] - b[i]));
    result.worst = std::max(result.worst, d);
    result.root_mean_square += d * d / static_cast<double>(a.size());
  }
  result.root_mean_square = std::sqrt(result.root_mean_square);
  return result;
}

Tensor brick(const Vec3& p) {
  return sdf::box(sdf::rotate(p, sdf::rotation(vector({0.5, 0.7, 0.3}, p.x.dtype()))),
                  vector({0.8, 0.5, 0.3}, p.x.dtype()));
}

}  // namespace

TEST_CASE("square_coverage is the part of a pixel beside a straight edge") {
  const ag::Step step;
  constexpr int samples = 200;
  Random random(7);
  for (int i = 0; i < 40; ++i) {
    const double angle = i < 8 ? i * 0.785398163397448 : random.uniform(-4, 4), far = random.uniform(-0.8, 0.8);
    const double nx = std::cos(angle), ny = std::sin(angle);
    int inside = 0;
    for (int y = 0; y < samples; ++y) {
      for (int x = 0; x < samples; ++x) {
        inside += nx * ((x + 0.5) / samples - 0.5) + ny * ((y + 0.5) / samples - 0.5) <= -far;
      }
    }
    const auto list = [](double value) { return tensor(ag::Array::of<double>({value})); };
    const double scale = random.uniform(0.01, 100);  // only the direction counts
    const Tensor found = sdf::square_coverage(list(far), list(scale * nx), list(scale * ny));
    INFO("distance " << far << ", angle " << angle);
    CHECK(found.item() == Approx(static_cast<double>(inside) / (samples * samples)).margin(5e-3));
  }
  // Its slope has no jumps, and is finite where no direction is given.
  const auto slope = [](double far, double nx, double ny) {
    const ag::Array at = ag::Array::of<double>({far}), x = ag::Array::of<double>({nx}), y = ag::Array::of<double>({ny});
    return ag::grad(ag::sum(sdf::square_coverage(tensor(at), tensor(x), tensor(y))), at).item();
  };
  for (double border : {0.0, 0.1, -0.1, 0.7, -0.7}) {  // of a = 0.8, b = 0.6
    CHECK(slope(border - 1e-7, 0.8, 0.6) == Approx(slope(border + 1e-7, 0.8, 0.6)).margin(1e-5));
  }
  CHECK(slope(0, 0.8, 0.6) == Approx(-1 / 0.8));
  CHECK(slope(0, 1, 0) == Approx(-1));
  CHECK(std::isfinite(slope(0.2, 0, 0)));
}

TEST_CASE("the gradient of a mask is true: ball, ring and box") {
  // The bar is 0.03. Of a box, half of the silhouette's pixels have their minimum in a crease.
  CHECK(gradient_error([](const Vec3& p) { return sdf::torus(p, 0.8, 0.25); }, 32) < 0.03);
  if (sanitized()) return;
  CHECK(gradient_error([](const Vec3& p) { return sdf::sphere(p, 1); }, 64) < 0.015);
  CHECK(gradient_error(brick, 32) < 0.05);
}

TEST_CASE("a picture is what many rays see") {
  const ag::Step step;
  const Camera camera = camera_from({0.6, 0.35, 1}, 96, 96);
  const auto picture = [&](const Movable& shape) {
    const sdf::FieldView view = sdf::see(shape, matrices_of(camera, ag::DType::float32), frame_of(camera));
    return sdf::draw(view, normal_colours(view.point, view.normal));
  };
  const Movable ball = [](const Vec3& p) { return sdf::sphere(p, 1); };
  const Difference colours = difference(picture(ball), tensor(sdf::photograph(ball, normal_colours, {&camera, 1}, 8)));
  CHECK(colours.worst < 0.08);  // where normals turn away
  CHECK(colours.root_mean_square < 0.003);
  // Of a box the mask only: nothing smooths the edges between its faces.
  const Difference mask = difference(ag::select(picture(brick), 3, 3),
                                     ag::select(sdf::photograph(brick, normal_colours, {&camera, 1}, 8), 3, 3));
  CHECK(mask.worst < 0.15);  // at corners
  CHECK(mask.root_mean_square < 0.006);
}

TEST_CASE("a view's points lie on the surface, with unit normals, and colours are premultiplied") {
  const ag::Step step;
  const Camera camera = camera_from({0.6, 0.35, 1}, 32, 32);
  const sdf::FieldView view = sdf::see(brick, matrices_of(camera, ag::DType::float64), frame_of(camera));
  const Tensor values = brick(view.point), lengths = render::length(view.normal);
  for (size_t i = 0; i < values.values<double>().size(); ++i) {
    if (view.trace.hit.values<bool>()[i]) CHECK(std::fabs(values.values<double>()[i]) < 1e-7);
    CHECK(lengths.values<double>()[i] == Approx(1));
  }
  const Tensor two = ag::broadcast_to(ag::Located(2).as(ag::DType::float64), view.alpha.shape());
  const Tensor picture = sdf::draw(view, {two, two, two});
  REQUIRE(picture.shape() == ag::Shape{1, 32, 32, 4});
  const std::span<const double> pixels = picture.values<double>();
  for (size_t i = 0; i < pixels.size(); i += 4) {
    CHECK(pixels[i] == Approx(2 * pixels[i + 3]));
    CHECK(pixels[i + 3] >= 0);
    CHECK(pixels[i + 3] <= 1 + 1e-12);
  }
}

TEST_CASE("softness widens silhouettes and leaves them where they are") {
  const ag::Step step;
  const Camera camera = camera_from({0, 0, 1}, 64, 64);
  const auto alpha = [&](double softness) {
    const sdf::FieldView view =
        sdf::see([](const Vec3& p) { return sdf::sphere(p, 1); }, matrices_of(camera, ag::DType::float64),
                 frame_of(camera), {.softness = softness});
    return ag::select(sdf::draw(view, view.normal), 3, 3).to_vector<double>();
  };
  const std::vector<double> sharp = alpha(1), soft = alpha(4);
  double area_sharp = 0, area_soft = 0;
  int partial_sharp = 0, partial_soft = 0;
  for (size_t i = 0; i < sharp.size(); ++i) {
    area_sharp += sharp[i];
    area_soft += soft[i];
    partial_sharp += sharp[i] > 0.001 && sharp[i] < 0.999;
    partial_soft += soft[i] > 0.001 && soft[i] < 0.999;
  }
  CHECK(area_soft == Approx(area_sharp).epsilon(0.005));
  CHECK(partial_soft > 3 * partial_sharp);
}

TEST_CASE("pictures and gradients of difficult shapes are finite") {
  const Camera camera = camera_from({0, 0, 1}, 40, 40);
  const std::array<Movable, 4> shapes{[](const Vec3& p) {
                                        return sdf::box(p, vector({0.9, 0.7, 1e-4}, p.x.dtype()));
                                      },  // a sheet, seen from the front
                                      [](const Vec3& p) {
                                        return sdf::box(p, vector({1e-4, 0.7, 0.9}, p.x.dtype()));
                                      },  // and from the side
                                      [](const Vec3& p) { return sdf::difference_of(brick(p), sdf::sphere(p, 0.45)); },
                                      [](const Vec3& p) { return sdf::sphere(p, 6); }};  // around the camera
  for (const Movable& shape : shapes) {
    const ag::Step step;
    const ag::Array motion = ag::zeros({4});
    const sdf::FieldView view =
        sdf::see(moved(shape, tensor(motion)), matrices_of(camera, ag::DType::float32), frame_of(camera));
    const Tensor picture = sdf::draw(view, normal_colours(view.point, view.normal));
    for (float value : picture.values<float>()) REQUIRE(std::isfinite(value));
    for (float value : ag::grad(ag::sum(ag::square(picture - 0.3)), motion).values<float>())
      CHECK(std::isfinite(value));
  }
}

TEST_CASE("a sheet thinner than a pixel is opaque from the front") {
  const ag::Step step;
  const Camera camera = camera_from({0, 0, 1}, 40, 40);
  const sdf::FieldView view = sdf::see(
      [](const Vec3& p) {
        return sdf::box(p, vector({0.9, 0.7, 1e-3}, p.x.dtype()));
      },
      matrices_of(camera, ag::DType::float32), frame_of(camera));
  const Tensor alpha = ag::select(sdf::draw(view, view.normal), 3, 3);
  CHECK(alpha.values<float>()[20 * 40 + 20] == Approx(1).margin(1e-3));
  CHECK(alpha.values<float>()[20 * 40 + 12] == Approx(1).margin(1e-3));
}

TEST_CASE("nothing in sight gives an empty picture and no gradient") {
  const ag::Step step;
  const Camera camera = camera_from({0, 0, 1}, 16, 16);
  const ag::Array motion = ag::Array::of<float>({0, 0, 30, 0});
  const sdf::FieldView view = sdf::see(moved([](const Vec3& p) { return sdf::sphere(p, 1); }, tensor(motion)),
                                       matrices_of(camera, ag::DType::float32), frame_of(camera));
  const Tensor picture = sdf::draw(view, normal_colours(view.point, view.normal));
  for (float value : picture.values<float>()) CHECK(value == 0);
  for (float value : ag::grad(ag::sum(ag::square(picture - 1)), motion).values<float>()) CHECK(value == 0);
}

TEST_CASE("a view's gradient is the same for any threads and backend") {
  const Camera camera = camera_from({0.6, 0.35, 1}, 80, 72);
  const auto gradient = [&] {
    const ag::Step step;
    const ag::Array motion = ag::zeros({4});
    const sdf::FieldView view =
        sdf::see(moved(brick, tensor(motion)), matrices_of(camera, ag::DType::float32), frame_of(camera));
    const Tensor picture = sdf::draw(view, normal_colours(view.point, view.normal));
    return ag::grad(ag::mean(ag::square(picture - 0.3)), motion).to_vector<float>();
  };
  const std::vector<float> expected = gradient();
  CHECK(std::fabs(expected[0]) > 1e-6f);
  for (int count : {1, 3}) {
    const Threads threads(count);
    for (ag::Backend backend : backends()) {
      const WithBackend with(backend);
      CHECK(same_values(gradient(), expected));
    }
  }
}

TEST_CASE("photograph takes its samples evenly, and refuses none") {
  const Camera camera = camera_from({0, 0, 1}, 12, 10);
  const ag::Array picture = sdf::photograph(
      [](const Vec3& p) {
        return sdf::plane(p, vector({1, 0, 0}, p.x.dtype()), 0);
      },
      normal_colours, {&camera, 1}, 4);
  REQUIRE(picture.shape() == ag::Shape{1, 10, 12, 4});
  // The half-space's edge stands at the principal point, 0.37 pixels right of the middle: sampled at 3/8.
  const std::span<const float> row = picture.values<float>().subspan(4 * 12 * 5);
  CHECK(row[4 * 5 + 3] == 1);
  CHECK(row[4 * 6 + 3] == Approx(0.25f));
  CHECK(row[4 * 7 + 3] == 0);
  REQUIRE_THROWS_AS(sdf::photograph([](const Vec3& p) { return sdf::sphere(p, 1); }, normal_colours, {&camera, 1}, 0),
                    ag::ValueError);
}
