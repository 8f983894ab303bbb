#include "serve.hpp"

#include <iostream>
#include <string>

namespace trapline::bench {

namespace {

/// Returns whether it went well.
bool answer(const std::string& line, const Sides& sides) {
  try {
    if (line != "ours" && line != "floor") throw std::runtime_error("there is no side called " + line);
    std::cout << (line == "ours" ? sides.ours() : sides.floor()) << std::endl;
    return true;
  } catch (const std::exception& error) {
    std::cout << "error " << error.what() << std::endl;
    return false;
  }
}

}  // namespace

int serve(const Row& row, const Effort& effort) {
  try {
    const Sides sides = row.prepare(effort);
    std::cout << "ready" << std::endl;
    bool well = true;
    for (std::string line; std::getline(std::cin, line);) well = answer(line, sides) && well;
    return well ? 0 : 1;
  } catch (const Skipped& reason) {
    std::cout << "skipped " << reason.what() << std::endl;
    return 0;
  } catch (const std::exception& error) {
    std::cout << "error " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace trapline::bench
