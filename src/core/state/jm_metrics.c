
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Counters and series in shared memory.
 */


#include "jm_fence.h"
#include "jm_hash.h"
#include "jm_metrics_series.h"
#include "jm_metrics_shared.h"


static void jm_metrics_add(jm_metrics_t *m, jm_series_id_t *id, uint64_t n,
    uint64_t cost);
static unsigned jm_metrics_is_other(const jm_series_id_t *id);
static jm_series_t *jm_metrics_find(jm_metrics_t *m, jm_series_id_t *id,
    uint32_t *hash);
static jm_series_t *jm_metrics_make(jm_metrics_t *m, const jm_series_id_t *id,
    uint32_t hash);
static unsigned jm_metrics_is(const jm_series_t *s, const jm_series_id_t *id);
static uint32_t jm_metrics_hash(const jm_series_id_t *id);


static const uint32_t  jm_metrics_limits[JM_SERIES_LAST] = {
    [JM_SERIES_REQUEST] = JM_METRICS_REQUESTS,
    [JM_SERIES_IMAGES] = JM_METRICS_IMAGES,
    [JM_SERIES_TASK] = JM_METRICS_TASKS
};

static const unsigned  jm_metrics_names[JM_SERIES_LAST] = {
    [JM_SERIES_REQUEST] = 2,
    [JM_SERIES_IMAGES] = 3,
    [JM_SERIES_TASK] = 1
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
    jm_series_id_t  id = { JM_SERIES_REQUEST, result, { client, model } };

    jm_metrics_add(m, &id, 1, 0);

    if (m->worker != NULL) {
        m->worker->requests++;
    }
}


void
jm_metrics_task(jm_metrics_t *m, jm_str_t account, jm_cause_e result)
{
    jm_series_id_t  id = { JM_SERIES_TASK, result, { account } };

    jm_metrics_add(m, &id, 1, 0);
}


void
jm_metrics_images(jm_metrics_t *m, jm_str_t client, jm_str_t model,
    jm_str_t account, uint64_t n, uint64_t cost)
{
    jm_series_id_t  id = { JM_SERIES_IMAGES, JM_CAUSE_NONE,
                           { client, model, account } };

    jm_metrics_add(m, &id, n, cost);
}


void
jm_metrics_entered(jm_metrics_t *m, jm_mark_e mark, jm_entered_e how)
{
    m->shared->counters.entered[mark][how]++;
}


void
jm_metrics_fetch(jm_metrics_t *m, jm_fetch_e how)
{
    m->shared->counters.fetches[how]++;
}


void
jm_metrics_refused(jm_metrics_t *m)
{
    m->shared->counters.refused++;
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
        samples[found].cost = s->cost;
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


jm_str_t
jm_series_name(const jm_series_t *series, unsigned i)
{
    unsigned  n;
    jm_str_t  name;

    name.len = series->len[i];
    name.data = (const uint8_t *) (series + 1);

    for (n = 0; n < i; n++) {
        name.data += series->len[n];
    }

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
 * A series that there is no room for is reported as "other": what has that
 * name is counted with them, not as a second "other".
 */

static void
jm_metrics_add(jm_metrics_t *m, jm_series_id_t *id, uint64_t n, uint64_t cost)
{
    uint32_t        hash;
    jm_series_t    *s;
    jm_counters_t  *c;

    if (!jm_metrics_is_other(id)) {
        s = jm_metrics_find(m, id, &hash);

        if (s == NULL) {
            s = jm_metrics_make(m, id, hash);
        }

        if (s != NULL) {
            s->value += n;
            s->cost += cost;
            return;
        }
    }

    c = &m->shared->counters;

    c->others[id->kind][jm_metrics_cause(id->result)] += n;
    c->others_cost += cost;
}


static unsigned
jm_metrics_is_other(const jm_series_id_t *id)
{
    unsigned  i;

    for (i = 0; i < jm_metrics_names[id->kind]; i++) {
        if (!jm_str_eq(&id->names[i], "other")) {
            return 0;
        }
    }

    return 1;
}


/* makes of *id what is kept of it, and sets *hash, found or not */

static jm_series_t *
jm_metrics_find(jm_metrics_t *m, jm_series_id_t *id, uint32_t *hash)
{
    unsigned      i;
    jm_series_t  *s;

    id->result = jm_metrics_cause(id->result);

    for (i = 0; i < JM_METRICS_NAMES; i++) {
        id->names[i].len = jm_min(id->names[i].len, JM_METRICS_LABEL);
    }

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
    size_t                size;
    uint8_t              *p;
    unsigned              i;
    jm_series_t          *s, **place;
    jm_metrics_shared_t  *shared;

    shared = m->shared;

    if (shared->made[id->kind] >= jm_metrics_limits[id->kind]) {
        return NULL;
    }

    size = sizeof(jm_series_t);

    for (i = 0; i < JM_METRICS_NAMES; i++) {
        size += id->names[i].len;
    }

    s = m->mem.alloc(m->mem.ctx, size);
    if (s == NULL) {
        return NULL;
    }

    shared->made[id->kind]++;

    place = &shared->table[hash % JM_METRICS_TABLE];

    s->next = *place;
    s->value = 0;
    s->cost = 0;
    s->hash = hash;
    s->kind = (uint8_t) id->kind;
    s->result = (uint8_t) id->result;

    p = (uint8_t *) (s + 1);

    for (i = 0; i < JM_METRICS_NAMES; i++) {
        s->len[i] = (uint16_t) id->names[i].len;

        if (s->len[i] != 0) {
            memcpy(p, id->names[i].data, s->len[i]);
            p += s->len[i];
        }
    }

    jm_fence();
    *place = s;

    return s;
}


static unsigned
jm_metrics_is(const jm_series_t *s, const jm_series_id_t *id)
{
    size_t          len;
    unsigned        i;
    const uint8_t  *name;

    if (s->kind != id->kind || s->result != id->result) {
        return 0;
    }

    name = (const uint8_t *) (s + 1);

    for (i = 0; i < JM_METRICS_NAMES; i++) {
        len = id->names[i].len;

        if (s->len[i] != len
            || (len != 0 && memcmp(name, id->names[i].data, len) != 0))
        {
            return 0;
        }

        name += len;
    }

    return 1;
}


static uint32_t
jm_metrics_hash(const jm_series_id_t *id)
{
    uint8_t   head[4];
    unsigned  i;
    uint64_t  hash;

    head[0] = (uint8_t) id->kind;
    head[1] = (uint8_t) id->result;
    head[2] = (uint8_t) jm_min(id->names[0].len, 255);
    head[3] = (uint8_t) jm_min(id->names[1].len, 255);

    hash = jm_hash(JM_HASH_START, head, sizeof(head));

    for (i = 0; i < JM_METRICS_NAMES; i++) {
        hash = jm_hash(hash, id->names[i].data, id->names[i].len);
    }

    return (uint32_t) hash;
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
