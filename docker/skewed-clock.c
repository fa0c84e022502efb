/*
 * A clock that lies, for the one process that it is loaded into (LD_PRELOAD).
 * What it adds is in a small file that the harness writes and this maps, so it
 * changes while the process runs, and costs nothing to read.
 *
 * Reaches programs that ask the C library for the time (Node, Java, C). For
 * those in Go, which ask the kernel themselves, docker/lend-clock.c takes the
 * same functions into their process. Timers wait as long as the kernel waits: a
 * clock that jumps makes those that are due fire at their next turn.
 *
 * Compiled without headers, since the image has none.
 */
typedef long long i64;
struct timespec { long tv_sec; long tv_nsec; };
struct timeval { long tv_sec; long tv_usec; };

#define REALTIME 0
#define MONOTONIC 1
#define BILLION 1000000000ll

/*
 * As harness/environments/docker/member-clocks.ts writes it: words of 64 bits in
 * the machine's order. The slot that is not in force is written, then put in
 * force with one word, so no reader sees half of anything.
 *
 * The monotonic clock never goes back, whatever is put in force when: it leads
 * by `monotonic_ns`, and gains or loses only between two times that are still to come when they are written.
 */
struct slot {
  /* Whether anything is added to the wall clock. */
  volatile i64 wall;
  volatile i64 offset_ns;
  /* By the real monotonic clock; between them clocks gain so many billionths. */
  volatile i64 since_ns;
  volatile i64 until_ns;
  volatile i64 wall_ppb;
  volatile i64 monotonic_ppb;
  volatile i64 monotonic_ns;
  /* Added to the wall clock in every second period, from `since_ns` on. */
  volatile i64 strobe_ns;
  volatile i64 period_ns;
};
struct state {
  volatile i64 in_force;
  struct slot slots[2];
};

#ifdef WITHOUT_LIBRARY

/* No data of its own and no call to anybody: these functions are copied into another process, where the file is mapped here. */
#define STATE_ADDRESS 0x5c10c0000000ul
#define current ((struct state *)STATE_ADDRESS)
#define prepare_once()
static int real_clock_gettime(int clock, struct timespec *time) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(228l), "D"((long)clock), "S"(time) : "rcx", "r11", "memory");
  return (int)result;
}

#else

extern void *dlsym(void *, const char *);
extern int open(const char *, int, ...);
extern int close(int);
extern void *mmap(void *, unsigned long, int, int, int, long);
extern char *getenv(const char *);
#define RTLD_NEXT ((void *)-1l)

static struct state *current;
static int (*real_clock_gettime)(int, struct timespec *);
static int ready;

static void prepare(void) {
  const char *path = getenv("SPLITBRAIN_CLOCK");
  real_clock_gettime = (int (*)(int, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  if (path) {
    int file = open(path, 0);
    if (file >= 0) {
      void *mapped = mmap(0, sizeof(struct state), 1, 1, file, 0);
      if (mapped != (void *)-1l) current = mapped;
      close(file);
    }
  }
  ready = 1;
}

#define prepare_once() if (!ready) prepare()

#endif

static i64 gained(struct slot *slot, i64 ppb, i64 now) {
  i64 passed = (now > slot->until_ns ? slot->until_ns : now) - slot->since_ns;
  if (passed <= 0) return 0;
  /* In two parts, so that no product overflows within years. */
  return passed / BILLION * ppb + passed % BILLION * ppb / BILLION;
}

static i64 added(int clock) {
  struct slot *slot = &current->slots[current->in_force & 1];
  struct timespec time;
  i64 now, sum;
  real_clock_gettime(MONOTONIC, &time);
  now = (i64)time.tv_sec * BILLION + time.tv_nsec;
  if (clock == MONOTONIC) return slot->monotonic_ns + gained(slot, slot->monotonic_ppb, now);
  if (!slot->wall) return 0;
  sum = slot->offset_ns + gained(slot, slot->wall_ppb, now);
  if (slot->period_ns > 0 && now >= slot->since_ns && (now - slot->since_ns) / slot->period_ns % 2 == 0) sum += slot->strobe_ns;
  return sum;
}

static int lying_clock_gettime(int clock, struct timespec *time) {
  int result, like;
  prepare_once();
  result = real_clock_gettime(clock, time);
  /* 5 and 6 are the coarse ones of 0 and 1; 4 is the raw one, 7 the one that counts sleep. */
  like = clock == REALTIME || clock == 5 ? REALTIME : clock == MONOTONIC || clock == 4 || clock == 6 || clock == 7 ? MONOTONIC : -1;
  if (result == 0 && current && like >= 0) {
    i64 sum = (i64)time->tv_sec * BILLION + time->tv_nsec + added(like);
    time->tv_sec = sum / BILLION;
    time->tv_nsec = sum % BILLION;
    if (time->tv_nsec < 0) { time->tv_nsec += BILLION; time->tv_sec -= 1; }
  }
  return result;
}

static int lying_gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  lying_clock_gettime(REALTIME, &now);
  if (time) { time->tv_sec = now.tv_sec; time->tv_usec = now.tv_nsec / 1000; }
  return 0;
}

static long lying_time(long *result) {
  struct timespec now;
  lying_clock_gettime(REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

#ifndef WITHOUT_LIBRARY
int clock_gettime(int clock, struct timespec *time) { return lying_clock_gettime(clock, time); }
int gettimeofday(struct timeval *time, void *zone) { return lying_gettimeofday(time, zone); }
long time(long *result) { return lying_time(result); }
#endif
