#pragma once

#include <string>
#include <string_view>

namespace trapline::support {

/// Bytes in the order in which they came. Taking from the front costs what is taken, however much there is behind it.
class ByteQueue {
 public:
  [[nodiscard]] std::string_view view() const { return std::string_view(data_).substr(head_); }
  [[nodiscard]] bool empty() const { return head_ == data_.size(); }
  void append(std::string_view bytes) { data_.append(bytes); }

  std::string take(std::size_t count) {
    std::string taken = data_.substr(head_, count);
    head_ += taken.size();
    // Moving what is left each time would make many small takings of much quadratic.
    if (head_ * 2 >= data_.size()) {
      data_.erase(0, head_);
      head_ = 0;
      if (data_.capacity() > kept_capacity && data_.size() * 4 < data_.capacity()) data_.shrink_to_fit();
    }
    return taken;
  }

  /// Puts taken bytes in front again.
  void put_back(std::string_view bytes) {
    data_.replace(0, head_, bytes);
    head_ = 0;
  }

 private:
  static constexpr std::size_t kept_capacity = 1 << 20;

  std::string data_;
  std::size_t head_ = 0;
};

}  // namespace trapline::support
