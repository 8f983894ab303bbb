// Sleeps for ever, for whoever attaches to it.
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  // Also for those that are neither root nor its parent, where Yama asks for that.
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  prctl(PR_SET_PDEATHSIG, 9);
  for (;;) pause();
}
