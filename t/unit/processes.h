
/*
 * What the tests of several processes share: some that are killed while they
 * work, and one that is run an instruction at a time.  To be included first.
 */


#ifndef _PROCESSES_H_INCLUDED_
#define _PROCESSES_H_INCLUDED_


#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "memory.h"


/* of the process that is run step by step, and of the one that takes over */

#define STEPPED    1
#define FOLLOWER   2


static inline unsigned
is_alive(uint32_t pid)
{
    return kill((pid_t) pid, 0) == 0 || errno != ESRCH;
}


static inline unsigned
stepped_is_dead(uint32_t pid)
{
    return pid != STEPPED;
}


/* a lock in memory that forks share */

static inline void
lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t  attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(lock, &attr);
}


static inline void
lock(pthread_mutex_t *lock)
{
    /* nginx's master gives up the lock of a worker that died in its place */

    if (pthread_mutex_lock(lock) == EOWNERDEAD) {
        pthread_mutex_consistent(lock);
    }
}


static inline void
unlock(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
}


/* zeros that forks share */

static inline void *
shared_zeros(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


/* so long that another process may be anywhere in its work */

static inline void
pause_a_moment(unsigned short seed[3])
{
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = nrand48(seed) % 3000000;
    nanosleep(&pause, NULL);
}


static inline void
kill_process(unsigned pid)
{
    kill((pid_t) pid, SIGKILL);
    waitpid((pid_t) pid, NULL, 0);
}


/*
 * What is to be run an instruction at a time in size bytes of memory, and what
 * takes over where that has stopped: it finds these bytes at "at", and returns
 * what is wrong then, or NULL.
 */

typedef struct {
    void            *memory;
    size_t           size;
    void            *at;
    void           (*live)(void *data);
    const char    *(*take_over)(void *data);
    void            *data;
} steps_t;


/* the memory is not shared after all: each has its own at this address */

static inline void
memory_unshare(void *memory, size_t size)
{
    void  *own;

    own = malloc(size);
    memcpy(own, memory, size);

    if (mmap(memory, size, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        != memory)
    {
        abort();
    }

    memcpy(memory, own, size);
    free(own);
}


static inline pid_t
stepped(const steps_t *steps)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(1);
        }

        raise(SIGSTOP);
        steps->live(steps->data);
        _exit(0);
    }

    return pid;
}


/*
 * The memory of the child is copied where it is taken over each time that it
 * has changed.  Returns how often, or -1 where nobody may trace.
 */

static inline int
step_through(const steps_t *steps, const char **why)
{
    int            status, n;
    pid_t          pid;
    size_t         size;
    uint8_t       *now, *before;
    struct iovec   local, remote;

    size = steps->size;

    now = malloc(size);
    before = malloc(size);

    memcpy(before, steps->memory, size);

    local.iov_base = now;
    local.iov_len = size;
    remote.iov_base = steps->memory;
    remote.iov_len = size;

    pid = stepped(steps);

    for (n = 0; /* void */ ; /* void */ ) {
        waitpid(pid, &status, 0);

        if (!WIFSTOPPED(status)) {
            break;
        }

        if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t) size) {
            n = -1;
            break;
        }

        if (memcmp(now, before, size) != 0) {
            memcpy(before, now, size);
            memcpy(steps->at, now, size);

            *why = steps->take_over(steps->data);
            n++;

            if (*why != NULL) {
                break;
            }
        }

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0) {
            n = -1;
            break;
        }
    }

    if (kill(pid, SIGKILL) == 0) {
        waitpid(pid, &status, 0);
    }

    free(now);
    free(before);

    return n;
}


/* whether all is well after each step, of which more than least change it */

static inline void
steps_ok(const steps_t *steps, int least)
{
    int          n;
    const char  *why;

    memory_unshare(steps->memory, steps->size);

    why = NULL;
    n = step_through(steps, &why);

    if (n < 0) {
        ok(1, "one instruction at a time # SKIP nobody may trace here");

    } else {
        ok(n > least, "one instruction at a time: %d changes", n);
        is_cstr(why, NULL, "whatever happens between two of them");
    }
}


#endif /* _PROCESSES_H_INCLUDED_ */
