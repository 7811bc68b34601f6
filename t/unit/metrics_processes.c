
/*
 * What is counted, by a process that dies anywhere: it is run one instruction
 * at a time, and after each that has changed the shared memory another one
 * goes on with it, as if the first had died there.  No series and no group is
 * there twice, and none is lost.
 *
 * Seen failing with the series entered in its chain before its names are
 * there, in jm_metrics_make(), with a group, in jm_group_make(), and with a
 * worker's pid stored first.
 */


#include "processes.h"
#include "jm_metrics_tally.h"


#define SIZE  16384
#define NOW   1795000000
#define NONE  str("")


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


static void
count(jm_metrics_t *m)
{
    size_t  i;

    jm_metrics_join(m, m->pid, NOW);

    for (i = 0; i < jm_nitems(counted); i++) {
        jm_metrics_request(m, str(counted[i].client), str(counted[i].model),
                           counted[i].result);
        jm_metrics_observe(m, JM_HISTOGRAM_QUERY, str("v40"), str("main"),
                           100);
    }

    jm_metrics_code(m, str("main"), 0, NONE);
    jm_metrics_tally(m, str("main"), JM_TALLY_TAKEN);
    jm_metrics_images(m, str("alice"), str("v40"), str("main"), 1, 0);
    jm_metrics_task(m, str("main"), JM_CAUSE_NONE);
}


static void
live(void *data)
{
    jm_metrics_t  *m;

    m = data;
    m->pid = STEPPED;

    count(m);
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


/* a group is there once, with what the follower has counted at least */

static unsigned
has_groups(jm_metrics_t *m)
{
    const jm_group_t  *last;
    jm_grouped_t       groups[4];

    last = NULL;

    if (jm_metrics_groups(m, JM_GROUP_TIMES, &last, groups, 4) != 2
        || groups[1].copy.histograms[JM_HISTOGRAM_QUERY].buckets[3]
           < jm_nitems(counted)
        || groups[1].copy.len[1] != 4)
    {
        return 0;
    }

    last = NULL;

    return jm_metrics_groups(m, JM_GROUP_ACCOUNT, &last, groups, 4) == 2
           && groups[1].copy.codes[0] >= 1
           && groups[1].copy.tallies[JM_TALLY_TAKEN] >= 1
           && groups[1].copy.codes[0] <= 2
           && groups[0].copy.used == 0;
}


/* the follower counts the same, on a copy: NULL, or what is wrong then */

static const char *
take_over(void *data)
{
    size_t               i, n;
    jm_sample_t          samples[32];
    jm_metrics_t         m;
    const jm_series_t   *last;
    jm_metrics_worker_t  workers[4];

    static const counted_t  image = { "alice", "v40", JM_CAUSE_NONE };
    static const counted_t  task = { "main", "", JM_CAUSE_NONE };

    m = *(const jm_metrics_t *) data;

    n = jm_metrics_workers(&m, workers, jm_nitems(workers));

    for (i = 0; i < n; i++) {
        if (workers[i].number != STEPPED || workers[i].started != NOW) {
            return "a worker that is half there";
        }
    }

    count(&m);

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

    if (!has_groups(&m)) {
        return "a group";
    }

    n = jm_metrics_workers(&m, workers, jm_nitems(workers));

    return n == 1 && workers[0].pid == FOLLOWER ? NULL : "the workers";
}


int
main(void)
{
    steps_t       steps;
    jm_metrics_t  m;

    memset(&m, 0, sizeof(jm_metrics_t));

    (void) memory_map(&m.mem, SIZE, 64);
    m.alive = stepped_is_dead;
    m.pid = FOLLOWER;

    is_int(jm_metrics_create(&m), JM_OK, "counters");

    steps.memory = m.mem.ctx;
    steps.size = SIZE;
    steps.at = m.mem.ctx;
    steps.live = live;
    steps.take_over = take_over;
    steps.data = &m;

    steps_ok(&steps, 50);

    memory_unmap(&m.mem);

    return done_testing();
}
