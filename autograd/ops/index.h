#pragma once

#include <autograd/core/tensor.h>

#include <span>

// Elements chosen by int32 indices (else DTypeError). An index outside its axis is an IndexError of the evaluation.

namespace autograd {

/// Rows of `table` [rows, ...] chosen by `indices` [...] int32: shape [indices..., ...]. Any type of
/// table. IndexError, when evaluated, for an index outside [0, rows). The gradient is a scatter_add.
BACKLIGHT_API Tensor gather(Located table, Located indices);

/// The adjoint: `values` [indices..., ...] added into zeros [rows, ...]. Floats and int32. An element's
/// sum runs in the order of its entries inside clamp(entries / 32768, 1, 16) equal chunks, and the
/// chunks are added in order; where the rows that all but the first name would be more than twice the table's and a
/// large memory (2^18 elements), chunks are joined in pairs until they are not: the same bits for any number of
/// threads. IndexError as gather.
BACKLIGHT_API Tensor scatter_add(Located values, Located indices, int64_t rows);
/// By several lists of indices, up to four, each with values of its own, all of one shape and type (else ShapeError,
/// DTypeError): for each entry in order the lists in order, in chunks as above of a list's entries. It is what
/// gradients of a table become that is looked up by each of these lists, as vertices are by the corners of faces.
BACKLIGHT_API Tensor scatter_add(std::span<const Tensor> values, std::span<const Tensor> indices, int64_t rows);

/// The adjoint of weighted sums of rows, such as texture samples: to row indices[k][i] of zeros [rows, columns] is
/// added weights[k][i] times (columns[0][i], columns[1][i], ...), for each i in order the lists k in order, whatever
/// the number of threads. As many `indices` (int32) as `weights`; they and `columns` have one shape (else ShapeError),
/// weights and columns one floating type (else DTypeError). IndexError as gather.
BACKLIGHT_API Tensor scatter_add_weighted(std::span<const Tensor> columns, std::span<const Tensor> weights,
                                          std::span<const Tensor> indices, int64_t rows);

/// Elements of x chosen along one axis, separately in each of its rows, as by argsort() or argmax(): `indices`
/// int32 has x's shape but for that axis (else ShapeError). Any type of x. IndexError, when evaluated, for an index
/// outside the axis. The gradient is a scatter_add.
BACKLIGHT_API Tensor take_along_axis(Located x, Located indices, int axis);

/// 1 at each index of a new last axis, 0 elsewhere: [...] int32 -> [..., classes]. All 0 for an index outside
/// [0, classes), such as a label -1 that is to be ignored. No gradient. ValueError: classes below 0.
BACKLIGHT_API Tensor one_hot(Located indices, int64_t classes, DType type = DType::float32);

/// Elements of x where `mask` (bool, else DTypeError) is true, in row-major order: [count]. The two broadcast.
/// Evaluates the mask at once, since the shape depends on it; x stays lazy, and its gradient a scatter_add.
BACKLIGHT_API Tensor masked_select(Located x, Located mask);
/// Positions in row-major order where `mask` (bool, else DTypeError) is true: int32 [count]. Evaluates it at once.
BACKLIGHT_API Tensor flat_nonzero(Located mask);

}  // namespace autograd
