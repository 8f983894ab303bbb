#include "symbols/dwarf_expression.hpp"

#include <dwarf.h>

#include <algorithm>
#include <vector>

namespace trapline::symbols {
namespace {

/// Thrown within this file at whatever cannot be evaluated; expressions come from files that may be damaged.
struct CannotEvaluate {};

class Machine {
 public:
  Machine(const ExpressionContext& context, std::span<const Dwarf_Op> ops) : context_(context), ops_(ops) {}

  std::uint64_t run() {
    // Loops are allowed; endless ones are damage.
    constexpr int most_steps = 1000;
    int steps = 0;
    while (at_ < ops_.size()) {
      if (++steps > most_steps) throw CannotEvaluate();
      const Dwarf_Op& op = ops_[at_++];
      if (op.atom == DW_OP_stack_value) break;
      execute(op);
    }
    return pop();
  }

 private:
  void push(std::uint64_t value) {
    constexpr std::size_t most = 256;
    if (stack_.size() == most) throw CannotEvaluate();
    stack_.push_back(context_.abi.word_size == 4 ? value & 0xffffffffU : value);
  }

  std::uint64_t pop() {
    if (stack_.empty()) throw CannotEvaluate();
    const std::uint64_t value = stack_.back();
    stack_.pop_back();
    return value;
  }

  [[nodiscard]] std::uint64_t from_top(std::size_t depth) const {
    if (depth >= stack_.size()) throw CannotEvaluate();
    return stack_[stack_.size() - 1 - depth];
  }

  [[nodiscard]] std::int64_t pop_signed() {
    const std::uint64_t value = pop();
    return context_.abi.word_size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }

  [[nodiscard]] std::uint64_t reg(std::uint64_t number) const {
    const auto value = context_.registers.get(number);
    if (!value) throw CannotEvaluate();
    return *value;
  }

  void dereference(std::size_t size) {
    std::uint64_t value = 0;
    if (size == 0 || size > sizeof value) throw CannotEvaluate();
    if (!context_.read(pop(), std::as_writable_bytes(std::span(&value, 1)).first(size))) throw CannotEvaluate();
    push(value);
  }

  /// To the operation at that distance in bytes from the end of this one, which is three bytes long.
  void jump(const Dwarf_Op& op) {
    const auto distance = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int16_t>(op.number)});
    const std::uint64_t target = op.offset + 3 + distance;
    const auto found = std::ranges::find(ops_, target, &Dwarf_Op::offset);
    const Dwarf_Op& last = ops_.back();
    if (found == ops_.end() && target <= last.offset) throw CannotEvaluate();
    at_ = static_cast<std::size_t>(found - ops_.begin());
  }

  void execute(const Dwarf_Op& op) {
    if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) {
      push(op.atom - DW_OP_lit0);
    } else if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
      push(reg(op.atom - DW_OP_breg0) + op.number);
    } else if (!execute_push(op) && !execute_stack(op) && !execute_unary(op)) {
      execute_binary(op);
    }
  }

  bool execute_push(const Dwarf_Op& op) {
    switch (op.atom) {
      case DW_OP_addr: push(op.number + context_.bias); return true;
      case DW_OP_const1u:
      case DW_OP_const1s:
      case DW_OP_const2u:
      case DW_OP_const2s:
      case DW_OP_const4u:
      case DW_OP_const4s:
      case DW_OP_const8u:
      case DW_OP_const8s:
      case DW_OP_constu:
      case DW_OP_consts: push(op.number); return true;
      case DW_OP_bregx: push(reg(op.number) + op.number2); return true;
      case DW_OP_call_frame_cfa:
        if (!context_.cfa) throw CannotEvaluate();
        push(*context_.cfa);
        return true;
      case DW_OP_nop: return true;
      default: return false;
    }
  }

  bool execute_stack(const Dwarf_Op& op) {
    switch (op.atom) {
      case DW_OP_dup: push(from_top(0)); return true;
      case DW_OP_drop: pop(); return true;
      case DW_OP_over: push(from_top(1)); return true;
      case DW_OP_pick: push(from_top(op.number)); return true;
      case DW_OP_swap:
        static_cast<void>(from_top(1));
        std::swap(stack_[stack_.size() - 1], stack_[stack_.size() - 2]);
        return true;
      case DW_OP_rot:
        static_cast<void>(from_top(2));
        std::rotate(stack_.end() - 3, stack_.end() - 1, stack_.end());
        return true;
      case DW_OP_skip: jump(op); return true;
      case DW_OP_bra:
        if (pop() != 0) jump(op);
        return true;
      default: return false;
    }
  }

  bool execute_unary(const Dwarf_Op& op) {
    switch (op.atom) {
      case DW_OP_deref: dereference(context_.abi.word_size); return true;
      case DW_OP_deref_size: dereference(op.number); return true;
      case DW_OP_plus_uconst: push(pop() + op.number); return true;
      case DW_OP_neg: push(0 - pop()); return true;
      case DW_OP_not: push(~pop()); return true;
      case DW_OP_abs: {
        const std::int64_t value = pop_signed();
        push(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
        return true;
      }
      default: return false;
    }
  }

  void execute_binary(const Dwarf_Op& op) {
    switch (op.atom) {
      case DW_OP_lt:
      case DW_OP_le:
      case DW_OP_gt:
      case DW_OP_ge:
      case DW_OP_eq:
      case DW_OP_ne:
      case DW_OP_div:
      case DW_OP_shra: execute_signed(op); return;
      default: break;
    }
    const std::uint64_t right = pop();
    const std::uint64_t left = pop();
    constexpr std::uint64_t bits = 64;
    switch (op.atom) {
      case DW_OP_plus: push(left + right); return;
      case DW_OP_minus: push(left - right); return;
      case DW_OP_mul: push(left * right); return;
      case DW_OP_and: push(left & right); return;
      case DW_OP_or: push(left | right); return;
      case DW_OP_xor: push(left ^ right); return;
      case DW_OP_shl: push(right < bits ? left << right : 0); return;
      case DW_OP_shr: push(right < bits ? left >> right : 0); return;
      case DW_OP_mod:
        if (right == 0) throw CannotEvaluate();
        push(left % right);
        return;
      default: throw CannotEvaluate();
    }
  }

  void execute_signed(const Dwarf_Op& op) {
    const std::int64_t right = pop_signed();
    const std::int64_t left = pop_signed();
    const auto push_truth = [this](bool value) { push(value ? 1 : 0); };
    switch (op.atom) {
      case DW_OP_lt: push_truth(left < right); return;
      case DW_OP_le: push_truth(left <= right); return;
      case DW_OP_gt: push_truth(left > right); return;
      case DW_OP_ge: push_truth(left >= right); return;
      case DW_OP_eq: push_truth(left == right); return;
      case DW_OP_ne: push_truth(left != right); return;
      case DW_OP_div:
        // The quotient of the lowest number by -1 does not exist either.
        if (right == 0 || (right == -1 && left == INT64_MIN)) throw CannotEvaluate();
        push(static_cast<std::uint64_t>(left / right));
        return;
      case DW_OP_shra: push(static_cast<std::uint64_t>(left >> std::clamp<std::int64_t>(right, 0, 63))); return;
      default: throw CannotEvaluate();
    }
  }

  const ExpressionContext& context_;
  const std::span<const Dwarf_Op> ops_;
  std::size_t at_ = 0;
  std::vector<std::uint64_t> stack_;
};

/// The most that compilers write; it saves the machine.
std::optional<std::uint64_t> evaluate_simple(const ExpressionContext& context, std::span<const Dwarf_Op> ops) {
  if (ops.empty() || ops.size() > 2 || (ops.size() == 2 && ops[1].atom != DW_OP_plus_uconst)) return std::nullopt;
  std::optional<std::uint64_t> value;
  if (ops[0].atom == DW_OP_call_frame_cfa) value = context.cfa;
  if (ops[0].atom == DW_OP_bregx) {
    value = context.registers.get(ops[0].number);
    if (value) *value += ops[0].number2;
  }
  if (value && ops.size() == 2) *value += ops[1].number;
  if (value && context.abi.word_size == 4) *value &= 0xffffffffU;
  return value;
}

}  // namespace

std::optional<std::uint64_t> evaluate(const ExpressionContext& context, std::span<const Dwarf_Op> ops) {
  if (const auto value = evaluate_simple(context, ops)) return value;
  try {
    return Machine(context, ops).run();
  } catch (const CannotEvaluate&) {
    return std::nullopt;
  }
}

std::optional<std::uint64_t> evaluate_place(const ExpressionContext& context, std::span<const Dwarf_Op> ops) {
  if (ops.empty()) return std::nullopt;
  if (ops.size() == 1) {
    const Dwarf_Op& only = ops.front();
    if (only.atom == DW_OP_regx) return context.registers.get(only.number);
    if (only.atom >= DW_OP_reg0 && only.atom <= DW_OP_reg31) return context.registers.get(only.atom - DW_OP_reg0);
  }
  const auto value = evaluate(context, ops);
  if (!value || ops.back().atom == DW_OP_stack_value) return value;
  return read_word(context.abi, context.read, *value);
}

}  // namespace trapline::symbols
