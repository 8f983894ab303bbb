/* open_path A B: opens A and prints the file's content, or the error. */
#include <fcntl.h>

#include "tracee.h"

char path_a[4096];
char path_b[4096];

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  strncpy(path_a, argv[1], sizeof path_a - 1);
  strncpy(path_b, argv[2], sizeof path_b - 1);
  announce(1);
  int fd = open(path_a, O_RDONLY);
  if (fd < 0) {
    say(-errno);
    return 1;
  }
  char content[256];
  long size = read(fd, content, sizeof content);
  return size < 0 || write(1, content, (size_t)size) != size;
}
