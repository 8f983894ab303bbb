/* workers: three threads that call getppid 10, 20 and 30 times. */
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

static void* work(void* count) {
  for (intptr_t i = (intptr_t)count; i > 0; --i) getppid();
  return NULL;
}

int main(void) {
  pthread_t threads[3];
  for (intptr_t i = 0; i < 3; ++i) pthread_create(&threads[i], NULL, work, (void*)((i + 1) * 10));
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], NULL);
}
