#include <autograd/ir/builder.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace autograd::ir {

namespace {

size_t hash(Inst inst) {
  uint64_t key = static_cast<uint64_t>(inst.code) | static_cast<uint64_t>(inst.type) << 8 |
                 static_cast<uint64_t>(inst.a) << 16 | static_cast<uint64_t>(inst.b) << 32 |
                 static_cast<uint64_t>(inst.c) << 48;
  key ^= static_cast<uint64_t>(inst.immediate) * 0xff51afd7ed558ccdu;
  key *= 0x9e3779b97f4a7c15u;
  return key >> 32;
}

bool is_comparison(Code code) { return code >= Code::equal && code <= Code::less_equal; }

/// Whether the arguments may be swapped (min and max may not: of NaN and zeros they take the second).
bool is_commutative(Code code) {
  return code == Code::add || code == Code::multiply || code == Code::equal || code == Code::not_equal ||
         (code >= Code::logical_and && code <= Code::bit_xor);
}

}  // namespace

bool is_structural(double number) {
  return (number == 0 && !std::signbit(number)) || number == 1 || number == -1 || number == 2;
}

Value Builder::literal(double number, DType type) {
  std::vector<double>& literals = program_.literals;
  const auto same = [&](double other) { return std::bit_cast<uint64_t>(other) == std::bit_cast<uint64_t>(number); };
  const auto found = std::find_if(literals.begin(), literals.end(), same);
  const auto index = static_cast<uint16_t>(found - literals.begin());
  if (found == literals.end()) literals.push_back(number);
  return emit({Code::literal, type, 0, 0, 0, index});
}

bool Builder::is(Value value, double number) const {
  const Inst& inst = program_.body[value];
  return inst.code == Code::literal && program_.literals[inst.immediate] == number;
}

bool Builder::is_literal(Value value) const {
  const Inst& inst = program_.body[value];
  return inst.code == Code::literal && is_floating(inst.type);
}

bool Builder::is_negation(Value value) const {
  const Inst& inst = program_.body[value];
  return inst.code == Code::negate && is_floating(inst.type);
}

Value Builder::negated(Value of_literal) {
  const Inst inst = program_.body[of_literal];
  return literal(-program_.literals[inst.immediate], inst.type);
}

Value Builder::unary(Code code, Value a) {
  const Inst& argument = program_.body[a];
  if (code == Code::negate && argument.code == Code::negate) return argument.a;
  if (code == Code::absolute && (argument.code == Code::absolute || argument.code == Code::negate)) {
    return argument.code == Code::absolute ? a : unary(Code::absolute, argument.a);
  }
  return emit({code, type(a), a});
}

Value Builder::binary(Code code, Value a, Value b) {
  if (code == Code::multiply || code == Code::divide) {
    if (is(b, 1)) return a;
    if (is(b, -1)) return unary(Code::negate, a);
  }
  if (code == Code::multiply) {
    if (is(a, 1)) return b;
    if (is(a, -1)) return unary(Code::negate, b);
    if (is_negation(a) && is_literal(b)) return binary(code, program_.body[a].a, negated(b));
    if (is_negation(b) && is_literal(a)) return binary(code, negated(a), program_.body[b].a);
  }
  if (code == Code::add && is_negation(b)) return binary(Code::subtract, a, program_.body[b].a);
  if (code == Code::add && is_negation(a)) return binary(Code::subtract, b, program_.body[a].a);
  if (code == Code::subtract && is_negation(b)) return binary(Code::add, a, program_.body[b].a);
  if (is_comparison(code)) {  // -x < c is -c < x
    if (is_negation(a) && is_literal(b)) return binary(code, negated(b), program_.body[a].a);
    if (is_negation(b) && is_literal(a)) return binary(code, program_.body[b].a, negated(a));
  }
  if (is_commutative(code) && a > b) std::swap(a, b);
  return emit({code, is_comparison(code) ? DType::boolean : type(a), a, b});
}

Value Builder::fma(Value a, Value b, Value c) {
  if (is_negation(a) && is_literal(b)) return fma(program_.body[a].a, negated(b), c);
  return emit({Code::fma, type(a), a, b, c});
}

Value Builder::select(Value condition, Value a, Value b) {
  if (a == b) return a;
  return emit({Code::select, type(a), condition, a, b});
}

Value Builder::convert(Value a, DType to) {
  if (type(a) == to) return a;
  return emit({Code::convert, to, a});
}

Value Builder::bitcast(Value a, DType to) {
  if (type(a) == to) return a;
  return emit({Code::bitcast, to, a});
}

Value Builder::emit(Inst inst) {
  if (2 * (program_.body.size() + 1) > table_.size()) rehash(table_.empty() ? 64 : 2 * table_.size());
  const size_t mask = table_.size() - 1;
  size_t bucket = hash(inst) & mask;
  for (; table_[bucket] != 0; bucket = (bucket + 1) & mask) {
    const Value candidate = static_cast<Value>(table_[bucket] - 1);
    if (program_.body[candidate] == inst) return candidate;
  }
  program_.body.push_back(inst);
  table_[bucket] = static_cast<Value>(program_.body.size());
  return static_cast<Value>(program_.body.size() - 1);
}

void Builder::rehash(size_t buckets) {
  table_.assign(buckets, 0);
  for (size_t i = 0; i < program_.body.size(); ++i) {
    size_t bucket = hash(program_.body[i]) & (buckets - 1);
    while (table_[bucket] != 0) bucket = (bucket + 1) & (buckets - 1);
    table_[bucket] = static_cast<Value>(i + 1);
  }
}

}  // namespace autograd::ir
