#pragma once

#include <apps/fit_watch.h>
#include <apps/report.h>
#include <render/geometry/mesh.h>

/// The photographs of a dataset beside the fit from the same cameras, in an order that walks from each camera to the
/// nearest one not yet visited.
Turntable walk_around(const render::Dataset& dataset, const Picture& fit);

/// Target and fit turned once about the y axis through the target's middle.
Turntable turn_around(const render::Mesh& target, const Picture& fit);
