/* saver: writes a file of three parts and exits with 0 when it is whole, so it says. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int put(int fd, const char* text) { return write(fd, text, strlen(text)) == (ssize_t)strlen(text); }

int main(void) {
  const int fd = open("/dev/null", O_WRONLY);
  if (!put(fd, "head\n")) return 1;
  put(fd, "body\n");
  if (!put(fd, "tail\n")) return 1;
  return 0;
}
