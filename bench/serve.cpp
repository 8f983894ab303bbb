#include "serve.hpp"

#include <iostream>
#include <string>

namespace trapline::bench {

int serve(const Row& row, const Effort& effort) {
  try {
    const Sides sides = row.prepare(effort);
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
      if (line != "ours" && line != "floor") throw std::runtime_error("there is no side called " + line);
      std::cout << (line == "ours" ? sides.ours() : sides.floor()) << std::endl;
    }
    return 0;
  } catch (const Skipped& reason) {
    std::cout << "skipped " << reason.what() << std::endl;
    return 0;
  } catch (const std::exception& error) {
    std::cout << "error " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace trapline::bench
