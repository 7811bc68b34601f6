
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_used.h"
#include "jm_quota_window.h"


static void jm_quota_sums_add(jm_quota_t *q, jm_quota_sums_t *sums,
    const jm_bill_t *bill, int64_t seconds);
static jm_quota_slot_t *jm_quota_slot_find(const jm_quota_t *q,
    jm_quota_client_t *c, uint64_t model, int64_t seconds);
static void jm_quota_sum(const jm_quota_t *q, const jm_quota_sums_t *sums,
    int64_t seconds, jm_quota_sum_t *sum);


void
jm_quota_count(jm_quota_t *q, jm_quota_client_t *c, const jm_bill_t *bill,
    int64_t seconds)
{
    unsigned          i;
    uint8_t           told;
    uint64_t          used, window;
    jm_quota_slot_t  *slot;

    told = c->told;

    if (c->period != 0) {
        used = jm_quota_pictures(q, c, c->period, seconds, &window);

        if (window != c->window) {
            told &= (uint8_t) ~JM_QUOTA_TOLD;
        }

        jm_put(q->store, c->used, used + bill->images);
        jm_put(q->store, c->window, window);
    }

    for (i = 0; i < JM_QUOTA_SUMS; i++) {

        if (jm_quota_now(q, i, seconds) > c->sums.windows[i]) {
            told &= (uint8_t) ~(JM_QUOTA_TOLD_SUM << i);
        }
    }

    jm_put(q->store, c->told, told);

    jm_quota_sums_add(q, &c->sums, bill, seconds);

    slot = jm_quota_slot(q, c, bill->model, seconds);

    if (slot != NULL) {
        jm_quota_sums_add(q, &slot->sums, bill, seconds);
    }
}


static void
jm_quota_sums_add(jm_quota_t *q, jm_quota_sums_t *sums, const jm_bill_t *bill,
    int64_t seconds)
{
    unsigned  i;
    uint64_t  cost, images, window;

    for (i = 0; i < JM_QUOTA_SUMS; i++) {
        window = jm_quota_now(q, i, seconds);

        cost = sums->cost[i];
        images = sums->images[i];

        if (window > sums->windows[i]) {
            jm_put(q->store, sums->windows[i], (uint32_t) window);
            cost = 0;
            images = 0;
        }

        cost += jm_min(bill->cost, JM_QUOTA_MOST_COST);
        images += jm_min(bill->images, JM_QUOTA_MOST);

        jm_put(q->store, sums->cost[i], jm_min(cost, JM_QUOTA_MOST_COST));
        jm_put(q->store, sums->images[i],
               (uint32_t) jm_min(images, JM_QUOTA_MOST));
    }
}


/* no room is made: what is done may not be committed before all of it is */

jm_quota_slot_t *
jm_quota_slot(jm_quota_t *q, jm_quota_client_t *c, uint64_t model,
    int64_t seconds)
{
    uint32_t          n;
    jm_ref_t          ref;
    jm_store_t       *s;
    jm_quota_slot_t  *slot;
    jm_quota_used_t  *used;

    s = q->store;

    if (model == 0) {
        return NULL;
    }

    slot = jm_quota_slot_find(q, c, model, seconds);

    if (slot != NULL) {
        return slot;
    }

    for (n = 0, ref = c->models; ref; ref = used->next) {
        used = jm_at(s, ref);
        n += JM_QUOTA_SLOTS;
    }

    if (n >= JM_QUOTA_MODELS || s->shared->nfree == 0) {
        return NULL;
    }

    used = jm_store_take(s, JM_RECORD_USED);

    used->serial = c->serial;
    used->next = c->models;

    jm_store_seal(used, jm_quota_used_sealed);

    used->slots[0].model = model;

    jm_put(s, c->models, jm_ref(s, used));

    return &used->slots[0];
}


/* one of a model that was not used this month is as good as free */

static jm_quota_slot_t *
jm_quota_slot_find(const jm_quota_t *q, jm_quota_client_t *c, uint64_t model,
    int64_t seconds)
{
    uint32_t          i;
    uint64_t          month;
    jm_ref_t          ref;
    jm_quota_slot_t  *slot, *unused;
    jm_quota_used_t  *used;

    unused = NULL;
    month = jm_quota_now(q, JM_QUOTA_MONTH, seconds);

    for (ref = c->models; ref; ref = used->next) {
        used = jm_at(q->store, ref);

        for (i = 0; i < JM_QUOTA_SLOTS; i++) {
            slot = &used->slots[i];

            if (slot->model == model) {
                return slot;
            }

            if (unused == NULL
                && (slot->model == 0
                    || slot->sums.windows[JM_QUOTA_MONTH] < month))
            {
                unused = slot;
            }
        }
    }

    if (unused != NULL) {
        jm_put(q->store, unused->model, model);
    }

    return unused;
}


uint64_t
jm_quota_now(const jm_quota_t *q, unsigned which, int64_t seconds)
{
    return jm_quota_window(q, which == JM_QUOTA_DAY ? JM_CLIENT_DAY
                                                    : JM_CLIENT_MONTH,
                           seconds);
}


/*
 * Processes do not look at the clock at the same time, nor in the same time
 * zone: one that is behind does not begin the last window again.
 */

uint64_t
jm_quota_pictures(const jm_quota_t *q, const jm_quota_client_t *c,
    uint64_t period, int64_t seconds, uint64_t *window)
{
    *window = jm_quota_window(q, period, seconds);

    if (c == NULL || *window > c->window) {
        return 0;
    }

    *window = c->window;

    return c->used;
}


uint64_t
jm_quota_spent(const jm_quota_t *q, const jm_quota_client_t *c,
    unsigned which, int64_t seconds, uint64_t *window)
{
    *window = jm_quota_now(q, which, seconds);

    if (c == NULL || *window > c->sums.windows[which]) {
        return 0;
    }

    *window = c->sums.windows[which];

    return c->sums.cost[which];
}


void
jm_quota_usage(const jm_quota_t *q, const jm_client_t *client,
    int64_t seconds, jm_quota_usage_t *usage)
{
    uint32_t                  i;
    jm_ref_t                  ref;
    const jm_quota_used_t    *used;
    const jm_quota_client_t  *c;

    memset(usage, 0, sizeof(jm_quota_usage_t));

    c = jm_quota_find(q, client->name);

    if (c == NULL) {
        return;
    }

    jm_quota_sum(q, &c->sums, seconds, &usage->all);

    for (ref = c->models; ref; ref = used->next) {
        used = jm_at(q->store, ref);

        for (i = 0; i < JM_QUOTA_SLOTS; i++) {

            if (used->slots[i].model == 0 || usage->n == JM_QUOTA_MODELS) {
                continue;
            }

            jm_quota_sum(q, &used->slots[i].sums, seconds,
                         &usage->models[usage->n]);

            usage->models[usage->n++].model = used->slots[i].model;
        }
    }
}


static void
jm_quota_sum(const jm_quota_t *q, const jm_quota_sums_t *sums,
    int64_t seconds, jm_quota_sum_t *sum)
{
    unsigned  i;

    for (i = 0; i < JM_QUOTA_SUMS; i++) {

        if (jm_quota_now(q, i, seconds) <= sums->windows[i]) {
            sum->images[i] = sums->images[i];
            sum->cost[i] = sums->cost[i];
        }
    }
}


void
jm_quota_near(jm_quota_t *q, const jm_client_t *client, int64_t seconds,
    jm_quota_near_t *near)
{
    uint8_t             bit, told;
    unsigned            which;
    uint64_t            window;
    jm_quota_client_t  *c;

    memset(near, 0, sizeof(jm_quota_near_t));

    c = jm_quota_find(q, client->name);

    if (c == NULL) {
        return;
    }

    told = c->told;

    if (client->images != 0 && c->period != 0 && !(told & JM_QUOTA_TOLD)) {
        near->used = jm_quota_pictures(q, c, c->period, seconds, &window);

        if (near->used >= client->images - client->images / 5) {
            near->images = 1;
            told |= JM_QUOTA_TOLD;
        }
    }

    which = jm_quota_which(client->budget_period);
    bit = (uint8_t) (JM_QUOTA_TOLD_SUM << which);

    if (client->budget != 0 && !(told & bit)) {
        near->spent = jm_quota_spent(q, c, which, seconds, &window);

        if (near->spent >= client->budget - client->budget / 5) {
            near->budget = 1;
            told |= bit;
        }
    }

    if (told != c->told) {
        jm_put(q->store, c->told, told);
    }
}
