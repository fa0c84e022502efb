/*
 * A clock that lies, for the one process that it is loaded into (LD_PRELOAD).
 * What it adds is in a small file that the harness writes and this maps, so it
 * changes while the process runs, and costs nothing to read.
 *
 * Reaches programs that ask the C library for the time (Node, Java, C); those
 * in Go ask the kernel themselves. Timers wait as long as the kernel waits: a
 * clock that jumps makes those that are due fire at their next turn.
 *
 * Compiled without headers, since the image has none.
 */
typedef long long i64;
struct timespec { long tv_sec; long tv_nsec; };
struct timeval { long tv_sec; long tv_usec; };

extern void *dlsym(void *, const char *);
extern int open(const char *, int, ...);
extern int close(int);
extern void *mmap(void *, unsigned long, int, int, int, long);
extern char *getenv(const char *);
#define RTLD_NEXT ((void *)-1l)
#define REALTIME 0
#define MONOTONIC 1
#define BILLION 1000000000ll

/* As harness/environments/docker/member-clocks.ts writes it: words of 64 bits in the machine's order. */
struct state {
  /* 0: nothing is added. Bit 1: to the wall clock. Bit 2: to the monotonic clock. */
  volatile i64 clocks;
  volatile i64 offset_ns;
  /* Since the real monotonic clock said so much, `rate_ppb` billionths are added. */
  volatile i64 since_ns;
  volatile i64 rate_ppb;
  /* Added in every second period, counted from `since_ns`. */
  volatile i64 strobe_ns;
  volatile i64 period_ns;
};

static struct state *state;
static int (*real_clock_gettime)(int, struct timespec *);
static int ready;

static void prepare(void) {
  const char *path = getenv("SPLITBRAIN_CLOCK");
  real_clock_gettime = (int (*)(int, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  if (path) {
    int file = open(path, 0);
    if (file >= 0) {
      void *mapped = mmap(0, sizeof(struct state), 1, 1, file, 0);
      if (mapped != (void *)-1l) state = mapped;
      close(file);
    }
  }
  ready = 1;
}

static i64 added(void) {
  struct timespec now;
  i64 passed, sum = state->offset_ns;
  real_clock_gettime(MONOTONIC, &now);
  passed = (i64)now.tv_sec * BILLION + now.tv_nsec - state->since_ns;
  /* In two parts, so that no product overflows within years. */
  sum += passed / BILLION * state->rate_ppb + passed % BILLION * state->rate_ppb / BILLION;
  if (state->period_ns > 0 && passed / state->period_ns % 2 == 0) sum += state->strobe_ns;
  return sum;
}

int clock_gettime(int clock, struct timespec *time) {
  int result, bit;
  if (!ready) prepare();
  result = real_clock_gettime(clock, time);
  /* 5 and 6 are the coarse ones of 0 and 1; 7 is the monotonic one that counts sleep; 4 the raw one. */
  bit = clock == REALTIME || clock == 5 ? 1 : clock == MONOTONIC || clock == 4 || clock == 6 || clock == 7 ? 2 : 0;
  if (result == 0 && state && (state->clocks & bit)) {
    i64 sum = (i64)time->tv_sec * BILLION + time->tv_nsec + added();
    time->tv_sec = sum / BILLION;
    time->tv_nsec = sum % BILLION;
    if (time->tv_nsec < 0) { time->tv_nsec += BILLION; time->tv_sec -= 1; }
  }
  return result;
}

int gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(REALTIME, &now);
  if (time) { time->tv_sec = now.tv_sec; time->tv_usec = now.tv_nsec / 1000; }
  return 0;
}

long time(long *result) {
  struct timespec now;
  clock_gettime(REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
