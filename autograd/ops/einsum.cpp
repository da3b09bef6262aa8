#include <autograd/ops/einsum.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

// Axes have labels: a letter, or a digit for the axes of "...", counted from the last, so that they align as in
// broadcasting. Operands are joined from the left; a label is summed over as soon as neither the result nor an operand
// still to come has it:
//
//     bij,bjk->bik      batch: in both and still needed   b
//                       contracted: in both, not needed   j
//                       free: in one                      i | k
//
//     matmul [batch, free, contracted] x [batch, contracted, free]
//
// Strings of labels are short enough to need no heap memory.

namespace autograd {

namespace {

struct Named {
  Tensor tensor;
  std::string labels;  ///< one an axis, all different
};

bool contains(std::string_view labels, char label) { return labels.find(label) != std::string_view::npos; }

/// Those of `labels` for which `wanted` holds.
template <class Predicate>
std::string filter(std::string_view labels, Predicate wanted) {
  std::string result;
  for (char label : labels) {
    if (wanted(label)) result += label;
  }
  return result;
}

/// The axes in another order; a view, unless it is the same.
Named ordered(const Named& x, const std::string& labels) {
  if (x.labels == labels) return x;
  int order[max_rank];
  for (size_t i = 0; i < labels.size(); ++i) order[i] = static_cast<int>(x.labels.find(labels[i]));
  return {permute(x.tensor, std::span<const int>(order, labels.size())), labels};
}

/// Summed over all axes but `kept`.
Named summed(const Named& x, const std::string& kept) {
  if (x.labels == kept) return x;
  Axes axes;
  axes.all = false;
  for (size_t i = 0; i < x.labels.size(); ++i) {
    if (!contains(kept, x.labels[i])) axes.list[axes.count++] = static_cast<int>(i);
  }
  return {axes.count > 0 ? sum(x.tensor, axes) : x.tensor, kept};
}

class Einsum {
 public:
  Einsum(std::string_view expression, std::span<const Tensor> operands) : text_(expression), operands_(operands) {
    const size_t arrow = expression.find("->");
    inputs_ = expression.substr(0, arrow);
    const auto commas = static_cast<size_t>(std::count(inputs_.begin(), inputs_.end(), ','));
    if (operands.empty() || commas + 1 != operands.size()) {
      fail("names " + std::to_string(commas + 1) + " operands, " + std::to_string(operands.size()) + " are given");
    }
    std::fill(extents_.begin(), extents_.end(), -1);
    std::string_view rest = inputs_;
    for (const Tensor& operand : operands) measure(labels_of(next_term(rest), operand.shape()), operand.shape());
    result_ = arrow == std::string_view::npos ? implicit_result() : explicit_result(expression.substr(arrow + 2));
  }

  Tensor record() {
    std::string_view rest = inputs_;
    Named joined = operand(0, rest);
    for (size_t i = 1; i < operands_.size(); ++i) {
      const Named next = operand(i, rest);
      joined = join(joined, next, rest);
    }
    const std::string kept = filter(joined.labels, [&](char label) { return contains(result_, label); });
    return ordered(summed(joined, kept), result_).tensor;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw ValueError("einsum: '" + std::string(text_) + "' " + what);
  }

  static std::string_view next_term(std::string_view& rest) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view term = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    return term;
  }

  /// The labels of a term whose "..." stands for `ellipsis` axes.
  std::string labels_of(std::string_view term, int ellipsis) const {
    std::string labels;
    bool dotted = false;
    for (size_t i = 0; i < term.size(); ++i) {
      if (term[i] == ' ') continue;
      if (std::isalpha(static_cast<unsigned char>(term[i])) != 0) {
        labels += term[i];
      } else if (!dotted && term.substr(i, 3) == "...") {
        for (int axis = ellipsis; axis-- > 0;) labels += static_cast<char>('0' + axis);
        dotted = true;
        i += 2;
      } else {
        fail("has '" + std::string(1, term[i]) + "'; expected letters, and one ... an operand");
      }
    }
    return labels;
  }

  std::string labels_of(std::string_view term, const Shape& shape) const {
    const auto letters = static_cast<int>(labels_of(term, 0).size());
    const bool dotted = contains(term, '.');
    if (dotted ? letters > shape.rank() : letters != shape.rank()) {
      throw ShapeError("einsum: '" + std::string(term) + "' for an operand of shape " + shape.to_string());
    }
    return labels_of(term, shape.rank() - letters);
  }

  int64_t& extent(char label) { return extents_[static_cast<size_t>(label)]; }

  void measure(const std::string& labels, const Shape& shape) {
    for (size_t i = 0; i < labels.size(); ++i) {
      const int64_t given = shape[static_cast<int>(i)];
      int64_t& known = extent(labels[i]);
      const bool dotted = labels[i] <= '9';
      if (known >= 0 && known != given && !(dotted && (known == 1 || given == 1))) {
        throw ShapeError("einsum: '" + std::string(text_) + "': axis " +
                         (dotted ? std::string("of ...") : std::string(1, labels[i])) + " has extents " +
                         std::to_string(known) + " and " + std::to_string(given));
      }
      if (known < 0 || known == 1) known = given;
    }
  }

  std::string ellipsis_labels() {
    std::string labels;
    for (char label : std::string_view("543210")) {
      if (extent(label) >= 0) labels += label;
    }
    return labels;
  }

  std::string implicit_result() {
    std::string result = ellipsis_labels();
    for (int code = 'A'; code <= 'z'; ++code) {
      if (std::isalpha(code) != 0 && std::count(inputs_.begin(), inputs_.end(), static_cast<char>(code)) == 1)
        result += static_cast<char>(code);
    }
    return result;
  }

  std::string explicit_result(std::string_view term) {
    const std::string dotted = ellipsis_labels();
    std::string result = labels_of(term, static_cast<int>(dotted.size()));
    if (!dotted.empty() && !contains(result, '0')) fail("has ... in an operand, but not in the result");
    for (char label : result) {
      if (extent(label) < 0) fail("has '" + std::string(1, label) + "' in the result only");
      if (std::count(result.begin(), result.end(), label) > 1)
        fail("has '" + std::string(1, label) + "' twice in the result");
    }
    return result;
  }

  /// An operand with one axis a label: diagonals taken, axes of "..." that broadcast left out.
  Named operand(size_t index, std::string_view& rest) {
    Named x{operands_[index], labels_of(next_term(rest), operands_[index].shape())};
    for (size_t i = 0; i < x.labels.size();) {
      const char label = x.labels[i];
      const size_t again = x.labels.find(label, i + 1);
      if (again != std::string::npos) {
        // To the end, and then the diagonal.
        const int last = static_cast<int>(x.labels.size()) - 1;
        x.tensor =
            diagonal(swap_axes(swap_axes(x.tensor, static_cast<int>(again), last), static_cast<int>(i), last - 1));
        std::swap(x.labels[again], x.labels.back());
        std::swap(x.labels[i], x.labels[x.labels.size() - 2]);
        x.labels.pop_back();
      } else if (x.tensor.shape()[static_cast<int>(i)] != extent(label)) {
        x.tensor = squeeze(x.tensor, static_cast<int>(i));
        x.labels.erase(i, 1);
      } else {
        ++i;
      }
    }
    return x;
  }

  /// One tensor of two; `rest`: the terms still to come.
  Named join(Named a, Named b, std::string_view rest) {
    const auto needed = [&](char label) { return contains(result_, label) || contains(rest, label); };
    a = summed(a, filter(a.labels, [&](char label) { return needed(label) || contains(b.labels, label); }));
    b = summed(b, filter(b.labels, [&](char label) { return needed(label) || contains(a.labels, label); }));
    const auto shared = [&](char label) { return contains(b.labels, label); };
    const std::string batch = filter(a.labels, [&](char label) { return shared(label) && needed(label); });
    const std::string contracted = filter(a.labels, [&](char label) { return shared(label) && !needed(label); });
    const std::string left = filter(a.labels, [&](char label) { return !shared(label); });
    const std::string right = filter(b.labels, [&](char label) { return !contains(a.labels, label); });
    if (batch.size() + left.size() + right.size() > max_rank) {
      throw SizeError("einsum: '" + std::string(text_) + "' has an intermediate result of more than " +
                      std::to_string(max_rank) + " axes");
    }
    if (contracted.empty() || (left.empty() && right.empty())) {
      const std::string all = batch + left + right + contracted;
      return summed({among(a, all) * among(b, all), all}, batch + left + right);
    }
    const Tensor product = matmul(matrices(a, batch, left, contracted), matrices(b, batch, contracted, right));
    return {reshape(product, shape_of(batch + left + right)), batch + left + right};
  }

  /// With the axes of `all`, of extent 1 where x has none.
  Tensor among(const Named& x, const std::string& all) {
    const std::string present = filter(all, [&](char label) { return contains(x.labels, label); });
    int64_t extents[max_rank];
    for (size_t i = 0; i < all.size(); ++i) extents[i] = contains(present, all[i]) ? extent(all[i]) : 1;
    return reshape(ordered(x, present).tensor, Shape(std::span<const int64_t>(extents, all.size())));
  }

  /// As [batch, rows, columns]; where the axes stand the other way around, as a transpose.
  Tensor matrices(const Named& x, const std::string& batch, const std::string& rows, const std::string& columns) {
    const bool in_order = x.labels == batch + rows + columns;
    if (!in_order && x.labels == batch + columns + rows) return transpose(matrices(x, batch, columns, rows));
    const int64_t count = shape_of(batch).size(), height = shape_of(rows).size(), width = shape_of(columns).size();
    const Tensor tensor = ordered(x, batch + rows + columns).tensor;
    return batch.empty() ? reshape(tensor, {height, width}) : reshape(tensor, {count, height, width});
  }

  Shape shape_of(std::string_view labels) {
    int64_t extents[max_rank];
    for (size_t i = 0; i < labels.size(); ++i) extents[i] = extent(labels[i]);
    return Shape(std::span<const int64_t>(extents, labels.size()));
  }

  std::string_view text_, inputs_;
  std::span<const Tensor> operands_;
  std::string result_;
  std::array<int64_t, 128> extents_;  ///< by label; -1: no such
};

}  // namespace

Tensor einsum(std::string_view expression, std::span<const Tensor> operands, std::source_location where) {
  for (const Tensor& operand : operands) floating("einsum", operand);
  const Located at(operands.empty() ? Tensor() : operands[0], where);
  const AtLine line(at);
  return Einsum(expression, operands).record();
}

Tensor einsum(std::string_view expression, std::initializer_list<Located> operands, std::source_location where) {
  return einsum(expression, listed(operands), where);
}

}  // namespace autograd
