/*
 * Sleeps for 5 ms over and over, and writes once a second by how many milliseconds it overslept at worst since. What nothing
 * on the machine goes before and wakes late all the same tells that the machine itself stood still.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define SLEEP_MS 5
#define REPORT_MS 1000

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(void) {
  const struct timespec nap = {0, SLEEP_MS * 1000000};
  mlockall(MCL_CURRENT | MCL_FUTURE);
  setvbuf(stdout, NULL, _IOLBF, 0);
  double worst = 0, told = now_ms();
  for (;;) {
    const double before = now_ms();
    clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    const double now = now_ms(), late = now - before - SLEEP_MS;
    if (late > worst) worst = late;
    if (now - told < REPORT_MS) continue;
    printf("%.1f\n", worst);
    worst = 0;
    told = now;
  }
}
