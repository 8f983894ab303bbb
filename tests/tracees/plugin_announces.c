/* Announces when its constructor and its destructor run. */
#include "tracee.h"

__attribute__((constructor)) static void begin(void) { announce(100); }
__attribute__((destructor)) static void end(void) { announce(101); }
