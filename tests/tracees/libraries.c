/* Loads plugins by dlopen, dlclose and dlmopen, with an announcement at each point; each constructor announces too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>

#include "tracee.h"

static char path[PATH_MAX];

static void* open_plugin(const char* name) {
  const char* slash = strrchr(path, '/');
  char file[PATH_MAX + 64];
  snprintf(file, sizeof file, "%.*s/%s", (int)(slash - path), path, name);
  void* handle = dlopen(file, RTLD_NOW);
  if (handle == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    _exit(90);
  }
  return handle;
}

static void* load_often(void* name) {
  for (int i = 0; i < 50; ++i) dlclose(open_plugin(name));
  return NULL;
}

int main(int argc, char** argv) {
  if (readlink("/proc/self/exe", path, sizeof path - 1) == -1) return 91;
  if (argc > 1 && strcmp(argv[1], "exec") == 0) execl(path, path, (char*)NULL);
  if (argc > 1 && strcmp(argv[1], "missing") == 0) return dlopen("/nowhere/plugin.so", RTLD_NOW) == NULL ? 0 : 92;
  if (argc > 1 && strcmp(argv[1], "threads") == 0) {
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, load_often, "plugin.so");
    pthread_create(&threads[1], NULL, load_often, "plugin_announces.so");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
  }
  if (argc > 1 && strcmp(argv[1], "namespace") == 0) {
    char file[PATH_MAX + 64];
    snprintf(file, sizeof file, "%.*s/plugin_announces.so", (int)(strrchr(path, '/') - path), path);
    void* other = dlmopen(LM_ID_NEWLM, file, RTLD_NOW);
    if (other == NULL) return 93;
    announce(2);
    dlclose(other);
    return 0;
  }
  char byte;
  if (argc > 1 && strcmp(argv[1], "wait") == 0 && (write(1, "ready\n", 6) != 6 || read(0, &byte, 1) != 1)) return 94;
  announce(1);
  void* handle = open_plugin("plugin_announces.so");
  announce(2);
  dlclose(handle);
  announce(3);
  return 0;
}
