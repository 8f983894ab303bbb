/* What `hits plugin` loads. */
long plugin_function(long x);
long plugin_function(long x) {
  __asm__ volatile("" ::: "memory");
  return x + 7;
}
