
/*
 * Clients that come and go in pieces, between which other processes go on: no
 * piece is long, what others do between two of them counts, and wherever it
 * ends the next one makes it right.
 *
 * Seen failing with each of these taken out of jm_quota_sync.c: the end of a
 * piece in each step, the store of a mark and of a new client's, the moving of
 * who is marked, the look at the round, or that at a later one, jm_store_room()
 * in either step, and the commits of jm_quota_sync_drop() and _add().
 */


#define _GNU_SOURCE

#include "quota_world.h"


#define MANY    100
#define PIECES  ((MANY + JM_QUOTA_PIECE - 1) / JM_QUOTA_PIECE)


static char                names[MANY][8];
static jm_client_t         many[MANY];
static const jm_client_t  *clients[MANY];

/* records that were given up for others */

static unsigned  forgotten;


static jm_rc_e
forget_one(void *ctx)
{
    forgotten++;

    return forget(ctx);
}


static void
sync_init(jm_quota_sync_t *sync, unsigned first, unsigned n)
{
    memset(sync, 0, sizeof(jm_quota_sync_t));

    sync->clients = &clients[first];
    sync->n = n;
}


/* a piece of it, as by a process that dies after it without a commit */

static void
piece(jm_quota_t *q, jm_quota_sync_t *sync)
{
    if (jm_quota_sync(q, sync) != JM_OK) {
        abort();
    }

    if (q->store->shared->nundo > JM_STORE_UNDO / 4) {
        ok(0, "a piece is deep: %u", q->store->shared->nundo);
    }

    jm_store_commit(q->store);
}


/* pieces until a step begins; returns how many there were */

static unsigned
until(jm_quota_t *q, jm_quota_sync_t *sync, jm_quota_step_e step)
{
    unsigned  n;

    for (n = 0; sync->step != step; n++) {
        piece(q, sync);
    }

    return n;
}


/* how many of these are known */

static int
known(const jm_quota_t *q, unsigned first, unsigned n)
{
    int       sum;
    unsigned  i;

    for (i = first, sum = 0; i < first + n; i++) {
        sum += (jm_quota_serial(q, clients[i]) != 0);
    }

    return sum;
}


static void
test_pieces(void)
{
    jm_quota_t       q, other;
    jm_hold_t        a, b;
    jm_quota_view_t  view;
    jm_quota_sync_t  sync;

    start(&q, &other, clients[0]);
    (void) jm_quota_hold(&other, clients[0], bill(1), 0, SECONDS, &a, &view);
    jm_store_commit(&stores[1]);

    sync_init(&sync, 0, MANY);

    is_int(until(&q, &sync, JM_SYNC_ROOM), PIECES, "so many look for all");
    is_int(until(&q, &sync, JM_SYNC_ADD), 2, "there is room, nobody goes");

    piece(&q, &sync);
    is_int(known(&q, 0, MANY), JM_QUOTA_PIECE, "some are there");

    /* another one goes on */

    (void) jm_quota_hold(&other, clients[0], bill(1), 0, SECONDS, &b, &view);
    jm_quota_delivered(&other, &b, bill(1), SECONDS);
    jm_store_commit(&stores[1]);

    is_int(until(&q, &sync, JM_SYNC_DONE), PIECES - 1, "so many enter all");
    is_int(known(&q, 0, MANY), MANY, "all are there");
    is_view(&q, clients[0], 2, 1, 1, "who was before has what he had");
    is_int(until(&q, &sync, JM_SYNC_DONE), 0, "it is done");

    /* most of them go */

    sync_init(&sync, MANY - 10, 10);
    is_int(until(&q, &sync, JM_SYNC_ROOM), 1, "ten are looked for");
    is_int(known(&q, 0, MANY), MANY, "all are there still");
    piece(&q, &sync);
    piece(&q, &sync);
    is_int(known(&q, 0, MANY), MANY - JM_QUOTA_PIECE, "some go");

    jm_quota_release(&other, &a);
    jm_quota_delivered(&other, &b, bill(1), SECONDS);
    jm_store_commit(&stores[1]);

    (void) until(&q, &sync, JM_SYNC_DONE);
    is_int(known(&q, 0, MANY), 10, "who was not named is not known");
    is_int(known(&q, MANY - 10, 10), 10, "the others are");
    done();
}


/* wherever it ends, another one begins anew, with others */

static void
test_cut(void)
{
    unsigned         n, wrong;
    jm_quota_t       q, other;
    jm_quota_sync_t  sync;

    wrong = 0;

    for (n = 0; /* void */ ; n++) {
        start(&q, &other, clients[0]);

        if (quota_sync(&q, clients, 70) != JM_OK) {
            abort();
        }

        sync_init(&sync, 50, 50);

        while (sync.step != JM_SYNC_DONE
               && sync.next + 1000 * sync.step < n * JM_QUOTA_PIECE)
        {
            piece(&q, &sync);
        }

        wrong += quota_sync(&q, &clients[20], 40) != JM_OK;
        wrong += known(&q, 20, 40) != 40;
        wrong += q.shared->nclients != 40;
        wrong += !store_is_whole(&stores[0]);

        jm_store_commit(&stores[0]);
        store_done(&stores[0]);

        if (sync.step == JM_SYNC_DONE) {
            break;
        }
    }

    ok(n > 10, "it was cut %u times", n);
    is_int(wrong, 0, "and made right each time");
}


/* two that share a store read their files at the same time */

static void
test_two(void)
{
    unsigned         n, wrong;
    jm_quota_t       q, other;
    jm_quota_sync_t  one, two;

    wrong = 0;

    for (n = 0; n < 14; n++) {
        start(&q, &other, clients[0]);

        if (quota_sync(&q, clients, 70) != JM_OK) {
            abort();
        }

        sync_init(&one, 0, 60);
        sync_init(&two, 40, 60);

        piece(&q, &one);

        while (one.step != JM_SYNC_DONE || two.step != JM_SYNC_DONE) {
            piece(&q, &one);

            if (one.step == JM_SYNC_DONE || (one.next + one.step + n) % 3) {
                piece(&other, &two);
            }
        }

        wrong += known(&q, 40, 60) != 60;

        jm_store_commit(&stores[0]);
        wrong += !store_is_whole(&stores[0]);
        store_done(&stores[0]);
    }

    is_int(wrong, 0, "the later one's are all there");

    /* one that began before knows less */

    start(&q, &other, clients[0]);
    (void) jm_quota_made(&q, jm_quota_serial(&q, clients[0]), bill(1), SECONDS);
    sync_init(&one, 1, 1);
    sync_init(&two, 0, 1);
    piece(&q, &one);
    piece(&other, &two);
    (void) until(&q, &one, JM_SYNC_DONE);
    (void) until(&other, &two, JM_SYNC_DONE);
    is_view(&q, clients[0], 0, 1, 0, "the later one's has what he had");
    done();

    start(&q, &other, clients[0]);
    sync_init(&one, 0, 2);
    sync_init(&two, 2, 1);
    piece(&q, &one);
    (void) until(&other, &two, JM_SYNC_DONE);
    (void) until(&q, &one, JM_SYNC_DONE);
    is_int(known(&q, 2, 1), 1, "the later one's is there, though it is new");
    done();
}


static void
test_room(void)
{
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      hourly;
    jm_store_t      *s;
    jm_quota_view_t  view;
    jm_quota_sync_t  sync;

    s = &stores[0];
    hourly = many[0];
    hourly.images_period = 3600;

    start(&q, &other, clients[0]);
    (void) jm_quota_hold(&q, clients[0], bill(1), 0, SECONDS, &hold, &view);
    jm_quota_delivered(&q, &hold, bill(1), SECONDS);
    jm_quota_release(&q, &hold);

    fill(s, 5);
    clients[0] = &hourly;
    sync_init(&sync, 0, MANY);
    (void) until(&q, &sync, JM_SYNC_ROOM);
    is_int(jm_quota_sync(&q, &sync), JM_ERROR, "no room");
    is_view(&q, &many[0], 0, 1, 0, "nobody has changed");
    is_int(known(&q, 0, MANY), 1, "nor come");
    clients[0] = &many[0];

    s->forget = forget_one;
    s->ctx = s;
    forgotten = 0;

    sync_init(&sync, 0, MANY);
    (void) until(&q, &sync, JM_SYNC_ROOM);
    piece(&q, &sync);
    is_int(forgotten, JM_QUOTA_PIECE, "so many are forgotten at a time");
    (void) until(&q, &sync, JM_SYNC_DROP);
    is_int(forgotten, MANY - 1 - 5, "and no more than are needed");

    /* others take it meanwhile */

    fill(s, 50);
    (void) until(&q, &sync, JM_SYNC_DONE);
    is_int(forgotten, MANY - 1 - 5 + 49, "again, then");
    is_int(known(&q, 0, MANY), MANY, "all are there");

    /* it fails late: those that are new are forgotten the next time */

    sync_init(&sync, 0, 1);
    (void) until(&q, &sync, JM_SYNC_DONE);
    sync_init(&sync, 0, MANY);
    (void) until(&q, &sync, JM_SYNC_ADD);
    fill(s, 50);
    s->forget = NULL;
    piece(&q, &sync);
    is_int(jm_quota_sync(&q, &sync), JM_ERROR, "no room any more");
    is_int(known(&q, 0, MANY), 51, "some have come");
    is_int(quota_sync(&q, clients, 3), JM_OK, "and others");
    is_int(known(&q, 0, MANY), 3, "they go");
    done();
}


int
main(void)
{
    unsigned  i;

    for (i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        many[i] = client(names[i], 1, 100, 100);
        clients[i] = &many[i];
    }

    test_pieces();
    test_cut();
    test_two();
    test_room();

    return done_testing();
}
