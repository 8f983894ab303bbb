#include "core/allocation.hpp"

#include <fmt/format.h>

#include <utility>

#include <trapline/error.hpp>
#include <trapline/process.hpp>

namespace trapline {

Allocation::Allocation(std::shared_ptr<core::Process> process, Address address, std::size_t size, std::uint64_t image)
    : process_(std::move(process)), address_(address), size_(size), image_(image) {}

Allocation::Allocation(Allocation&& other) noexcept
    : process_(std::move(other.process_)),
      address_(std::exchange(other.address_, 0)),
      size_(std::exchange(other.size_, 0)),
      image_(other.image_) {}

Allocation& Allocation::operator=(Allocation&& other) noexcept {
  // What this one held until now ends with `taken`.
  Allocation taken(std::move(other));
  std::swap(process_, taken.process_);
  std::swap(address_, taken.address_);
  std::swap(size_, taken.size_);
  std::swap(image_, taken.image_);
  return *this;
}

Allocation::~Allocation() { free(); }

void Allocation::free() noexcept {
  const auto process = process_;
  const std::size_t size = size_;
  const Address address = release();
  if (size != 0) core::free_memory(*process, address, size, image_);
}

Address Allocation::release() noexcept {
  process_.reset();
  size_ = 0;
  return std::exchange(address_, 0);
}

void Allocation::check(std::size_t offset, std::size_t size) const {
  if (empty()) throw UsageError("this memory was given back already");
  if (offset > size_ || size > size_ - offset) {
    throw UsageError(fmt::format("{} bytes at {} are not inside the {} bytes allocated", size, offset, size_));
  }
  if (process_->gone() || process_->image() != image_) {
    throw ProcessGone(
        fmt::format("process {} is gone, or executes another program: the memory is gone with it", process_->pid()));
  }
}

Memory Allocation::memory() const { return Memory(process_); }

Bytes Allocation::read(std::size_t offset, std::size_t size) const {
  check(offset, size);
  return memory().read(address_ + offset, size);
}

std::string Allocation::read_string(std::size_t offset) const {
  check(offset, 1);
  return memory().read_string(address_ + offset, size_ - offset);
}

void Allocation::write(ByteView bytes, std::size_t offset) const {
  check(offset, bytes.size());
  memory().write(address_ + offset, bytes);
}

void Allocation::write(std::string_view text, std::size_t offset) const {
  write(std::as_bytes(std::span(text)), offset);
}

Allocation Process::allocate(std::size_t size, const AllocateOptions& options) const {
  Address address = 0;
  std::uint64_t image = 0;
  const auto thread = process_->main_thread();
  process_->at_rest(*thread, [&] {
    address = core::allocate(*thread, size, options);
    image = process_->image();
  });
  return {process_, address, size, image};
}

Allocation Process::allocate(ByteView bytes, const AllocateOptions& options) const {
  Allocation memory = allocate(bytes.size(), options);
  memory.write(bytes);
  return memory;
}

Allocation Process::allocate(std::string_view text, const AllocateOptions& options) const {
  Allocation memory = allocate(text.size() + 1, options);
  memory.write(text);
  return memory;
}

}  // namespace trapline
