
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What changes the ledger, the queue and a client's limits at the same time: as
 * a whole or not at all, wherever the process may die.
 */


#include "ngx_http_jimeng_slot.h"


static void ngx_http_jimeng_settle_slot(ngx_http_jimeng_settle_t *s);
static void ngx_http_jimeng_settle_ended(ngx_http_jimeng_zone_t *zone,
    jm_orphan_t *orphan, jm_str_t id, ngx_uint_t images);


/* the submit was accepted: whoever asks for the task joins it by its id */

void
ngx_http_jimeng_settle_accepted(ngx_http_jimeng_settle_t *s, ngx_str_t *id)
{
    jm_str_t                 text;
    jm_state_t              *state;
    ngx_http_jimeng_slot_t  *slot;

    slot = s->slot;

    if (slot->zone == NULL) {
        return;
    }

    ngx_http_jimeng_str(&text, id);

    state = ngx_http_jimeng_zone_lock(slot->zone);

    if (s->claim) {
        jm_ledger_accepted(&state->ledger, &s->claim->claim,
                           (unsigned) s->task, text);
    }

    if (slot->place.serial) {
        jm_queue_accepted(&state->queue, &slot->place, text, state->now);

        jm_metrics_observe(&slot->zone->metrics, JM_HISTOGRAM_QUEUE,
                           slot->granted - slot->queued);
    }

    ngx_http_jimeng_zone_unlock(slot->zone);
}


/*
 * The request does no more about a task, whatever became of it.  Returns
 * whether no other request has seen the task's end, or will: then its pictures
 * are counted for its client.
 */

ngx_uint_t
ngx_http_jimeng_settle_over(ngx_http_jimeng_settle_t *s)
{
    jm_state_t              *state;
    ngx_uint_t               first;
    ngx_http_jimeng_slot_t  *slot;

    slot = s->slot;

    if (slot->zone == NULL) {
        return !s->left;
    }

    ngx_http_jimeng_slot_stop(slot);

    first = !s->left;

    state = ngx_http_jimeng_zone_lock(slot->zone);

    if (first && s->claim) {
        first = jm_ledger_over(&state->ledger, &s->claim->claim,
                               (unsigned) s->task, state->now);
    }

    if (first && s->images && s->hold) {
        jm_quota_delivered(&state->quota, &s->hold->hold, s->images,
                           state->seconds);
    }

    ngx_http_jimeng_settle_slot(s);

    ngx_http_jimeng_zone_unlock(slot->zone);

    return first;
}


/* the slot is given up, and no more: the task is to be submitted again */

void
ngx_http_jimeng_settle_leave(ngx_http_jimeng_settle_t *s)
{
    ngx_http_jimeng_slot_t  *slot;

    slot = s->slot;

    if (slot->zone == NULL) {
        return;
    }

    ngx_http_jimeng_slot_stop(slot);

    ngx_http_jimeng_zone_lock(slot->zone);

    ngx_http_jimeng_settle_slot(s);

    ngx_http_jimeng_zone_unlock(slot->zone);
}


/*
 * The zone is locked.  A request that has no slot, as the task is another
 * one's, has seen the end of that: the other's slot is free.
 */

static void
ngx_http_jimeng_settle_slot(ngx_http_jimeng_settle_t *s)
{
    jm_str_t     id;
    jm_state_t  *state;

    state = &s->slot->zone->memory.state;

    if (s->slot->place.serial) {
        jm_queue_leave(&state->queue, &s->slot->place, s->how, state->now);

    } else if (s->joined && s->how == JM_LEAVE_OVER) {
        ngx_http_jimeng_str(&id, s->joined);

        jm_queue_ended(&state->queue, s->account->queue_number, id,
                       state->now);
    }
}


/*
 * Called before each submit: from now on no other request makes it, whatever
 * comes.  A request that joined another one, and submits after all because that
 * one has failed, counts for its client from now on.  NGX_DECLINED: the task is
 * another request's, or one too many; *e is what the client is told.
 */

ngx_int_t
ngx_http_jimeng_settle_submit(ngx_http_jimeng_settle_t *s, jm_error_t *e)
{
    jm_rc_e                  rc;
    jm_state_t              *state;
    ngx_http_jimeng_zone_t  *zone;

    if (ngx_http_jimeng_hold_submit(s->hold, e) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (s->claim == NULL) {
        return NGX_OK;
    }

    zone = s->claim->zone;

    state = ngx_http_jimeng_zone_lock(zone);

    rc = jm_ledger_submit(&state->ledger, &s->claim->claim,
                          (unsigned) s->task,
                          (unsigned) s->account->queue_number);

    ngx_http_jimeng_zone_unlock(zone);

    if (rc == JM_OK) {
        return NGX_OK;
    }

    jm_error_set(e, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);

    return NGX_DECLINED;
}


/*
 * What the upstream has said of a task that nobody follows.  Is it over, its
 * slot is free, and its pictures are counted for the client that ordered it.
 */

void
ngx_http_jimeng_settle_orphan(ngx_http_request_t *r, jm_orphan_t *orphan,
    const jm_answer_t *answer)
{
    jm_str_t                 id;
    ngx_uint_t               over;
    jm_state_t              *state;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    id.len = orphan->len;
    id.data = orphan->id;

    state = ngx_http_jimeng_zone_lock(zone);

    switch (answer->event) {

    case JM_EVENT_PENDING:
        over = 0;
        jm_queue_alive(&state->queue, orphan->account, id, state->now);
        break;

    case JM_EVENT_TROUBLE:
        over = answer->internal
               && jm_queue_doubted(&state->queue, orphan->account, id);
        break;

    default:
        over = 1;
    }

    if (over) {
        ngx_http_jimeng_settle_ended(zone, orphan, id, answer->nurls);
    }

    ngx_http_jimeng_zone_unlock(zone);
}


/* the zone is locked */

static void
ngx_http_jimeng_settle_ended(ngx_http_jimeng_zone_t *zone,
    jm_orphan_t *orphan, jm_str_t id, ngx_uint_t images)
{
    jm_str_t     nobody;
    unsigned     known, first;
    jm_state_t  *state;

    state = &zone->memory.state;

    first = jm_ledger_ended(&state->ledger, orphan->entry, orphan->task, id,
                            state->now, &known);

    /* a task that the ledger does not know is over when its slot is free */

    if (!known) {
        first = jm_queue_is_orphan(&state->queue, orphan->account, id);
    }

    if (images && first) {
        jm_quota_made(&state->quota, orphan->billed, images, state->seconds);

        nobody.len = 0;
        nobody.data = NULL;

        jm_metrics_images(&zone->metrics, nobody, images);
    }

    /* comes last: the next waiter may be granted the slot at once */

    (void) jm_queue_ended(&state->queue, orphan->account, id, state->now);
}
