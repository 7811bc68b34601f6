
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Counters, histograms and series in shared memory.
 */


#include "jm_fence.h"
#include "jm_hash.h"
#include "jm_metrics_series.h"


#define JM_METRICS_TABLE    256     /* chains of series */

#define JM_CODE_NONE        0
#define JM_CODE_OTHER       1
#define JM_CODE_GOOD        2
#define JM_CODE_TABLE       3       /* the first of jm_error_code() */


/*
 * The chains of the table are good after any death: one store enters a series.
 * A process that dies before it leaves a piece of memory that nobody has, and
 * room for one series less of that kind.
 */

struct jm_metrics_shared_s {
    jm_counters_t         counters;
    uint32_t              made[JM_SERIES_LAST];
    jm_metrics_worker_t  *workers;
    jm_series_t          *table[JM_METRICS_TABLE];
};


typedef struct {
    size_t           n;
    uint64_t         bounds[JM_METRICS_BUCKETS];
} jm_bounds_t;


static size_t jm_metrics_code_index(int64_t code);
static uint64_t *jm_metrics_value(jm_metrics_t *m, jm_series_e kind,
    jm_cause_e result, jm_str_t a, jm_str_t b);
static unsigned jm_metrics_is_other(const jm_series_id_t *id);
static jm_series_t *jm_metrics_find(jm_metrics_t *m, jm_series_id_t *id,
    uint32_t *hash);
static jm_series_t *jm_metrics_make(jm_metrics_t *m, const jm_series_id_t *id,
    uint32_t hash);
static unsigned jm_metrics_is(const jm_series_t *s, const jm_series_id_t *id);
static uint32_t jm_metrics_hash(const jm_series_id_t *id);


static const uint32_t  jm_metrics_limits[JM_SERIES_LAST] = {
    [JM_SERIES_REQUEST] = JM_METRICS_REQUESTS,
    [JM_SERIES_IMAGES] = JM_METRICS_CLIENTS,
    [JM_SERIES_TASK] = JM_METRICS_TASKS
};


static const jm_bounds_t  jm_metrics_times = {
    12, { 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000 }
};

static const jm_bounds_t  jm_metrics_waits = {
    13, { 10, 100, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000,
          300000, 600000 }
};

static const jm_bounds_t  jm_metrics_tasks = {
    16, { 500, 1000, 2000, 3000, 5000, 7500, 10000, 15000, 20000, 30000,
          45000, 60000, 90000, 120000, 300000, 600000 }
};

static const jm_bounds_t  jm_metrics_queries = {
    10, { 1, 2, 3, 5, 8, 13, 21, 34, 60, 120 }
};


jm_rc_e
jm_metrics_create(jm_metrics_t *m)
{
    m->shared = m->mem.alloc(m->mem.ctx, sizeof(jm_metrics_shared_t));
    if (m->shared == NULL) {
        return JM_ERROR;
    }

    memset(m->shared, 0, sizeof(jm_metrics_shared_t));

    return JM_OK;
}


/* takes the place of a worker that is no more; the pid is stored last */

void
jm_metrics_join(jm_metrics_t *m, uint32_t number, uint64_t now)
{
    jm_metrics_worker_t  *w, *list;

    list = m->shared->workers;

    for (w = list; w != NULL; w = w->next) {
        if (w->pid == 0 || w->pid == m->pid || !m->alive(w->pid)) {
            break;
        }
    }

    if (w == NULL) {
        w = m->mem.alloc(m->mem.ctx, sizeof(jm_metrics_worker_t));
        if (w == NULL) {
            return;
        }

        w->pid = 0;
        w->next = list;

        jm_fence();
        m->shared->workers = w;
    }

    w->pid = 0;
    jm_fence();

    w->number = number;
    w->started = now;
    w->requests = 0;

    jm_fence();
    w->pid = m->pid;

    m->worker = w;
}


void
jm_metrics_request(jm_metrics_t *m, jm_str_t client, jm_str_t model,
    jm_cause_e result)
{
    (*jm_metrics_value(m, JM_SERIES_REQUEST, result, client, model))++;

    if (m->worker != NULL) {
        m->worker->requests++;
    }
}


void
jm_metrics_task(jm_metrics_t *m, jm_str_t account, jm_cause_e result)
{
    jm_str_t  none = jm_null_string;

    (*jm_metrics_value(m, JM_SERIES_TASK, result, account, none))++;
}


void
jm_metrics_images(jm_metrics_t *m, jm_str_t client, uint64_t n)
{
    jm_str_t  none = jm_null_string;

    *jm_metrics_value(m, JM_SERIES_IMAGES, JM_CAUSE_NONE, client, none) += n;
}


void
jm_metrics_code(jm_metrics_t *m, int64_t code)
{
    m->shared->counters.codes[jm_metrics_code_index(code)]++;
}


static size_t
jm_metrics_code_index(int64_t code)
{
    size_t   i;
    int64_t  number;

    if (code == 0) {
        return JM_CODE_NONE;
    }

    if (code == JM_CODE_SUCCESS) {
        return JM_CODE_GOOD;
    }

    for (i = JM_CODE_TABLE; i < JM_METRICS_CODES; i++) {
        number = jm_error_code(i - JM_CODE_TABLE);

        if (number == code) {
            return i;
        }

        if (number == 0) {
            break;
        }
    }

    return JM_CODE_OTHER;
}


void
jm_metrics_observe(jm_metrics_t *m, jm_histogram_e histogram, uint64_t value)
{
    size_t           i, n;
    jm_histogram_t  *h;
    const uint64_t  *bounds;

    h = &m->shared->counters.histograms[histogram];
    bounds = jm_metrics_bounds(histogram, &n);

    for (i = 0; i < n; i++) {
        if (value <= bounds[i]) {
            break;
        }
    }

    h->sum += value;
    h->buckets[i]++;
}


void
jm_metrics_counters(jm_metrics_t *m, jm_counters_t *counters)
{
    *counters = m->shared->counters;
}


size_t
jm_metrics_samples(jm_metrics_t *m, const jm_series_t **last,
    jm_sample_t *samples, size_t n)
{
    size_t              i, found;
    const jm_series_t  *s;

    i = 0;
    s = m->shared->table[0];

    if (*last != NULL) {
        i = (*last)->hash % JM_METRICS_TABLE;
        s = (*last)->next;
    }

    for (found = 0; found < n; /* void */) {

        if (s == NULL) {
            if (++i == JM_METRICS_TABLE) {
                break;
            }

            s = m->shared->table[i];
            continue;
        }

        samples[found].series = s;
        samples[found].value = s->value;
        found++;

        *last = s;
        s = s->next;
    }

    return found;
}


size_t
jm_metrics_workers(jm_metrics_t *m, jm_metrics_worker_t *workers, size_t n)
{
    size_t                      found;
    const jm_metrics_worker_t  *w;

    found = 0;

    for (w = m->shared->workers; w != NULL && found < n; w = w->next) {
        if (w->pid != 0) {
            workers[found++] = *w;
        }
    }

    return found;
}


const uint64_t *
jm_metrics_bounds(jm_histogram_e histogram, size_t *n)
{
    const jm_bounds_t  *b;

    switch (histogram) {

    case JM_HISTOGRAM_QUEUE:
        b = &jm_metrics_waits;
        break;

    case JM_HISTOGRAM_TASK:
        b = &jm_metrics_tasks;
        break;

    case JM_HISTOGRAM_QUERIES:
        b = &jm_metrics_queries;
        break;

    default: /* an exchange's */
        b = &jm_metrics_times;
    }

    *n = b->n;

    return b->bounds;
}


size_t
jm_metrics_codes(size_t i, int64_t *number)
{
    size_t  n;

    *number = 0;

    if (i == JM_CODE_GOOD) {
        *number = JM_CODE_SUCCESS;

    } else if (i >= JM_CODE_TABLE) {
        *number = jm_error_code(i - JM_CODE_TABLE);
    }

    for (n = JM_CODE_TABLE; n < JM_METRICS_CODES; n++) {
        if (jm_error_code(n - JM_CODE_TABLE) == 0) {
            break;
        }
    }

    return n;
}


jm_str_t
jm_series_name(const jm_series_t *series, unsigned i)
{
    jm_str_t  name;

    name.len = series->len[i];
    name.data = (const uint8_t *) (series + 1) + (i ? series->len[0] : 0);

    return name;
}


const char *
jm_metrics_result(jm_cause_e result)
{
    return result == JM_CAUSE_NONE ? "succeed" : jm_cause(result)->code;
}


size_t
jm_metrics_missing(jm_metrics_t *m, const jm_series_id_t *ids, size_t n)
{
    size_t          i, missing;
    uint32_t        hash;
    jm_series_id_t  id;

    missing = 0;

    for (i = 0; i < n; i++) {
        id = ids[i];

        if (!jm_metrics_is_other(&id)
            && jm_metrics_find(m, &id, &hash) == NULL)
        {
            missing++;
        }
    }

    return missing;
}


void
jm_metrics_begin(jm_metrics_t *m, const jm_series_id_t *ids, size_t n)
{
    size_t          i;
    uint32_t        hash;
    jm_series_id_t  id;

    for (i = 0; i < n; i++) {
        id = ids[i];

        if (!jm_metrics_is_other(&id)
            && jm_metrics_find(m, &id, &hash) == NULL
            && jm_metrics_make(m, &id, hash) == NULL)
        {
            return;
        }
    }
}


unsigned
jm_metrics_fits(jm_metrics_t *m, jm_series_e kind, size_t n, unsigned quarters)
{
    return m->shared->made[kind] + n
           <= jm_metrics_limit(kind) * quarters / JM_METRICS_QUARTERS;
}


size_t
jm_metrics_limit(jm_series_e kind)
{
    return jm_metrics_limits[kind];
}


/*
 * Where a series is counted.  Those that there is no room for are reported as
 * "other": what has that name is counted with them, not as a second "other".
 */

static uint64_t *
jm_metrics_value(jm_metrics_t *m, jm_series_e kind, jm_cause_e result,
    jm_str_t a, jm_str_t b)
{
    uint32_t         hash;
    jm_series_t     *s;
    jm_series_id_t   id;

    id.kind = kind;
    id.result = result;
    id.names[0] = a;
    id.names[1] = b;

    if (!jm_metrics_is_other(&id)) {
        s = jm_metrics_find(m, &id, &hash);

        if (s == NULL) {
            s = jm_metrics_make(m, &id, hash);
        }

        if (s != NULL) {
            return &s->value;
        }
    }

    return &m->shared->counters.others[kind][jm_metrics_cause(result)];
}


static unsigned
jm_metrics_is_other(const jm_series_id_t *id)
{
    return jm_str_eq(&id->names[0], "other")
           && (id->kind != JM_SERIES_REQUEST
               || jm_str_eq(&id->names[1], "other"));
}


/* makes of *id what is kept of it, and sets *hash, found or not */

static jm_series_t *
jm_metrics_find(jm_metrics_t *m, jm_series_id_t *id, uint32_t *hash)
{
    jm_series_t  *s;

    id->result = jm_metrics_cause(id->result);
    id->names[0].len = jm_min(id->names[0].len, JM_METRICS_LABEL);
    id->names[1].len = jm_min(id->names[1].len, JM_METRICS_LABEL);

    *hash = jm_metrics_hash(id);

    s = m->shared->table[*hash % JM_METRICS_TABLE];

    while (s != NULL && (s->hash != *hash || !jm_metrics_is(s, id))) {
        s = s->next;
    }

    return s;
}


static jm_series_t *
jm_metrics_make(jm_metrics_t *m, const jm_series_id_t *id, uint32_t hash)
{
    jm_str_t              a, b;
    uint8_t              *p;
    jm_series_t          *s, **place;
    jm_metrics_shared_t  *shared;

    shared = m->shared;

    a = id->names[0];
    b = id->names[1];

    if (shared->made[id->kind] >= jm_metrics_limits[id->kind]) {
        return NULL;
    }

    s = m->mem.alloc(m->mem.ctx, sizeof(jm_series_t) + a.len + b.len);
    if (s == NULL) {
        return NULL;
    }

    shared->made[id->kind]++;

    place = &shared->table[hash % JM_METRICS_TABLE];

    s->next = *place;
    s->value = 0;
    s->hash = hash;
    s->len[0] = (uint16_t) a.len;
    s->len[1] = (uint16_t) b.len;
    s->kind = (uint8_t) id->kind;
    s->result = (uint8_t) id->result;

    p = (uint8_t *) (s + 1);

    if (a.len != 0) {
        memcpy(p, a.data, a.len);
    }

    if (b.len != 0) {
        memcpy(p + a.len, b.data, b.len);
    }

    jm_fence();
    *place = s;

    return s;
}


static unsigned
jm_metrics_is(const jm_series_t *s, const jm_series_id_t *id)
{
    unsigned  i;
    jm_str_t  name;

    if (s->kind != id->kind || s->result != id->result) {
        return 0;
    }

    for (i = 0; i < jm_nitems(id->names); i++) {
        name = jm_series_name(s, i);

        if (name.len != id->names[i].len
            || (name.len != 0
                && memcmp(name.data, id->names[i].data, name.len) != 0))
        {
            return 0;
        }
    }

    return 1;
}


static uint32_t
jm_metrics_hash(const jm_series_id_t *id)
{
    uint8_t   head[3];
    uint64_t  hash;

    head[0] = (uint8_t) id->kind;
    head[1] = (uint8_t) id->result;
    head[2] = (uint8_t) jm_min(id->names[0].len, 255);

    hash = jm_hash(JM_HASH_START, head, sizeof(head));
    hash = jm_hash(hash, id->names[0].data, id->names[0].len);

    return (uint32_t) jm_hash(hash, id->names[1].data, id->names[1].len);
}


jm_cause_e
jm_metrics_cause(jm_cause_e cause)
{
    unsigned     i;
    const char  *code;

    if (cause == JM_CAUSE_NONE) {
        return cause;
    }

    code = jm_cause(cause)->code;

    for (i = JM_CAUSE_NONE + 1; i < JM_CAUSE_LAST; i++) {
        if (strcmp(jm_cause(i)->code, code) == 0) {
            return i;
        }
    }

    return JM_CAUSE_INTERNAL;
}
