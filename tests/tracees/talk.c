/* talk STEP...: takes the steps in their order, then exits with 0.
   o:TEXT e:TEXT  writes to stdout, to stderr
   s:TEXT         writes each byte by itself
   x:N            writes N bytes 'x'
   b              writes all 256 bytes
   l              reads a line and writes it in brackets
   c:FD           closes the descriptor
   t:             writes which of 0, 1 and 2 are terminals
   a:N            announces a point
   p              sleeps until it is killed
   f              forks a child that keeps the streams until it is killed, and writes its pid
   y              writes lines for ever */
#include <sched.h>

#include "tracee.h"

static void put(int fd, const char* text, size_t length) {
  while (length > 0) {
    ssize_t count = write(fd, text, length);
    if (count <= 0) _exit(99);
    text += count;
    length -= (size_t)count;
  }
}

static void put_each(const char* text) {
  for (; *text; ++text) {
    put(1, text, 1);
    sched_yield();
  }
}

static void put_many(long count) {
  char piece[4096];
  memset(piece, 'x', sizeof piece);
  for (; count > 0; count -= (long)sizeof piece)
    put(1, piece, (size_t)count < sizeof piece ? (size_t)count : sizeof piece);
}

static void put_all_bytes(void) {
  char bytes[256];
  for (int i = 0; i < 256; ++i) bytes[i] = (char)i;
  put(1, bytes, sizeof bytes);
}

static void answer_line(void) {
  char line[4096] = "[";
  size_t length = 1;
  for (char c; length < sizeof line - 2 && read(0, &c, 1) == 1 && c != '\n';) line[length++] = c;
  line[length++] = ']';
  line[length++] = '\n';
  put(1, line, length);
}

static void put_lines_for_ever(void) {
  char lines[8192];
  for (size_t i = 0; i < sizeof lines; i += 8) memcpy(lines + i, "endless\n", 8);
  for (;;) put(1, lines, sizeof lines);
}

static void fork_keeper(void) {
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  say(child);
}

static void take(const char* step) {
  const char* text = step[0] && step[1] ? step + 2 : "";
  switch (step[0]) {
    case 'o': put(1, text, strlen(text)); break;
    case 'e': put(2, text, strlen(text)); break;
    case 's': put_each(text); break;
    case 'x': put_many(atol(text)); break;
    case 'b': put_all_bytes(); break;
    case 'l': answer_line(); break;
    case 'c': close(atoi(text)); break;
    case 't': say(isatty(0) * 100 + isatty(1) * 10 + isatty(2)); break;
    case 'a': announce(atol(text)); break;
    case 'p':
      for (;;) pause();
    case 'f': fork_keeper(); break;
    case 'y': put_lines_for_ever(); break;
    default: _exit(98);
  }
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) take(argv[i]);
  return 0;
}
