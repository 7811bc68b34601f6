
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_store.h"


static jm_rc_e jm_queue_account_make(jm_queue_t *q, jm_str_t name,
    const jm_queue_conf_t *conf, unsigned *i);


jm_rc_e
jm_queue_reserve(jm_queue_t *q, jm_str_t name,
    const jm_queue_conf_t *conf)
{
    jm_rc_e   rc;
    unsigned  i;

    jm_queue_begin(q);

    rc = jm_queue_account_make(q, name, conf, &i);

    jm_queue_done(q);

    return rc;
}


jm_rc_e
jm_queue_account(jm_queue_t *q, jm_str_t name,
    const jm_queue_conf_t *conf, unsigned *account)
{
    jm_rc_e              rc;
    unsigned             i;
    jm_queue_account_t  *a;

    jm_queue_begin(q);

    rc = jm_queue_account_make(q, name, conf, &i);

    if (rc == JM_OK) {
        a = q->shared->accounts[i];

        a->conf = *conf;
        a->effective = conf->concurrency;
        a->taken = 0;
        a->refusals = 0;
        a->rest = 0;
        a->next = 0;

        memset(&a->aside, 0, sizeof(jm_queue_aside_t));
        memset(a->models, 0, sizeof(a->models));

        *account = i;
    }

    jm_queue_done(q);

    return rc;
}


void
jm_queue_query_denied(jm_queue_t *q, unsigned account)
{
    jm_queue_begin(q);

    q->shared->accounts[account]->queries_denied++;

    jm_queue_done(q);
}


/* a new account is all zeros, and serves nobody, until its conf is set */

static jm_rc_e
jm_queue_account_make(jm_queue_t *q, jm_str_t name,
    const jm_queue_conf_t *conf, unsigned *i)
{
    uint64_t             room, has;
    jm_queue_account_t  *a;

    if (name.len == 0 || name.len > JM_QUEUE_NAME) {
        return JM_INVALID;
    }

    a = NULL;

    for (*i = 0; *i < q->shared->naccounts; (*i)++) {
        a = q->shared->accounts[*i];

        if (a->len == name.len && memcmp(a->name, name.data, name.len) == 0) {
            break;
        }

        a = NULL;
    }

    if (*i == JM_QUEUE_ACCOUNTS) {
        return JM_INVALID;
    }

    /* the room for the other accounts' places was made with them */

    room = (uint64_t) conf->concurrency + conf->queue;
    has = a ? a->room : 0;

    if (jm_queue_grow(q, jm_max(room, has) - has) != JM_OK) {
        return JM_ERROR;
    }

    if (a == NULL) {
        a = q->mem.alloc(q->mem.ctx, sizeof(jm_queue_account_t));

        if (a == NULL) {
            return JM_ERROR;
        }

        memset(a, 0, sizeof(jm_queue_account_t));
        jm_ring_init(&a->held);

        memcpy(a->name, name.data, name.len);
        a->len = name.len;

        q->shared->accounts[*i] = a;
        jm_fence();
        q->shared->naccounts = *i + 1;
    }

    a->room = (uint32_t) jm_max(room, has);

    return JM_OK;
}
