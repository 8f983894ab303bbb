/* secret [FD]: reads from a descriptor (its input) over a secret, which is never printed. */
#include "tracee.h"

char secret[] = "the secret of the tracee\n";

int main(int argc, char** argv) { return read(argc > 1 ? atoi(argv[1]) : 0, secret, sizeof secret - 1) < 0; }
