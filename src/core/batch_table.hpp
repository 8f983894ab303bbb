#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <trapline/batch.hpp>

namespace trapline::core {

/// What the code of arch::BatchStub works on for some calls of a batch: their rows, who takes whose result, and copies
/// of what the arguments refer to. Knows nothing of processes.
class BatchTable {
 public:
  struct Options {
    std::size_t word_size;
    /// The first call that fails is the last one.
    bool stop_at_error = false;
    /// Those of the batch's calls that come before the table's.
    std::span<const std::int64_t> results{};
  };
  explicit BatchTable(const Options& options) : options_(options) {}

  /// Adds a call; false, and then nothing is added, when there is no room for it, or when it takes in what an earlier
  /// one gives out in a way that needs a table of its own.
  [[nodiscard]] bool add(std::int64_t number, std::span<const BatchArgument> arguments);
  [[nodiscard]] std::size_t count() const { return words_.size() / row_words; }

  /// The bytes that it has.
  [[nodiscard]] std::size_t size() const { return inputs_at() + input_size_; }
  /// For that address.
  [[nodiscard]] Bytes image(Address address) const;
  /// How much of it, from its beginning on, tells what came of the calls.
  [[nodiscard]] std::size_t size_of_results() const { return output_size_ == 0 ? lists_at() : inputs_at(); }
  [[nodiscard]] bool may_end_early() const { return options_.stop_at_error || !links_.empty(); }
  /// How many calls were made when the code has come to that row.
  [[nodiscard]] std::size_t executed(Address address, Address row) const { return (row - address) / row_size(); }
  [[nodiscard]] std::int64_t result(ByteView image, std::size_t call) const;
  /// Copies back what so many calls gave out.
  void take_outputs(ByteView image, std::size_t calls) const;

 private:
  static constexpr std::size_t row_words = 8;

  /// Bytes of the host, and where their copy is among those that come back, or among the others.
  struct Copy {
    InvokeArgument argument;
    std::size_t row;
    std::size_t offset;
  };
  /// A word that is to hold the address of a copy.
  struct Reference {
    std::size_t word;
    bool output;
    std::size_t offset;
  };
  /// A word that takes the result of a row.
  struct Link {
    std::size_t row;
    std::size_t word;
  };
  /// What an argument has to do with the copies that earlier calls give out: they hold its bytes, at an offset; or only
  /// some of them.
  struct Overlap {
    std::optional<std::size_t> held_at{};
    bool partial = false;
  };

  [[nodiscard]] Overlap overlap(const InvokeArgument& argument, std::size_t row) const;
  void add_argument(const BatchArgument& argument, std::size_t row, std::size_t word);
  [[nodiscard]] std::size_t row_size() const { return row_words * options_.word_size; }
  [[nodiscard]] std::size_t lists_at() const { return (words_.size() + 1) * options_.word_size; }
  [[nodiscard]] std::size_t outputs_at() const;
  [[nodiscard]] std::size_t inputs_at() const { return outputs_at() + output_size_; }
  void write_word(Bytes& image, std::size_t offset, std::uint64_t value) const;
  void write_lists(Bytes& image, Address address) const;

  Options options_;
  std::vector<std::uint64_t> words_;
  std::vector<Reference> references_;
  std::vector<Link> links_;
  std::vector<Copy> outputs_;
  std::vector<Copy> inputs_;
  std::size_t output_size_ = 0;
  std::size_t input_size_ = 0;
};

}  // namespace trapline::core
