
/*
 * What is counted, by a process that dies anywhere: it is run one instruction
 * at a time, and after each that has changed the shared memory another one
 * goes on with it, as if the first had died there.  No series is there twice,
 * and none is lost.
 *
 * Seen failing with the series entered in its chain before its names are
 * there, in jm_metrics_make(), and with a worker's pid stored first.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "jm_metrics.h"


#define SIZE      16384
#define STEPPED   1
#define FOLLOWER  2
#define NOW       1795000000


/* the memory that is shared; it is never given back */

typedef struct {
    jm_metrics_shared_t        *shared;
    size_t                      used;
    _Alignas(16) unsigned char  bytes[SIZE];
} memory_t;


typedef struct {
    const char      *client;
    const char      *model;
    jm_cause_e       result;
} counted_t;


static const counted_t  counted[] = {
    { "alice", "jimeng_t2i_v40", JM_CAUSE_NONE },
    { "bob", "jimeng_t2i_v40", JM_CAUSE_NONE },
    { "bob", "jimeng_t2i_v40", JM_CAUSE_BUSY },
    { "", "", JM_CAUSE_INVALID_KEY }
};


static void *
memory_alloc(void *ctx, size_t size)
{
    void      *p;
    memory_t  *m;

    m = ctx;
    size = (size + 15) & ~(size_t) 15;

    if (size > SIZE - m->used) {
        return NULL;
    }

    p = m->bytes + m->used;
    m->used += size;

    return p;
}


static unsigned
stepped_is_dead(uint32_t pid)
{
    return pid != STEPPED;
}


static void
process(jm_metrics_t *m, memory_t *memory, uint32_t pid)
{
    memset(m, 0, sizeof(jm_metrics_t));

    m->mem.alloc = memory_alloc;
    m->mem.ctx = memory;
    m->alive = stepped_is_dead;
    m->pid = pid;
    m->shared = memory->shared;
}


static void
live(jm_metrics_t *m)
{
    size_t  i;

    jm_metrics_join(m, m->pid, NOW);

    for (i = 0; i < jm_nitems(counted); i++) {
        jm_metrics_request(m, str(counted[i].client), str(counted[i].model),
                           counted[i].result);
        jm_metrics_observe(m, JM_HISTOGRAM_QUERY, 100);
    }

    jm_metrics_images(m, str("alice"), 1);
    jm_metrics_task(m, str("main"), JM_CAUSE_NONE);
}


/* what is to be there once, from 1 to 2 times counted */

static unsigned
is_once(const jm_sample_t *samples, size_t n, jm_series_e kind,
    const counted_t *c)
{
    size_t              i, found;
    jm_str_t            a, b;
    const jm_series_t  *s;

    found = 0;

    for (i = 0; i < n; i++) {
        s = samples[i].series;
        a = jm_series_name(s, 0);
        b = jm_series_name(s, 1);

        if (s->kind == kind && s->result == c->result
            && a.len == strlen(c->client) && b.len == strlen(c->model)
            && memcmp(a.data, c->client, a.len) == 0
            && memcmp(b.data, c->model, b.len) == 0
            && samples[i].value >= 1 && samples[i].value <= 2)
        {
            found++;
        }
    }

    return found == 1;
}


/* the follower counts the same, on a copy: NULL, or what is wrong then */

static const char *
take_over(memory_t *memory)
{
    size_t               i, n;
    jm_sample_t          samples[32];
    jm_metrics_t         m;
    const jm_series_t   *last;
    jm_metrics_worker_t  workers[4];

    static const counted_t  image = { "alice", "", JM_CAUSE_NONE };
    static const counted_t  task = { "main", "", JM_CAUSE_NONE };

    process(&m, memory, FOLLOWER);

    n = jm_metrics_workers(&m, workers, jm_nitems(workers));

    for (i = 0; i < n; i++) {
        if (workers[i].number != STEPPED || workers[i].started != NOW) {
            return "a worker that is half there";
        }
    }

    live(&m);

    last = NULL;
    n = jm_metrics_samples(&m, &last, samples, jm_nitems(samples));

    if (n != jm_nitems(counted) + 2) {
        return "not as many series as there are";
    }

    for (i = 0; i < jm_nitems(counted); i++) {
        if (!is_once(samples, n, JM_SERIES_REQUEST, &counted[i])) {
            return "a series of requests";
        }
    }

    if (!is_once(samples, n, JM_SERIES_IMAGES, &image)
        || !is_once(samples, n, JM_SERIES_TASK, &task))
    {
        return "a series of pictures, or of tasks";
    }

    n = jm_metrics_workers(&m, workers, jm_nitems(workers));

    return n == 1 && workers[0].pid == FOLLOWER ? NULL : "the workers";
}


/* returns how many changes there were, or -1 where nobody may trace */

static int
step_through(memory_t *memory, const char **why)
{
    int           n, status;
    pid_t         pid;
    memory_t     *before, *now;
    jm_metrics_t  m;
    struct iovec  local, remote;

    before = malloc(sizeof(memory_t));
    now = malloc(sizeof(memory_t));

    memcpy(before, memory, sizeof(memory_t));

    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(1);
        }

        process(&m, memory, STEPPED);
        raise(SIGSTOP);
        live(&m);
        _exit(0);
    }

    local.iov_base = now;
    local.iov_len = sizeof(memory_t);
    remote.iov_base = memory;
    remote.iov_len = sizeof(memory_t);

    for (n = 0; /* void */ ; /* void */ ) {
        waitpid(pid, &status, 0);

        if (!WIFSTOPPED(status)) {
            break;
        }

        if (process_vm_readv(pid, &local, 1, &remote, 1, 0)
            != (ssize_t) sizeof(memory_t))
        {
            n = -1;
            break;
        }

        if (memcmp(now, before, sizeof(memory_t)) != 0) {
            memcpy(before, now, sizeof(memory_t));
            memcpy(memory, now, sizeof(memory_t));

            n++;
            *why = take_over(memory);

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

    free(before);
    free(now);

    return n;
}


int
main(void)
{
    int            n;
    memory_t      *memory;
    const char    *why;
    jm_metrics_t   m;

    /* each process has its own at the same address */

    memory = mmap(NULL, sizeof(memory_t), PROT_READ|PROT_WRITE,
                  MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        abort();
    }

    process(&m, memory, FOLLOWER);
    is_int(jm_metrics_create(&m), JM_OK, "counters");
    memory->shared = m.shared;

    why = NULL;
    n = step_through(memory, &why);

    if (n < 0) {
        ok(1, "one instruction at a time # SKIP nobody may trace here");

    } else {
        ok(n > 50, "one instruction at a time: %d changes", n);
        is_cstr(why, NULL, "whatever happens between two of them");
    }

    return done_testing();
}
