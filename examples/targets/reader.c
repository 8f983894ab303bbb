/* reader FILE...: prints the first line of each file, or why it cannot. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    char text[256];
    const int fd = open(argv[i], O_RDONLY);
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (size < 0) {
      printf("%s: %s\n", argv[i], strerror(errno));
    } else {
      text[size] = 0;
      printf("%s: %.*s\n", argv[i], (int)strcspn(text, "\n"), text);
    }
    if (fd >= 0) close(fd);
  }
}
