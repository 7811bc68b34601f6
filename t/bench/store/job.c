
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "job.h"


#define NAME      24
#define SECOND    INT64_C(1000000000)
#define TICK      (SECOND / 1000)
#define NEWS      64
#define STUCK     120           /* s until all have ended, at most */


typedef enum {
    IDLE = 0,
    RATES,
    OPENS,
    PLACES,
    WAITS,
    SUBMITS,
    RUNS,
    ENDS
} state_e;


typedef struct {
    state_e              state;
    worker_t            *w;
    char                 name[NAME];
    jm_client_t          client;
    uint32_t             number;
    jm_ledger_claim_t    claim;
    jm_hold_t            hold;
    jm_place_t           place;
    int64_t              look;      /* when it is to look again */
    unsigned             looks;     /* it has looked before */
    char                 id[NAME];
    union {
        jm_op_rate_t     rate;
        jm_op_open_t     open;
        jm_op_submit_t   submit;
        jm_op_over_t     over;
    }                    op;
    jm_op_place_t        placed;
} job_t;


static void step(void *data);
static int64_t spread(const job_t *job, int64_t wait);
static void waits(job_t *job);
static void rates(job_t *job);
static void opens(job_t *job);
static void places(job_t *job);
static void submit_of(job_t *job);
static void submits(job_t *job);
static void sent(job_t *job);
static void over(job_t *job);
static void ended(job_t *job);
static void tick(worker_t *workers, unsigned nworkers, int64_t now);
static void wakes(worker_t *w, unsigned i, unsigned nworkers);


jm_redis_account_t  jobs_conf[JOBS_ACCOUNTS];
unsigned            jobs_look = 1;

static char         names[JOBS_ACCOUNTS][NAME];

static job_t       *jobs;
static unsigned     njobs;
static unsigned     busy;       /* that have a job */
static uint64_t     done;
static uint64_t     numbers;
static unsigned     stops;

/* those that run, a ring of njobs, and how many may come to their end yet */

static job_t      **running;
static size_t       first, nrunning;
static double       rate, may_end;
static int64_t      ticked;


void
jobs_accounts(unsigned slots, unsigned queue)
{
    unsigned  i;

    for (i = 0; i < JOBS_ACCOUNTS; i++) {
        snprintf(names[i], NAME, "account-%u", i);

        jobs_conf[i].name.data = (const uint8_t *) names[i];
        jobs_conf[i].name.len = strlen(names[i]);
        jobs_conf[i].conf.concurrency = slots;
        jobs_conf[i].conf.queue = queue;
        jobs_conf[i].conf.weight = 1;
    }
}


void
jobs_begin(worker_t *workers, unsigned nworkers, unsigned n)
{
    job_t     *job;
    unsigned   i;

    jobs = calloc(n, sizeof(job_t));
    running = calloc(n, sizeof(job_t *));

    if (jobs == NULL || running == NULL) {
        die("no memory");
    }

    njobs = n;
    first = 0;
    nrunning = 0;
    busy = 0;

    for (i = 0; i < n; i++) {
        job = &jobs[i];

        job->w = &workers[i % nworkers];
        job->number = i + 1;

        snprintf(job->name, NAME, "client-%u", i);

        job->client.name.data = (const uint8_t *) job->name;
        job->client.name.len = strlen(job->name);
        job->client.rate = 100000;
        job->client.rate_period = 60000;
        job->client.concurrency = 10;
        job->client.images = 1000000;
        job->client.images_period = JM_CLIENT_DAY;
    }
}


void
jobs_end(void)
{
    free(jobs);
    free(running);
}


uint64_t
jobs_done(void)
{
    return done;
}


unsigned
jobs_waiting(void)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < njobs; i++) {
        n += (jobs[i].state == WAITS
              || (jobs[i].state == PLACES && jobs[i].place.serial != 0));
    }

    return n;
}


unsigned
jobs_asking(void)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < njobs; i++) {
        n += (jobs[i].state != IDLE && jobs[i].state != RUNS);
    }

    return n - jobs_waiting();
}


void
jobs_run(worker_t *workers, unsigned nworkers, int seconds, double pace)
{
    job_t     *job;
    int64_t    now, till;
    unsigned   i;

    stops = 0;
    rate = pace;
    may_end = 0;
    ticked = nanoseconds();
    till = ticked + seconds * SECOND;

    for (i = 0; i < njobs; i++) {
        job = &jobs[i];

        if (job->state == IDLE) {
            busy++;
            rates(job);

        } else if (job->state == WAITS && job->look < ticked) {
            job->look = ticked + spread(job, SECOND);
        }
    }

    for (now = ticked; now < till; now = nanoseconds()) {
        tick(workers, nworkers, now);
        workers_run(workers, nworkers, 1);
    }
}


void
jobs_stop(worker_t *workers, unsigned nworkers)
{
    int64_t  till;

    stops = 1;
    rate = 0;
    till = nanoseconds() + STUCK * SECOND;

    while (busy != 0) {
        if (nanoseconds() > till) {
            die("jobs do not come to an end");
        }

        tick(workers, nworkers, nanoseconds());
        workers_run(workers, nworkers, 1);
    }
}


/* each millisecond: who is to look, and who comes to an end */

static void
tick(worker_t *workers, unsigned nworkers, int64_t now)
{
    job_t     *job;
    unsigned   i;

    for (i = 0; i < nworkers; i++) {
        wakes(&workers[i], i, nworkers);
    }

    if (now - ticked < TICK) {
        return;
    }

    may_end = jm_min(may_end + rate * (double) (now - ticked) / SECOND,
                     (double) njobs);
    ticked = now;

    while (nrunning != 0 && (rate == 0 || may_end >= 1)) {
        job = running[first];
        first = (first + 1) % njobs;
        nrunning--;
        may_end -= 1;

        over(job);
    }

    for (i = 0; i < njobs; i++) {
        if (jobs_look && jobs[i].state == WAITS && jobs[i].look <= now) {
            places(&jobs[i]);
        }
    }
}


/* what has happened to a worker's places */

static void
wakes(worker_t *w, unsigned i, unsigned nworkers)
{
    size_t     j, n;
    unsigned   all;
    uint32_t   alarms;
    uint64_t   serials[NEWS];

    do {
        n = w->b.news(&w->b, serials, NEWS, &alarms);
        all = (alarms != w->alarms);
        w->alarms = alarms;

        if (n == 0 && !all) {
            return;
        }

        for (unsigned k = i; k < njobs; k += nworkers) {

            if (jobs[k].state != WAITS) {
                continue;
            }

            for (j = 0; j < n && jobs[k].place.serial != serials[j]; j++) {
                /* void */
            }

            if (all || j < n) {
                places(&jobs[k]);
            }
        }

    } while (n == NEWS);
}


static void
step(void *data)
{
    job_t *job = data;

    switch (job->state) {

    case RATES:
        if (job->op.rate.away || job->op.rate.rc != JM_OK) {
            die("a client has reached its rate");
        }

        opens(job);
        return;

    case OPENS:
        if (job->op.open.away || job->op.open.found != JM_LEDGER_NEW
            || job->op.open.over != JM_QUOTA_OK)
        {
            die("a request is not let in");
        }

        memset(&job->place, 0, sizeof(jm_place_t));
        job->looks = 0;
        places(job);
        return;

    case PLACES:
        if (job->placed.away) {
            die("a place has no answer");
        }

        if (job->placed.rc == JM_QUEUE_WAIT) {
            waits(job);
            return;
        }

        if (job->placed.rc != JM_QUEUE_GRANTED) {
            die("a place is not granted");
        }

        submits(job);
        return;

    case SUBMITS:
        if (job->op.submit.away || job->op.submit.rc != JM_OK) {
            die("a task may not be submitted");
        }

        sent(job);
        return;

    default: /* ENDS */
        if (job->op.over.away || !job->op.over.first) {
            die("the end of a task was seen by another one");
        }

        ended(job);
    }
}


/* as if not all had come at once: the first looks are at any time */

static int64_t
spread(const job_t *job, int64_t wait)
{
    return wait * (job->number % 1000) / 1000;
}


static void
waits(job_t *job)
{
    int64_t  wait;

    wait = (int64_t) job->placed.wait * (SECOND / 1000);

    if (!job->looks) {
        job->looks = 1;
        wait = spread(job, wait);
    }

    job->state = WAITS;
    job->look = nanoseconds() + wait;
}


static void
rates(job_t *job)
{
    jm_op_rate_t  *op = &job->op.rate;

    job->state = RATES;

    memset(op, 0, sizeof(jm_op_rate_t));

    op->done.handler = step;
    op->done.data = job;
    op->client = &job->client;

    job->w->b.rate(&job->w->b, op);
}


static void
opens(job_t *job)
{
    size_t         i;
    uint64_t       n;
    jm_op_open_t  *op = &job->op.open;

    job->state = OPENS;

    memset(op, 0, sizeof(jm_op_open_t));
    memset(&job->claim, 0, sizeof(jm_ledger_claim_t));
    memset(&job->hold, 0, sizeof(jm_hold_t));

    op->done.handler = step;
    op->done.data = job;
    op->claim = &job->claim;
    op->client = &job->client;
    op->hold = &job->hold;
    op->most.images = 1;
    op->most.cost = 200000;
    op->most.model = UINT64_C(0x1234567890abcdef);

    /* digests, as far as anybody can see */

    n = ++numbers;

    for (i = 0; i < JM_LEDGER_KEY; i++) {
        n = n * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);

        op->request.key[i] = (uint8_t) (n >> 56);
        op->request.fingerprint[i] = (uint8_t) (n >> 48);
    }

    memcpy(op->request.key, &numbers, sizeof(uint64_t));

    op->request.n = 1;
    op->request.who = job->number;
    op->request.keep = 3600000;
    op->request.unmarked = 600000;

    job->w->b.open(&job->w->b, op);
}


/* it gets a place, or looks at the one that it has */

static void
places(job_t *job)
{
    size_t               i;
    jm_op_place_t       *op = &job->placed;
    jm_queue_request_t  *request = &op->request;

    static const char  req_key[] = "jimeng_t2i_v40";

    job->state = PLACES;

    memset(op, 0, sizeof(jm_op_place_t));

    op->done.handler = step;
    op->done.data = job;
    op->client = &job->client;
    op->place = &job->place;
    op->account = JM_LEDGER_ANY;

    for (i = 0; i < JOBS_ACCOUNTS; i++) {
        request->accounts[i] = (uint8_t) ((job->number + i) % JOBS_ACCOUNTS);
    }

    request->naccounts = JOBS_ACCOUNTS;

    /* as a digest of the client's name is: bytes of any value */

    for (i = 0; i < JM_QUEUE_CLIENT; i++) {
        request->client[i] = (uint8_t) ((job->number * 2654435761u + i * 97)
                                        >> (i % 4 * 8));
    }

    request->req_key.data = (const uint8_t *) req_key;
    request->req_key.len = sizeof(req_key) - 1;
    request->model = UINT64_C(0x1234567890abcdef);
    request->patience = 86400000;
    request->entry = job->claim.serial;
    request->price = 200000;
    request->pictures = 1;

    submit_of(job);
    op->submit = &job->op.submit;

    job->w->b.place(&job->w->b, op);
}


/* made with the call by which a place is granted, where that can be */

static void
submit_of(job_t *job)
{
    jm_op_submit_t  *op = &job->op.submit;

    memset(op, 0, sizeof(jm_op_submit_t));

    op->done.handler = step;
    op->done.data = job;
    op->claim = &job->claim;
    op->account = job->place.account;
    op->client = &job->client;
    op->hold = &job->hold;
}


static void
submits(job_t *job)
{
    job->state = SUBMITS;

    if (job->placed.submitted) {
        step(job);
        return;
    }

    submit_of(job);

    job->w->b.submit(&job->w->b, &job->op.submit);
}


static void
sent(job_t *job)
{
    jm_str_t  id;

    snprintf(job->id, NAME, "7392616%012llu", (unsigned long long) numbers++);

    id.data = (const uint8_t *) job->id;
    id.len = strlen(job->id);

    job->w->b.sent(&job->w->b, &job->claim, 0, &job->place, JM_SENT_TAKEN, id);

    job->state = RUNS;
    running[(first + nrunning++) % njobs] = job;
}


static void
over(job_t *job)
{
    jm_op_over_t  *op = &job->op.over;

    job->state = ENDS;

    memset(op, 0, sizeof(jm_op_over_t));

    op->done.handler = step;
    op->done.data = job;
    op->claim = &job->claim;
    op->account = job->place.account;
    op->place = &job->place;
    op->how = JM_LEAVE_OVER;
    op->hold = &job->hold;
    op->release = 1;
    op->client = &job->client;
    op->bill.images = 1;
    op->bill.cost = 200000;
    op->bill.model = UINT64_C(0x1234567890abcdef);
    op->price = 200000;
    op->entry = job->claim.serial;

    job->w->b.over(&job->w->b, op);
}


static void
ended(job_t *job)
{
    jm_backend_t  *b = &job->w->b;

    b->ended(b, &job->claim, JM_CLAIM_OVER, NULL);

    if (job->op.over.billed) {
        b->billed(b, job->op.over.entry, 0);
    }

    b->release(b, &job->hold);

    done++;
    job->state = IDLE;

    if (stops) {
        busy--;

    } else {
        rates(job);
    }
}
