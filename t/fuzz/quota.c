
/*
 * Quotas in a simulated world: processes that hold, deliver, die at work and
 * come back in the same slot, reloads with other clients, days that go by,
 * a store that is full, and one that is taken over into another.  The input
 * decides what happens next; the world counts beside the quotas, in its own
 * way.  Whatever happens: what runs, is reserved and is used is what the world
 * has counted, nobody gets more than his limits, and nobody is refused who is
 * within them.
 *
 * Seen failing with each of these taken out of the quotas: the look at alive()
 * in jm_quota_reap(), the reaping in jm_quota_hold(), the fresh window in
 * jm_quota_pictures() and jm_quota_sums_add(), the records of more shares in
 * jm_quota_share_at(), the look at the budget in jm_quota_over(), what
 * jm_quota_unreserve() does with the cost, the look at the period in
 * jm_quota_count(), the jm_store_room() of clients and of shares, the number
 * and each value in jm_quota_import(), and the undo in jm_store_begin().
 */


#define _GNU_SOURCE

#include "counted.h"


/* once a day, from four fifths on, for pictures and for money */

static void
near(world_t *w)
{
    unsigned          client, most, spent;
    counted_t        *c;
    jm_quota_near_t   n;

    client = choose(&w->input, CLIENTS);
    c = today(w, client);

    jm_quota_near(&w->q, &c->client, seconds(w), &n);

    most = c->known && c->client.images && !(c->told & 1)
           && 5 * c->used >= 4 * c->client.images;
    spent = c->known && c->client.budget && !(c->told & 2)
            && 5 * c->spent >= 4 * c->client.budget;

    check(n.images == most && n.budget == spent);

    c->told |= most | spent << 1;
}


/* what the quotas say is what was counted */

static void
look_around(world_t *w)
{
    unsigned         i;
    uint64_t         running, images, cost;
    jm_client_t     *client;
    jm_quota_view_t  view;

    for (i = 0; i < CLIENTS; i++) {
        client = &w->counted[i].client;

        sums(w, i, &running, &images, &cost);

        jm_quota_view(&w->q, client, seconds(w), &view);

        if (!w->counted[i].known) {
            check(view.running == 0 && view.used == 0 && view.reserved == 0);
            check(view.budget.spent == 0 && view.budget.reserved == 0);
            continue;
        }

        check(view.running == running);
        check(view.reserved == images);
        check(view.used == used(w, i));
        check(client->images == 0 || view.used + view.reserved
              + view.remaining == client->images || view.remaining == 0);

        check(view.budget.reserved == cost);
        check(client->budget == 0 || view.budget.spent == today(w, i)->spent);
        check(client->budget == 0 || view.budget.spent + view.budget.reserved
              + view.budget.remaining == client->budget
              || view.budget.remaining == 0);

        look_at_usage(w, i);
    }
}


static void
hold(world_t *w, holder_t *h)
{
    unsigned          force, over, process;
    uint64_t          n, running, images, cost;
    counted_t        *c;
    jm_quota_e        rc;
    jm_quota_view_t   view;
    const jm_bill_t  *b;

    if (h->process) {
        return;
    }

    /* most are of one client, who is in as many processes as there are */

    h->client = choose(&w->input, 2 * CLIENTS);
    h->client = jm_min(h->client, CLIENTS - 1);
    c = &w->counted[h->client];

    n = 1 + choose(&w->input, 15);
    b = billed(w, n);
    force = (choose(&w->input, 4) == 0);

    process = 1 + choose(&w->input, OWNERS);

    if (died[process]) {
        process = 1 + process % OWNERS;
    }

    be(w, process);

    sums(w, h->client, &running, &images, &cost);

    over = c->known
           && ((c->client.concurrency && running >= c->client.concurrency)
               || (c->client.images
                   && used(w, h->client) + images + n > c->client.images)
               || (c->client.budget && b->cost
                   && c->spent + cost + b->cost > c->client.budget));

    rc = jm_quota_hold(&w->q, &c->client, b, force, seconds(w), &h->hold,
                       &view);

    if (rc == JM_QUOTA_NO_ROOM) {
        check(w->store.shared->nfree == 0 && !h->hold.running);
        return;
    }

    check((rc != JM_QUOTA_OK) == over);

    if (!h->hold.running) {
        check((over && !force) || !c->known
              || (c->client.concurrency == 0 && c->client.images == 0
                  && c->client.budget == 0));
        return;
    }

    h->process = process;
    h->era = c->era;
    h->running = 1;
    h->images = n;
    h->cost = b->cost;
}


static void
attach(world_t *w, holder_t *h)
{
    if (h->process) {
        return;
    }

    h->client = choose(&w->input, CLIENTS);

    jm_quota_attach(&w->q, &w->counted[h->client].client, &h->hold);

    if (w->counted[h->client].known) {
        h->process = 1 + choose(&w->input, OWNERS);
        h->era = w->counted[h->client].era;
        h->running = 0;
        h->images = 0;
        h->cost = 0;
    }
}


static void
deliver(world_t *w, holder_t *h)
{
    counted_t        *c;
    const jm_bill_t  *b;

    if (h->process == 0) {
        return;
    }

    b = billed(w, choose(&w->input, 16));
    c = &w->counted[h->client];

    be(w, h->process);

    jm_quota_delivered(&w->q, &h->hold, b, seconds(w));

    if (h->era != c->era || !c->known) {
        return;
    }

    count(w, h->client, b);

    h->images -= jm_min(b->images, h->images);
    h->cost -= jm_min(b->cost, h->cost);
}


static void
release(world_t *w, holder_t *h)
{
    if (h->process == 0) {
        return;
    }

    be(w, h->process);

    jm_quota_release(&w->q, &h->hold);

    h->process = 0;
}


/* what a request has brought whose process may have died */

static void
made(world_t *w)
{
    unsigned          client;
    const jm_bill_t  *b;

    b = billed(w, choose(&w->input, 16));
    client = choose(&w->input, CLIENTS);

    (void) jm_quota_made(&w->q, w->counted[client].serial, b, seconds(w));

    count(w, client, b);
}


/* it has the lock, and is not done: nothing of it has happened */

static void
die_at_work(world_t *w, unsigned process)
{
    jm_hold_t          hold;
    jm_client_t       *client;
    jm_quota_rate_t    rate;
    jm_quota_view_t    view;

    client = &w->counted[choose(&w->input, CLIENTS)].client;

    be(w, process);

    (void) jm_quota_rate(&w->q, client, w->now, &rate);
    (void) jm_quota_hold(&w->q, client, bill(1), 1, seconds(w), &hold, &view);
    jm_quota_delivered(&w->q, &hold, bill(1), seconds(w));

    if (choose(&w->input, 2) && jm_quota_serial(&w->q, client)) {
        jm_quota_drop(&w->q, jm_quota_find(&w->q, client->name));
    }

    jm_store_begin(&w->store);
}


/* its slot may be another one's at once; maybe it had the lock */

static void
die(world_t *w, unsigned process)
{
    unsigned  i, soon;

    for (i = 0; i < HOLDS; i++) {
        if (w->holders[i].process == process) {
            w->holders[i].process = 0;
        }
    }

    soon = choose(&w->input, 2);

    if (choose(&w->input, 2)) {
        die_at_work(w, process);
    }

    if (!soon) {
        died[process] = 1;
        hold(w, &w->holders[choose(&w->input, HOLDS)]);
        be(w, 1 + process % OWNERS);
        look_around(w);
        died[process] = 0;
    }

    w->owners[process] += JM_STORE_OWNERS;
    store_own(&w->store, w->owners[process]);
}


/* a bucket that is filled by the world's own hand */

static void
rate(world_t *w)
{
    jm_rc_e           rc;
    uint64_t          most;
    counted_t        *c;
    jm_quota_rate_t   r;

    c = &w->counted[choose(&w->input, CLIENTS)];

    rc = jm_quota_rate(&w->q, &c->client, w->now, &r);

    if (!c->known || c->client.rate == 0) {
        check(rc == JM_OK);
        return;
    }

    most = c->client.rate * c->client.rate_period;
    c->tokens = jm_min(most, c->tokens + (w->now - c->since) * c->client.rate);
    c->since = w->now;

    check((rc == JM_OK) == (c->tokens >= c->client.rate_period));
    check((rc == JM_OK) == (r.retry == 0));

    if (rc == JM_OK) {
        c->tokens -= c->client.rate_period;
    }

    check(r.remaining == c->tokens / c->client.rate_period);
    check(r.reset == (most - c->tokens + c->client.rate - 1)
                     / c->client.rate);
}


static void
reload(world_t *w)
{
    size_t              n;
    unsigned            i, set;
    counted_t          *c;
    const jm_client_t  *clients[CLIENTS];

    n = 0;
    set = choose(&w->input, 1u << CLIENTS);

    for (i = 0; i < CLIENTS; i++) {
        if (set & 1u << i) {
            clients[n++] = &w->counted[i].client;
        }
    }

    if (quota_sync(&w->q, clients, n) != JM_OK) {
        check(n > w->q.shared->nclients + w->store.shared->nfree);
        return;
    }

    for (i = 0; i < CLIENTS; i++) {
        c = &w->counted[i];

        if (!(set & 1u << i)) {
            c->known = 0;

        } else if (!c->known) {
            c->known = 1;
            c->era++;
            c->serial = jm_quota_serial(&w->q, &c->client);
            c->day = 0;
            c->since = w->now;
            c->tokens = c->client.rate * c->client.rate_period;
        }
    }
}


/* a store that is new, with room for about as many as there are clients */

static void
begin(world_t *w)
{
    unsigned  i;

    w->memory = !w->memory;

    memset(memory[w->memory], 0, SIZE);

    quota_attach(&w->q, &w->store, memory[w->memory], SIZE, 1);

    for (i = 1; i <= OWNERS; i++) {
        w->owners[i] = i;
    }

    fill(&w->store, CLIENTS - 1 + w->room);
}


/* all processes end, and what clients have used goes from one to another */

static void
restart(world_t *w)
{
    size_t              n;
    unsigned            i, imported;
    jm_store_t          old;
    const jm_client_t  *clients[CLIENTS];

    old = w->store;

    begin(w);

    w->store.shared->serial = old.shared->serial;
    imported = 0;

    for (i = 0; i < old.shared->used; i++) {
        imported += jm_quota_import(&w->q, &old,
                                    jm_ref(&old, jm_store_record(&old, i)),
                                    seconds(w))
                    == JM_OK;
        jm_store_commit(&w->store);
    }

    for (i = 0; i < HOLDS; i++) {
        w->holders[i].process = 0;
    }

    n = 0;

    for (i = 0; i < CLIENTS; i++) {
        if (w->counted[i].known) {
            clients[n++] = &w->counted[i].client;
        }
    }

    check(imported == n);
    check(quota_sync(&w->q, clients, n) == JM_OK);
}


static void
happen(world_t *w)
{
    holder_t  *h;

    h = &w->holders[choose(&w->input, HOLDS)];

    switch (choose(&w->input, 16)) {

    case 0:
    case 1:
    case 2:
    case 3:
        hold(w, h);
        break;

    case 4:
    case 5:
        deliver(w, h);
        break;

    case 6:
    case 7:
        release(w, h);
        break;

    case 8:
        attach(w, h);
        break;

    case 9:
    case 10:
    case 11:
        rate(w);
        break;

    case 12:
        reload(w);
        break;

    case 13:
        die(w, 1 + choose(&w->input, OWNERS));
        break;

    case 14:
        w->now += choose(&w->input, 256) * 20;
        break;

    default:

        switch (choose(&w->input, 8)) {

        case 0:
            restart(w);
            break;

        case 1:
        case 2:
        case 3:
            made(w);
            break;

        case 4:
        case 5:
            near(w);
            break;

        default:
            w->day += choose(&w->input, 2);
        }
    }

    jm_store_commit(&w->store);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned       i;
    jm_client_t   *c;

    static world_t            w;
    static const char *const  names[CLIENTS] = { "a", "b", "c", "d", "e" };

    memset(&w, 0, sizeof(world_t));
    memset(died, 0, sizeof(died));

    w.input.data = data;
    w.input.size = size;
    w.now = 1;
    w.day = DAY;
    store_alive_by(&w.store, lives);
    w.store.owner = 1;

    for (i = 0; i < CLIENTS; i++) {
        c = &w.counted[i].client;

        /* rates that a second, and so their cost in ns, is a multiple of */

        c->name = str(names[i]);
        c->rate = i == 4 ? 0 : 1u << i;
        c->rate_period = 1000;
        c->concurrency = i == 4 ? 2 * OWNERS : i;
        c->images = i == 1 ? 0 : i == 4 ? 500 : 9 * i;
        c->images_period = c->images ? PERIOD : 0;
        c->budget = i == 2 ? 0 : 700 * (i + 1);
        c->budget_period = c->budget ? PERIOD : 0;
    }

    w.room = choose(&w.input, 3);

    begin(&w);

    while (w.input.size != 0) {
        happen(&w);
        look_around(&w);
        jm_store_commit(&w.store);
        check(store_is_whole(&w.store));
    }

    return 0;
}
