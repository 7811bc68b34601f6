
/*
 * The queue's functions, each as a change by itself.  A task is a number here,
 * of which the upstream's id is made; that of 0 is not known.
 */


#ifndef _QUEUE_CALLS_H_INCLUDED_
#define _QUEUE_CALLS_H_INCLUDED_


#include "tap.h"
#include "jm_queue.h"


static inline jm_str_t
task_id(uint64_t task)
{
    jm_str_t     id;
    static char  text[32];

    id.data = (const uint8_t *) text;
    id.len = 0;

    if (task != 0) {
        id.len = (size_t) snprintf(text, sizeof(text), "task-%" PRIu64, task);
    }

    return id;
}


static inline void
queue_accounts_begin(jm_queue_t *q)
{
    jm_store_begin(q->store);
    jm_queue_accounts_begin(q);
    jm_store_commit(q->store);
}


static inline jm_rc_e
queue_account(jm_queue_t *q, jm_str_t name, const jm_queue_conf_t *conf,
    unsigned *account)
{
    jm_rc_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_account(q, name, conf, account);
    jm_store_commit(q->store);

    return rc;
}


static inline void
queue_query_denied(jm_queue_t *q, unsigned account)
{
    jm_store_begin(q->store);
    jm_queue_query_denied(q, account);
    jm_store_commit(q->store);
}


static inline void
queue_view(jm_queue_t *q, unsigned account, jm_queue_view_t *v, uint64_t now)
{
    jm_store_begin(q->store);
    jm_queue_view(q, account, v, now);
    jm_store_commit(q->store);
}


static inline jm_queue_e
queue_enter(jm_queue_t *q, jm_place_t *p, const jm_queue_request_t *request,
    uint64_t now, uint64_t *wait)
{
    jm_queue_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_enter(q, p, request, now, wait);
    jm_store_commit(q->store);

    return rc;
}


static inline jm_queue_e
queue_look(jm_queue_t *q, jm_place_t *p, uint64_t now, uint64_t *wait)
{
    jm_queue_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_look(q, p, now, wait);
    jm_store_commit(q->store);

    return rc;
}


/* the serial of what is new, 0: nothing */

static inline uint64_t
queue_news(jm_queue_t *q)
{
    uint64_t  serial;

    jm_store_begin(q->store);

    if (!jm_queue_news(q, &serial)) {
        serial = 0;
    }

    jm_store_commit(q->store);

    return serial;
}


static inline jm_queue_e
queue_bind(jm_queue_t *q, jm_place_t *p, unsigned account, uint64_t now,
    uint64_t *wait)
{
    jm_queue_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_bind(q, p, account, now, wait);
    jm_store_commit(q->store);

    return rc;
}


static inline void
queue_accepted(jm_queue_t *q, jm_place_t *p, uint64_t task, uint64_t now)
{
    jm_store_begin(q->store);
    jm_queue_accepted(q, p, task_id(task), now);
    jm_store_commit(q->store);
}


static inline jm_queue_e
queue_busy(jm_queue_t *q, jm_place_t *p, unsigned tasks, uint64_t now,
    uint64_t *wait)
{
    jm_queue_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_busy(q, p, tasks, now, wait);
    jm_store_commit(q->store);

    return rc;
}


static inline jm_queue_e
queue_denied(jm_queue_t *q, jm_place_t *p, unsigned model_only, uint64_t now,
    uint64_t *wait, unsigned *first)
{
    jm_queue_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_denied(q, p, model_only, now, wait, first);
    jm_store_commit(q->store);

    return rc;
}


static inline void
queue_renew(jm_queue_t *q, jm_place_t *p, uint64_t now)
{
    jm_store_begin(q->store);
    jm_queue_renew(q, p, now);
    jm_store_commit(q->store);
}


static inline void
queue_leave(jm_queue_t *q, jm_place_t *p, jm_leave_e how, uint64_t now)
{
    jm_store_begin(q->store);
    jm_queue_leave(q, p, how, now);
    jm_store_commit(q->store);
}


static inline void
queue_ended(jm_queue_t *q, unsigned account, uint64_t task, uint64_t now)
{
    jm_store_begin(q->store);
    jm_queue_ended(q, account, task_id(task), now);
    jm_store_commit(q->store);
}


static inline void
queue_alive(jm_queue_t *q, unsigned account, uint64_t task, uint64_t now)
{
    jm_store_begin(q->store);
    jm_queue_alive(q, account, task_id(task), now);
    jm_store_commit(q->store);
}


static inline unsigned
queue_doubted(jm_queue_t *q, unsigned account, uint64_t task)
{
    unsigned  over;

    jm_store_begin(q->store);
    over = jm_queue_doubted(q, account, task_id(task));
    jm_store_commit(q->store);

    return over;
}


static inline unsigned
queue_adopt(jm_queue_t *q, jm_place_t *p, unsigned account, uint64_t task,
    uint64_t now)
{
    unsigned  rc;

    jm_store_begin(q->store);
    rc = jm_queue_adopt(q, p, account, task_id(task), now);
    jm_store_commit(q->store);

    return rc;
}


static inline unsigned
queue_orphan_next(jm_queue_t *q, uint64_t accounts, uint64_t pause,
    uint64_t now, jm_orphan_t *orphan)
{
    unsigned  rc;

    jm_store_begin(q->store);
    rc = jm_queue_orphan_next(q, accounts, pause, now, orphan);
    jm_store_commit(q->store);

    return rc;
}


#endif /* _QUEUE_CALLS_H_INCLUDED_ */
