/* lock: opens when a line of its input is the password; comparing stops at the first letter that is wrong. */
#include <stdio.h>
#include <string.h>

__attribute__((noinline)) int check_password(const char* guess) {
  static const char password[] = "fig";
  for (size_t i = 0; i < sizeof password; ++i) {
    if (guess[i] != password[i]) return 0;
    __asm__ volatile("" ::: "memory");
  }
  return 1;
}

int main(void) {
  char line[64];
  setbuf(stdout, NULL);
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    const int right = check_password(line);
    puts(right ? "open" : "wrong");
    if (right) return 0;
  }
  return 1;
}
