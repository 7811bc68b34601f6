
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Groups of numbers in shared memory.
 */


#include <inttypes.h>
#include <stdio.h>

#include "jm_error.h"
#include "jm_fence.h"
#include "jm_ark_code.h"
#include "jm_gateway.h"
#include "jm_metrics_shared.h"
#include "jm_metrics_tally.h"


#define JM_CODE_NONE        0
#define JM_CODE_OTHER       1
#define JM_CODE_GOOD        2
#define JM_CODE_TABLE       3       /* the first of jm_error_code() */


static jm_group_t *jm_group_get(jm_metrics_t *m, jm_group_e kind, jm_str_t a,
    jm_str_t b);
static jm_group_t *jm_group_make(jm_metrics_t *m, jm_group_e kind, jm_str_t a,
    jm_str_t b, jm_group_t *last);
static unsigned jm_group_is(const jm_group_t *g, jm_str_t a, jm_str_t b);
static size_t jm_metrics_code_index(int64_t code, jm_str_t name);
static size_t jm_metrics_name_index(jm_str_t name);
static size_t jm_metrics_gateway(void);
static const jm_ark_code_t *jm_metrics_ark(size_t i);


static const uint32_t  jm_group_limits[JM_GROUP_LAST] = {
    [JM_GROUP_TIMES] = JM_METRICS_PAIRS,
    [JM_GROUP_ACCOUNT] = JM_METRICS_ACCOUNTS
};

/* of those how many may be made before anything is counted in them */

static const uint32_t  jm_group_begun[JM_GROUP_LAST] = {
    [JM_GROUP_TIMES] = JM_METRICS_PAIRS - JM_METRICS_PAIRS / 4,
    [JM_GROUP_ACCOUNT] = JM_METRICS_ACCOUNTS
};


void
jm_metrics_observe(jm_metrics_t *m, jm_histogram_e histogram, jm_str_t model,
    jm_str_t account, uint64_t value)
{
    jm_group_t  *g;

    g = jm_group_get(m, JM_GROUP_TIMES, model, account);

    g->used = 1;
    jm_histogram_add(&g->histograms[histogram], histogram, value);
}


void
jm_metrics_code(jm_metrics_t *m, jm_str_t account, int64_t code, jm_str_t name)
{
    jm_str_t     none = jm_null_string;
    jm_group_t  *g;

    g = jm_group_get(m, JM_GROUP_ACCOUNT, account, none);

    g->used = 1;
    g->codes[jm_metrics_code_index(code, name)]++;
}


void
jm_metrics_tally(jm_metrics_t *m, jm_str_t account, jm_tally_e what)
{
    jm_str_t     none = jm_null_string;
    jm_group_t  *g;

    g = jm_group_get(m, JM_GROUP_ACCOUNT, account, none);

    g->used = 1;
    g->tallies[what]++;
}


void
jm_metrics_begin_group(jm_metrics_t *m, jm_group_e kind, jm_str_t a,
    jm_str_t b)
{
    if (m->shared->groups[kind].made < jm_group_begun[kind]) {
        (void) jm_group_get(m, kind, a, b);
    }
}


size_t
jm_metrics_groups(jm_metrics_t *m, jm_group_e kind, const jm_group_t **last,
    jm_grouped_t *groups, size_t n)
{
    size_t             found;
    const jm_group_t  *g, *other;

    other = &m->shared->groups[kind].other;

    g = (*last == NULL) ? other : (*last)->next;

    for (found = 0; found < n && g != NULL; found++) {
        groups[found].group = g;
        groups[found].other = (g == other);
        groups[found].copy = *g;

        *last = g;
        g = g->next;
    }

    return found;
}


size_t
jm_group_limit(jm_group_e kind)
{
    return jm_group_limits[kind];
}


jm_str_t
jm_group_name(const jm_grouped_t *g, unsigned i)
{
    jm_str_t  name;

    if (g->other) {
        jm_str_set(&name, "other");
        return name;
    }

    name.len = g->group->len[i];
    name.data = (const uint8_t *) (g->group + 1) + (i ? g->group->len[0] : 0);

    return name;
}


const char *
jm_metrics_code_name(size_t i, char *buf)
{
    size_t                gateway;
    int64_t               number;
    const jm_ark_code_t  *row;

    gateway = jm_metrics_gateway();

    if (i >= gateway) {
        i -= gateway;

        if (i < JM_GATEWAY_LAST - 1) {
            return jm_gateway_name((jm_gateway_e) (i + 1));
        }

        row = jm_metrics_ark(i - (JM_GATEWAY_LAST - 1));

        return row != NULL ? (const char *) row->name.data : NULL;
    }

    switch (i) {

    case JM_CODE_NONE:
        return "none";

    case JM_CODE_OTHER:
        return "other";

    case JM_CODE_GOOD:
        number = JM_CODE_SUCCESS;
        break;

    default:
        number = jm_error_code(i - JM_CODE_TABLE);
    }

    (void) snprintf(buf, JM_METRICS_CODE_LEN, "%" PRId64, number);

    return buf;
}


/* the same names come again and again, most of all within one request */

static jm_group_t *
jm_group_get(jm_metrics_t *m, jm_group_e kind, jm_str_t a, jm_str_t b)
{
    jm_group_t  *g, *last;

    a.len = jm_min(a.len, JM_METRICS_LABEL);
    b.len = jm_min(b.len, JM_METRICS_LABEL);

    g = m->group[kind];

    if (g != NULL && jm_group_is(g, a, b)) {
        return g;
    }

    last = &m->shared->groups[kind].other;

    if (jm_str_eq(&a, "other")
        && (kind == JM_GROUP_ACCOUNT || jm_str_eq(&b, "other")))
    {
        return last;
    }

    for (g = last->next; g != NULL && !jm_group_is(g, a, b); g = g->next) {
        last = g;
    }

    if (g == NULL) {
        g = jm_group_make(m, kind, a, b, last);
    }

    if (g == NULL) {
        return &m->shared->groups[kind].other;
    }

    m->group[kind] = g;

    return g;
}


static jm_group_t *
jm_group_make(jm_metrics_t *m, jm_group_e kind, jm_str_t a, jm_str_t b,
    jm_group_t *last)
{
    uint8_t      *p;
    jm_group_t   *g;
    jm_groups_t  *groups;

    groups = &m->shared->groups[kind];

    if (groups->made >= jm_group_limits[kind]) {
        return NULL;
    }

    g = m->mem.alloc(m->mem.ctx, sizeof(jm_group_t) + a.len + b.len);
    if (g == NULL) {
        return NULL;
    }

    groups->made++;

    memset(g, 0, sizeof(jm_group_t));

    g->len[0] = (uint16_t) a.len;
    g->len[1] = (uint16_t) b.len;

    p = (uint8_t *) (g + 1);

    if (a.len != 0) {
        memcpy(p, a.data, a.len);
    }

    if (b.len != 0) {
        memcpy(p + a.len, b.data, b.len);
    }

    jm_fence();
    last->next = g;

    return g;
}


static unsigned
jm_group_is(const jm_group_t *g, jm_str_t a, jm_str_t b)
{
    const uint8_t  *name;

    name = (const uint8_t *) (g + 1);

    return g->len[0] == a.len && g->len[1] == b.len
           && (a.len == 0 || memcmp(name, a.data, a.len) == 0)
           && (b.len == 0 || memcmp(name + a.len, b.data, b.len) == 0);
}


static size_t
jm_metrics_code_index(int64_t code, jm_str_t name)
{
    size_t  i;

    if (code == JM_CODE_SUCCESS) {
        return JM_CODE_GOOD;
    }

    if (code == 0) {
        return JM_CODE_NONE;
    }

    if (code < 0) {
        return jm_metrics_name_index(name);
    }

    for (i = 0; jm_error_code(i) != 0; i++) {
        if (jm_error_code(i) == code) {
            return JM_CODE_TABLE + i;
        }
    }

    return JM_CODE_OTHER;
}


/* behind the gateway's names are those of Ark that it does not have as well */

static size_t
jm_metrics_name_index(jm_str_t name)
{
    size_t                i;
    jm_gateway_e          error;
    const jm_ark_code_t  *row;

    row = jm_ark_code(name);

    if (row != NULL) {
        name = row->name;
    }

    error = jm_gateway(name);

    if (error != JM_GATEWAY_NONE) {
        return jm_metrics_gateway() + error - 1;
    }

    if (row == NULL) {
        return JM_CODE_OTHER;
    }

    for (i = 0; jm_metrics_ark(i) != row; i++) { /* void */ }

    return jm_metrics_gateway() + JM_GATEWAY_LAST - 1 + i;
}


/* number i of these; NULL behind the last */

static const jm_ark_code_t *
jm_metrics_ark(size_t i)
{
    size_t                k;
    const jm_ark_code_t  *row;

    for (k = 0; (row = jm_ark_code_row(k)) != NULL; k++) {

        if (jm_gateway(row->name) == JM_GATEWAY_NONE && i-- == 0) {
            break;
        }
    }

    return row;
}


/* the place of the gateway's first error */

static size_t
jm_metrics_gateway(void)
{
    size_t  i;

    for (i = 0; jm_error_code(i) != 0; i++) { /* void */ }

    return JM_CODE_TABLE + i;
}
