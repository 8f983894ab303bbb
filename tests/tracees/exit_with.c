/* exit_with N: exits with status N. */
#include "tracee.h"

int main(int argc, char** argv) { return argc > 1 ? atoi(argv[1]) : 0; }
