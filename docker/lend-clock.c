/*
 * Lends the clock of docker/skewed-clock.c to a program that asks the kernel for
 * the time, as every program in Go does: its functions take the place of the
 * kernel's own (the vDSO) in that one process. Nothing else is changed, on disk
 * or in any other process.
 *
 *   lend-clock STATE_FILE GATE   the file and a FIFO, as process 1 sees them
 *
 * Runs beside a member (in its process namespace, with CAP_SYS_PTRACE) whose
 * first process waits at the GATE and then executes the program. This follows
 * it to its first instruction, so that it never sees another clock:
 *
 *   seize 1, open the gate ─► stops in execve ─► copy functions to the end of the vDSO's last page, and
 *   let its entries jump there ─► the process itself maps STATE_FILE ─► let go
 *
 * x86-64 only. Needs no library and no header.
 */
typedef unsigned char byte;
typedef unsigned long word;

#define SYS_READ 0
#define SYS_WRITE 1
#define SYS_OPEN 2
#define SYS_CLOSE 3
#define SYS_LSEEK 8
#define SYS_MMAP 9
#define SYS_NANOSLEEP 35
#define SYS_EXIT 60
#define SYS_WAIT4 61
#define SYS_PTRACE 101

#define PTRACE_CONT 7
#define PTRACE_GETREGS 12
#define PTRACE_SETREGS 13
#define PTRACE_SYSCALL 24
#define PTRACE_DETACH 17
#define PTRACE_SEIZE 0x4206
#define O_TRACESYSGOOD 1
#define O_TRACEEXEC 16
#define STOPPED_IN_EXEC (5 | 4 << 8)
#define STOPPED_BY_TRAP 5
#define STOPPED_AFTER_CALL (5 | 0x80)

/* A system call, of as many arguments as there are. */
extern long kernel(long number, long a, long b, long c, long d, long e, long f);
__asm__("kernel:\n mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n mov %r8, %r10\n mov %r9, %r8\n mov 8(%rsp), %r9\n syscall\n ret\n");

static void copied_from_here(void) {}

#define WITHOUT_LIBRARY
#include "skewed-clock.c"

static void copied_to_here(void) {}

/* As the kernel has it; only what is used has a name. */
struct registers { word r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, others[10]; };

#define PAGE 4096
#define IMAGE_MAX (4 * PAGE)
static byte image[IMAGE_MAX];
static char text[65536];
static int memory;

static word length(const char *string) { word n = 0; while (string[n]) n++; return n; }
static int same(const char *one, const char *other) {
  while (*one && *one == *other) { one++; other++; }
  return *one == *other;
}

static void fail(const char *why, long code) {
  char number[24];
  int at = 23;
  word left = code < 0 ? -code : code;
  number[at] = '\n';
  do { number[--at] = '0' + left % 10; left /= 10; } while (left);
  kernel(SYS_WRITE, 2, (long)why, length(why), 0, 0, 0);
  kernel(SYS_WRITE, 2, (long)": ", 2, 0, 0, 0);
  kernel(SYS_WRITE, 2, (long)(number + at), 24 - at, 0, 0, 0);
  kernel(SYS_EXIT, 1, 0, 0, 0, 0, 0);
}

static long must(long result, const char *what) {
  if (result < 0 && result > -4096) fail(what, result);
  return result;
}

static long trace(long request, void *data, const char *what) {
  return must(kernel(SYS_PTRACE, request, 1, 0, (long)data, 0, 0), what);
}

/* Waits for a stop of process 1; other stops before it are passed over. */
static void until(int wanted, long onward, const char *what) {
  int status, tries;
  for (tries = 0; tries < 1000; tries++) {
    must(kernel(SYS_WAIT4, 1, (long)&status, 0x40000000, 0, 0, 0), what);
    if ((status & 0x7f) == 0 || (status & 0xff) != 0x7f) fail("the process ended while its clock was changed", status);
    if (status >> 8 == wanted) return;
    /* A signal is handed on; a stop without one has a number above. */
    kernel(SYS_PTRACE, onward, 1, 0, status >> 16 ? 0 : status >> 8 & 0x7f, 0, 0);
  }
  fail(what, status);
}

static void access_memory(long number, word address, const void *bytes, word count, const char *what) {
  must(kernel(SYS_LSEEK, memory, address, 0, 0, 0, 0), what);
  if (kernel(number, memory, (long)bytes, count, 0, 0, 0) != (long)count) fail(what, count);
}

/* Where the kernel has put the vDSO into the process. */
static word find_vdso(word *size) {
  int file = (int)must(kernel(SYS_OPEN, (long)"/proc/1/maps", 0, 0, 0, 0, 0), "its maps cannot be read");
  word used = 0, begin = 0, end = 0;
  long count;
  char *at, *line = text;
  while ((count = must(kernel(SYS_READ, file, (long)(text + used), sizeof text - 1 - used, 0, 0, 0), "maps")) > 0) used += count;
  text[used] = 0;
  for (at = text; *at; at++) {
    if (*at == '\n') { line = at + 1; continue; }
    if (at[0] == '[' && at[1] == 'v' && at[2] == 'd' && at[3] == 's' && at[4] == 'o' && at[5] == ']') {
      word *into = &begin;
      for (; *line != ' '; line++) {
        if (*line == '-') into = &end;
        else *into = *into * 16 + (*line <= '9' ? *line - '0' : *line - 'a' + 10);
      }
      break;
    }
  }
  kernel(SYS_CLOSE, file, 0, 0, 0, 0, 0);
  *size = end - begin;
  if (begin == 0 || *size > IMAGE_MAX) fail("it has no vDSO of a size that is known", *size);
  return begin;
}

/* Of an ELF image in memory: offsets of a symbol's code, or 0. */
static word find_symbol(const char *name) {
  word headers = *(word *)(image + 32), strings = 0, symbols = 0, at, i;
  int count = *(unsigned short *)(image + 56), entry = *(unsigned short *)(image + 54);
  word dynamic = 0, symbol_count = 0;
  for (i = 0; i < (word)count; i++) {
    byte *header = image + headers + i * entry;
    if (*(int *)header == 2) dynamic = *(word *)(header + 16);
  }
  for (at = dynamic & (IMAGE_MAX - 1); *(word *)(image + at) != 0; at += 16) {
    word tag = *(word *)(image + at), value = *(word *)(image + at + 8) & (IMAGE_MAX - 1);
    if (tag == 5) strings = value;
    if (tag == 6) symbols = value;
    /* Of the old hash table the second number is how many symbols there are. */
    if (tag == 4) symbol_count = *(unsigned *)(image + value + 4);
  }
  /* Else the strings follow the symbols. */
  if (symbol_count == 0 && strings > symbols) symbol_count = (strings - symbols) / 24;
  for (i = 0; i < symbol_count; i++) {
    byte *symbol = image + symbols + i * 24;
    if (same((char *)image + strings + *(unsigned *)symbol, name)) return *(word *)(symbol + 8) & (IMAGE_MAX - 1);
  }
  return 0;
}

/* The process makes a system call of its own, at an address where there is `syscall; int3`. */
static long injected(word address, long number, word a, word b, word c, word d, word e, word f, const char *what) {
  struct registers regs;
  trace(PTRACE_GETREGS, &regs, what);
  regs.rax = number; regs.rdi = a; regs.rsi = b; regs.rdx = c; regs.r10 = d; regs.r8 = e; regs.r9 = f;
  regs.rip = address;
  regs.orig_rax = -1ul;
  trace(PTRACE_SETREGS, &regs, what);
  trace(PTRACE_CONT, 0, what);
  until(STOPPED_BY_TRAP, PTRACE_CONT, what);
  trace(PTRACE_GETREGS, &regs, what);
  return must(regs.rax, what);
}

static void jump_from(word vdso, word entry, word target) {
  byte jump[5];
  int distance = (int)(target - (entry + 5));
  if (entry == 0) return;
  jump[0] = 0xe9;
  *(int *)(jump + 1) = distance;
  access_memory(SYS_WRITE, vdso + entry, jump, 5, "its vDSO cannot be written");
}

static void open_gate(const char *path) {
  static char own[256] = "/proc/1/root";
  word i, n = 12;
  long file = -1, pause[2];
  pause[0] = 0;
  pause[1] = 20000000;
  for (i = 0; path[i] && n < 255; i++) own[n++] = path[i];
  own[n] = 0;
  /* Not to be waited for without an end: nobody may ever read. */
  for (i = 0; i < 500 && file < 0; i++) {
    file = kernel(SYS_OPEN, (long)own, 1 | 04000, 0, 0, 0, 0);
    if (file < 0) kernel(SYS_NANOSLEEP, (long)pause, 0, 0, 0, 0, 0);
  }
  must(file, "nobody waits at the gate");
  must(kernel(SYS_WRITE, file, (long)"\n", 1, 0, 0, 0), "the gate");
}

static void lend(const char *state_file, const char *gate) {
  static const byte call_and_trap[] = { 0x0f, 0x05, 0xcc };
  struct registers regs;
  word vdso, size, at, code, i, path;
  word begin = (word)copied_from_here, code_size = (word)copied_to_here - begin;
  byte written[5];

  must(kernel(SYS_PTRACE, PTRACE_SEIZE, 1, 0, O_TRACESYSGOOD | O_TRACEEXEC, 0, 0), "the process cannot be traced (CAP_SYS_PTRACE)");
  open_gate(gate);
  until(STOPPED_IN_EXEC, PTRACE_CONT, "waiting for the program");
  /* To the end of execve: until then the kernel still writes its result into a register. */
  trace(PTRACE_SYSCALL, 0, "to the end of execve");
  until(STOPPED_AFTER_CALL, PTRACE_SYSCALL, "to the end of execve");

  memory = (int)must(kernel(SYS_OPEN, (long)"/proc/1/mem", 2, 0, 0, 0, 0), "its memory cannot be opened");
  vdso = find_vdso(&size);
  access_memory(SYS_READ, vdso, image, size, "its vDSO cannot be read");
  for (at = size; at > 0 && image[at - 1] == 0; at--);
  code = at + 63 & ~63ul;
  path = code + code_size + sizeof call_and_trap;
  if (path + length(state_file) + 1 > size) fail("its vDSO has no room left", size - at);
  access_memory(SYS_WRITE, vdso + code, (void *)begin, code_size, "its vDSO cannot be written");
  access_memory(SYS_WRITE, vdso + code + code_size, call_and_trap, sizeof call_and_trap, "its vDSO cannot be written");
  access_memory(SYS_WRITE, vdso + path, state_file, length(state_file) + 1, "its vDSO cannot be written");

  trace(PTRACE_GETREGS, &regs, "its registers cannot be read");
  at = vdso + code + code_size;
  i = injected(at, SYS_OPEN, vdso + path, 0, 0, 0, 0, 0, "it cannot open the clock's file");
  /* Shared, read only, at this very address or not at all. */
  if (injected(at, SYS_MMAP, STATE_ADDRESS, sizeof(struct state), 1, 1 | 0x100000, i, 0, "it cannot map the clock's file") != (long)STATE_ADDRESS) fail("the clock's address is taken", 0);
  injected(at, SYS_CLOSE, i, 0, 0, 0, 0, 0, "it cannot close the clock's file");

  i = find_symbol("__vdso_clock_gettime");
  if (i == 0) fail("its vDSO has no clock_gettime", 0);
  jump_from(vdso, i, code + (word)lying_clock_gettime - begin);
  jump_from(vdso, find_symbol("__vdso_gettimeofday"), code + (word)lying_gettimeofday - begin);
  jump_from(vdso, find_symbol("__vdso_time"), code + (word)lying_time - begin);
  access_memory(SYS_READ, vdso + i, written, 5, "its vDSO cannot be read");
  if (written[0] != 0xe9) fail("its vDSO is as before", written[0]);

  trace(PTRACE_SETREGS, &regs, "its registers cannot be set");
  trace(PTRACE_DETACH, 0, "it cannot be let go");
}

void begin_here(word *stack) {
  if (stack[0] != 3) fail("usage: lend-clock STATE_FILE GATE", stack[0]);
  lend((const char *)stack[2], (const char *)stack[3]);
  kernel(SYS_WRITE, 1, (long)"lent\n", 5, 0, 0, 0);
  kernel(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call begin_here\n");
