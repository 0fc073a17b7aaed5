/* Preloaded into every process of the stack under test: a wall clock that can be stepped, a disk that can be slow.
   The file named by CHAOS_CONTROL holds two 64-bit numbers: seconds to add to the wall clock, and milliseconds
   that every flush to disk takes longer. Monotonic clocks stay as they are, as on a machine whose clock is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t nothing[2];
static volatile int64_t *control = nothing;
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_gettimeofday)(struct timeval *, void *);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_msync)(void *, size_t, int);
static int (*real_cond)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_sem)(sem_t *, const struct timespec *);

static void find(void) {
    if (real_sem) return;
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_gettimeofday = dlsym(RTLD_NEXT, "gettimeofday");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_msync = dlsym(RTLD_NEXT, "msync");
    real_cond = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real_cond) real_cond = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    real_sem = dlsym(RTLD_NEXT, "sem_timedwait");
}

__attribute__((constructor)) static void begin(void) {
    find();
    const char *path = getenv("CHAOS_CONTROL");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *found = mmap(NULL, 16, PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) control = found;
    close(file);
}

int clock_gettime(clockid_t id, struct timespec *t) {
    find();
    int code = real_clock_gettime(id, t);
    if (!code && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += control[0];
    return code;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    find();
    int code = real_gettimeofday(t, zone);
    if (!code && t) t->tv_sec += control[0];
    return code;
}

time_t time(time_t *t) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t) *t = now.tv_sec;
    return now.tv_sec;
}

/* A deadline on the stepped wall clock, as the kernel counts. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
    find();
    struct timespec at = *until;
    if (!(cond->__data.__wrefs & 2)) at.tv_sec -= control[0];
    return real_cond(cond, mutex, &at);
}

int sem_timedwait(sem_t *sem, const struct timespec *until) {
    find();
    struct timespec at = *until;
    at.tv_sec -= control[0];
    return real_sem(sem, &at);
}

static void wait_for_disk(void) {
    if (control[1] > 0) usleep((useconds_t)control[1] * 1000);
}

int fsync(int file) { find(); wait_for_disk(); return real_fsync(file); }
int fdatasync(int file) { find(); wait_for_disk(); return real_fdatasync(file); }
int msync(void *at, size_t size, int flags) { find(); wait_for_disk(); return real_msync(at, size, flags); }
