/* keeper: reads its input over a secret, which it never prints. */
#include <unistd.h>

static char secret[] = "the cake is in the cellar\n";

int main(void) { return read(0, secret, sizeof secret - 1) < 0; }
