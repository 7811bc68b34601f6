
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_slot.h"


#define NGX_HTTP_JIMENG_NEWS  32        /* places that are asked for at once */


static ngx_int_t ngx_http_jimeng_slot_client(ngx_http_request_t *r,
    u_char *client);
static void ngx_http_jimeng_slot_placed(void *data);
static void ngx_http_jimeng_slot_request(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, jm_queue_request_t *request);
static void ngx_http_jimeng_slot_wait(ngx_http_jimeng_slot_t *slot);
static void ngx_http_jimeng_slots_woken(ngx_event_t *ev);
static void ngx_http_jimeng_slots_missed(void);
static void ngx_http_jimeng_slots_all(void);
static ngx_http_jimeng_slot_t *ngx_http_jimeng_slot_any(void);
static ngx_http_jimeng_slot_t *ngx_http_jimeng_slot_from(uint64_t serial);
static void ngx_http_jimeng_slot_call(ngx_http_jimeng_slot_t *slot);


/* slots that this worker's tasks have a place in the queue for */

static ngx_rbtree_t       ngx_http_jimeng_waiting;
static ngx_rbtree_node_t  ngx_http_jimeng_waiting_sentinel;

/* and those whose place is asked for: it may have news before it is known */

static ngx_queue_t        ngx_http_jimeng_asking;

/* how often all of them have looked, and the alarm for which they did last */

static ngx_uint_t         ngx_http_jimeng_turn;
static uint32_t           ngx_http_jimeng_alarms;


ngx_int_t
ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle)
{
    /* a process that is the only one reloads with slots in it */

    if (ngx_http_jimeng_waiting.root == NULL) {
        ngx_rbtree_init(&ngx_http_jimeng_waiting,
                        &ngx_http_jimeng_waiting_sentinel,
                        ngx_rbtree_insert_value);
        ngx_queue_init(&ngx_http_jimeng_asking);
    }

    return ngx_http_jimeng_wake_init(cycle, ngx_http_jimeng_slots_woken);
}


/*
 * event's handler is called when the slot is to be looked at again; posted runs
 * the request after an answer that came late.
 */

ngx_int_t
ngx_http_jimeng_slot_init(ngx_http_jimeng_slot_t *slot, ngx_http_request_t *r,
    ngx_event_t *event, ngx_http_posted_request_t *posted)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    slot->request = r;
    slot->zone = ngx_http_jimeng_zone_get(r);
    slot->event = event;

    ngx_http_jimeng_await_init(&slot->await, r, posted);
    ngx_http_jimeng_mem(&slot->mem, r->pool);

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->account->limits.concurrency == 0) {
        return NGX_OK;
    }

    return ngx_http_jimeng_slot_client(r, slot->client);
}


/* a client that has not said who it is, is told apart by its address */

static ngx_int_t
ngx_http_jimeng_slot_client(ngx_http_request_t *r, u_char *client)
{
    jm_str_t  addr;

    static u_char  nobody[JM_QUEUE_CLIENT];

    if (ngx_http_jimeng_identity(r, client) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_memcmp(client, nobody, JM_QUEUE_CLIENT) != 0) {
        return NGX_OK;
    }

    ngx_http_jimeng_str(&addr, &r->connection->addr_text);

    return ngx_http_jimeng_digest(client, &addr, 1);
}


/*
 * Takes a slot, or a place in the queue, or looks at the one that there is.
 * When slot->placed is called op.rc is JM_QUEUE_GRANTED: place.account is the
 * account's number, and that of wish->account where it is bound.
 * JM_QUEUE_WAIT: it is to be looked at again in op.wait milliseconds, and
 * slot->event is called when it is another's turn before.  JM_QUEUE_LATE and
 * _FULL: op.wait milliseconds from now it might be served.  JM_QUEUE_ASIDE:
 * none of its accounts is to be used.
 */

void
ngx_http_jimeng_slot_look(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish)
{
    jm_backend_t   *b;
    jm_op_place_t  *op;

    op = &slot->op;
    b = &slot->zone->backend;

    slot->missed = 0;

    if (slot->place.serial == 0) {
        slot->queued = ngx_current_msec;
        slot->granted = 0;
    }

    ngx_http_jimeng_slot_request(slot, wish, &op->request);

    ngx_http_jimeng_await(&slot->await, &op->done,
                          ngx_http_jimeng_slot_placed, slot);

    ngx_queue_insert_tail(&ngx_http_jimeng_asking, &slot->asking);

    op->client = wish->client;
    op->place = &slot->place;
    op->account = wish->account->queue_number;
    op->bound = wish->bound;
    op->fixed = wish->fixed;
    op->submit = wish->submit;
    op->listed = ngx_http_jimeng_client_listed(slot->request);

    b->place(b, op);

    ngx_http_jimeng_awaited(&slot->await);
}


static void
ngx_http_jimeng_slot_placed(void *data)
{
    ngx_http_jimeng_slot_t *slot = data;

    ngx_queue_remove(&slot->asking);

    /* a place that is there waits on */

    if (slot->op.away && slot->place.serial) {
        slot->op.away = 0;
        slot->op.gone = 0;
        slot->op.canceled = 0;
        slot->op.submitted = 0;
        slot->op.rc = JM_QUEUE_WAIT;
        slot->op.wait = JM_QUEUE_LOOK;
        slot->op.turn.position = 0;
    }

    if (!slot->op.away && !slot->op.gone) {

        switch (slot->op.rc) {

        case JM_QUEUE_GRANTED:
            ngx_http_jimeng_slot_stop(slot);
            slot->granted = ngx_current_msec;
            break;

        case JM_QUEUE_WAIT:
            ngx_http_jimeng_slot_wait(slot);

            if (slot->missed) {
                slot->op.wait = 0;
            }

            break;

        default:
            break;
        }
    }

    slot->placed.handler(slot->placed.data);
}


static void
ngx_http_jimeng_slot_request(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, jm_queue_request_t *request)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(slot->request,
                                        ngx_http_jimeng_module);

    account = jlcf->accounts->elts;

    request->naccounts = 0;

    for (i = 0; i < jlcf->accounts->nelts; i++) {

        /* what was made for one service the other does not understand */

        if (account[i]->provider == wish->account->provider) {
            request->accounts[request->naccounts++] =
                                        (uint8_t) account[i]->queue_number;
        }
    }

    if (wish->bound) {
        request->accounts[0] = (uint8_t) wish->account->queue_number;
        request->naccounts = 1;
    }

    ngx_memcpy(request->client, slot->client, JM_QUEUE_CLIENT);

    ngx_http_jimeng_str(&request->req_key, wish->req_key);

    request->model = jm_model_hash(request->req_key);
    request->worker = (uint32_t) ngx_worker;
    request->entry = wish->entry;
    request->task = (uint8_t) wish->task;
    request->price = wish->price;
    request->pictures = (uint8_t) wish->pictures;

    request->patience = (wish->deadline > ngx_current_msec)
                        ? wish->deadline - ngx_current_msec : 0;
}


/* one that waits without a place is looked at when its timer says so */

static void
ngx_http_jimeng_slot_wait(ngx_http_jimeng_slot_t *slot)
{
    if (slot->waits && slot->node.key == slot->place.serial) {
        return;
    }

    ngx_http_jimeng_slot_stop(slot);

    if (slot->place.serial == 0) {
        return;
    }

    if (!slot->waited) {
        slot->position = slot->op.turn.position;
    }

    slot->waits = 1;
    slot->waited = 1;
    slot->turn = ngx_http_jimeng_turn;
    slot->node.key = (ngx_rbtree_key_t) slot->place.serial;

    ngx_rbtree_insert(&ngx_http_jimeng_waiting, &slot->node);
}


void
ngx_http_jimeng_slot_stop(ngx_http_jimeng_slot_t *slot)
{
    if (slot->waits) {
        slot->waits = 0;
        ngx_rbtree_delete(&ngx_http_jimeng_waiting, &slot->node);
    }
}


/*
 * The submit was refused.  When slot->refused is called the task is the first
 * to be submitted next, or refusal.rc says why it is not.
 */

void
ngx_http_jimeng_slot_refused(ngx_http_jimeng_slot_t *slot, jm_refused_e why)
{
    jm_backend_t  *b;

    b = &slot->zone->backend;

    ngx_http_jimeng_await(&slot->await, &slot->refusal.done,
                          slot->refused.handler, slot->refused.data);

    slot->refusal.place = &slot->place;
    slot->refusal.why = why;

    b->refused(b, &slot->refusal);

    ngx_http_jimeng_awaited(&slot->await);
}


/* tells other workers that this one still looks after the task of the slot */

void
ngx_http_jimeng_slot_renew(ngx_http_jimeng_slot_t *slot)
{
    jm_backend_t  *b;

    if (slot->place.serial) {
        b = &slot->zone->backend;

        b->renew(b, &slot->place);
    }
}


/* gives back the slot, or the place in the queue */

void
ngx_http_jimeng_slot_leave(ngx_http_jimeng_slot_t *slot, jm_leave_e how)
{
    jm_backend_t  *b;

    ngx_http_jimeng_slot_stop(slot);

    if (slot->place.serial) {
        b = &slot->zone->backend;

        b->leave(b, &slot->place, how);
    }
}


/*
 * Those that something has happened to look.  A look may take others out of the
 * tree, and add new ones: each is found when its turn comes.
 */

static void
ngx_http_jimeng_slots_woken(ngx_event_t *ev)
{
    uint32_t                 alarms;
    uint64_t                 news[NGX_HTTP_JIMENG_NEWS];
    ngx_uint_t               i, n;
    jm_backend_t            *b;
    ngx_http_jimeng_slot_t  *slot;

    slot = ngx_http_jimeng_slot_any();

    if (slot == NULL) {
        return;
    }

    /* one worker's requests are all of one cycle, which has one zone */

    b = &slot->zone->backend;

    do {
        n = b->news(b, news, NGX_HTTP_JIMENG_NEWS, &alarms);

        for (i = 0; i < n; i++) {
            slot = ngx_http_jimeng_slot_from(news[i]);

            if (slot && slot->node.key == (ngx_rbtree_key_t) news[i]) {
                ngx_http_jimeng_slot_call(slot);

            } else {
                ngx_http_jimeng_slots_missed();
            }
        }

    } while (n == NGX_HTTP_JIMENG_NEWS);

    if (alarms != ngx_http_jimeng_alarms) {
        ngx_http_jimeng_alarms = alarms;
        ngx_http_jimeng_slots_missed();
        ngx_http_jimeng_slots_all();
    }
}


/* the news is of one of those, or of none: they look once more */

static void
ngx_http_jimeng_slots_missed(void)
{
    ngx_queue_t             *q;
    ngx_http_jimeng_slot_t  *slot;

    for (q = ngx_queue_head(&ngx_http_jimeng_asking);
         q != ngx_queue_sentinel(&ngx_http_jimeng_asking);
         q = ngx_queue_next(q))
    {
        slot = ngx_queue_data(q, ngx_http_jimeng_slot_t, asking);
        slot->missed = 1;
    }
}


/* each slot looks once, but for those that come to wait meanwhile */

static void
ngx_http_jimeng_slots_all(void)
{
    uint64_t                 serial;
    ngx_http_jimeng_slot_t  *slot;

    ngx_http_jimeng_turn++;

    for (serial = 0; /* void */ ; serial++) {
        slot = ngx_http_jimeng_slot_from(serial);

        if (slot == NULL) {
            return;
        }

        serial = slot->node.key;

        if (slot->turn != ngx_http_jimeng_turn) {
            slot->turn = ngx_http_jimeng_turn;
            ngx_http_jimeng_slot_call(slot);
        }
    }
}


static ngx_http_jimeng_slot_t *
ngx_http_jimeng_slot_any(void)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&ngx_http_jimeng_asking)) {
        return ngx_http_jimeng_slot_from(0);
    }

    q = ngx_queue_head(&ngx_http_jimeng_asking);

    return ngx_queue_data(q, ngx_http_jimeng_slot_t, asking);
}


/* the slot that waits with the least serial from this one on, or NULL */

static ngx_http_jimeng_slot_t *
ngx_http_jimeng_slot_from(uint64_t serial)
{
    ngx_rbtree_node_t       *node, *sentinel;
    ngx_http_jimeng_slot_t  *slot;

    slot = NULL;
    node = ngx_http_jimeng_waiting.root;
    sentinel = ngx_http_jimeng_waiting.sentinel;

    while (node != sentinel) {

        if (node->key < serial) {
            node = node->right;
            continue;
        }

        slot = ngx_rbtree_data(node, ngx_http_jimeng_slot_t, node);
        node = node->left;
    }

    return slot;
}


static void
ngx_http_jimeng_slot_call(ngx_http_jimeng_slot_t *slot)
{
    ngx_event_t  *event;

    event = slot->event;

    if (event->timer_set) {
        ngx_del_timer(event);
    }

    event->handler(event);
}
