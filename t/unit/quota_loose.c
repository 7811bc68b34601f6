/*
 * Clients that no file names: they are entered as they come, each counts for
 * itself, and they are forgotten when nothing would be different without them.
 * However many names there are, they take no more than their part of a store.
 *
 * Seen failing with each of these taken out: the looks at old ones, the limit
 * and the jm_store_room() in jm_quota_loose_room(), the move to the end and the
 * look at the month in jm_quota_shrink(), each look in jm_quota_idle(), the
 * conditions and the period in jm_quota_enter(), "loose" in jm_quota_listed(),
 * what is kept for them in jm_quota_set_loose(), its calls in jm_quota_drop(),
 * jm_quota_sync() and jm_quota_import(), and their ring in jm_quota_join().
 */


#define _GNU_SOURCE

#include "quota_world.h"

#include "jm_quota_loose.h"


#define MINUTE   60000


static jm_client_t
loose(const char *name, uint64_t rate, uint32_t concurrency, uint64_t images)
{
    jm_client_t  c;

    c = client(name, rate, concurrency, images);
    c.unlisted = 1;

    return c;
}


static jm_rc_e
enter(jm_quota_t *q, const jm_client_t *c, uint64_t now, int64_t seconds)
{
    jm_rc_e  rc;

    rc = jm_quota_enter(q, c, now, seconds);
    jm_store_commit(q->store);

    return rc;
}


static void
is_loose(jm_quota_t *q, uint32_t n, const char *name)
{
    jm_store_commit(q->store);

    is_int(q->shared->nloose, n, "%s: so many", name);
    is_int(q->store->shared->kept, n * JM_QUOTA_EACH,
           "which the ledger leaves free");
    is_int(store_count(q->store, JM_RECORD_CLIENT), n + q->shared->nclients,
           "and no other record");
}


static void
test_enter(void)
{
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      alice, bob, carol, dave, erin;
    jm_quota_rate_t  rate;
    jm_quota_view_t  view;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    erin = client("erin", 1, 1, 1);
    bob = loose("bob", 1, 0, 2);
    carol = loose("carol", 1, 0, 2);
    dave = loose("dave", 0, 0, 0);

    is_int(enter(&q, &alice, NOW, SECONDS), JM_OK, "who has a line");
    is_int(enter(&q, &erin, NOW, SECONDS), JM_OK, "had one until now");
    is_loose(&q, 0, "are not entered");

    is_int(enter(&q, &dave, NOW, SECONDS), JM_OK, "who has no limits");
    is_loose(&q, 1, "is, for what it uses to be counted");
    is_int(jm_quota_shrink(&q, 8, 0, NOW, SECONDS), JM_OK, "nothing so far");

    is_int(enter(&q, &bob, NOW, SECONDS), JM_OK, "one");
    is_int(jm_quota_rate(&q, &bob, NOW, &rate), JM_OK, "a request");
    is_int(enter(&q, &bob, NOW, SECONDS), JM_OK, "the same again");
    is_int(enter(&q, &carol, NOW, SECONDS), JM_OK, "another");
    is_loose(&q, 2, "two");

    is_int(jm_quota_rate(&q, &bob, NOW, &rate), JM_INVALID, "and no other");
    is_int(jm_quota_rate(&q, &carol, NOW, &rate), JM_OK, "but of the other");

    is_int(jm_quota_hold(&q, &bob, bill(2), 0, SECONDS, &hold, &view),
           JM_QUOTA_OK, "pictures");
    jm_quota_delivered(&q, &hold, bill(2), SECONDS);
    jm_quota_release(&q, &hold);
    is_int(jm_quota_hold(&q, &bob, bill(1), 0, SECONDS, &hold, &view),
           JM_QUOTA_IMAGES, "and no more");
    is_view(&q, &carol, 0, 0, 0, "but of the other");

    ok(jm_quota_serial(&q, &bob) != 0, "it has a number");
    is_int(jm_quota_listed(&q, &alice), 1, "one is in the files");
    is_int(jm_quota_listed(&q, &bob), 0, "the other is not");
    is_int(jm_quota_listed(&q, &dave), 0, "nor one that is not there");

    bob.images_period = 3600;
    (void) enter(&q, &bob, NOW, SECONDS);
    is_view(&q, &bob, 0, 0, 0, "windows of another length are others");

    done();
}


/* each of what keeps a client keeps it alone */

static void
test_idle(void)
{
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      alice, c;
    jm_quota_rate_t  rate;
    jm_quota_view_t  view;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS),
           JM_INVALID, "there is none");

    c = loose("bucket", 1, 0, 0);
    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_rate(&q, &c, NOW, &rate);
    is_int(jm_quota_shrink(&q, 8, 1, NOW + MINUTE - 1, SECONDS), JM_INVALID,
           "a bucket that is not full");
    is_int(jm_quota_shrink(&q, 8, 1, NOW + MINUTE, SECONDS), JM_OK, "it is");
    is_loose(&q, 0, "none is left");

    c = loose("window", 0, 0, 5);
    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &hold, &view);
    jm_quota_delivered(&q, &hold, bill(1), SECONDS);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS + 86400), JM_INVALID,
           "a request that runs");
    jm_quota_release(&q, &hold);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, (int64_t) DAY * 86400 + 86399),
           JM_INVALID, "a picture of today");
    is_int(jm_quota_shrink(&q, 8, 1, NOW, (int64_t) DAY * 86400 + 86400), JM_OK,
           "of yesterday");
    is_loose(&q, 0, "none is left");

    c = loose("refused", 0, 1, 5);
    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &hold, &view);
    jm_quota_release(&q, &hold);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS), JM_OK, "nothing was made");

    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_hold(&other, &c, bill(1), 0, SECONDS, &hold, &view);
    jm_store_commit(&stores[1]);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS), JM_INVALID,
           "another process's");
    dead[2] = 1;
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS), JM_OK, "which has died");

    (void) enter(&q, &c, NOW, SECONDS);
    jm_put(q.store, jm_quota_find(&q, c.name)->full, UINT64_MAX);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS), JM_OK,
           "a bucket that is damaged");
    is_loose(&q, 0, "none is left");

    done();
}


/* what they have used is kept until there is no room, or it is another month */

static void
test_used(void)
{
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      alice, c;
    jm_quota_view_t  view;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    c = loose("free", 0, 0, 0);
    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_made(&q, jm_quota_serial(&q, &c), bill(1), SECONDS);
    is_int(jm_quota_shrink(&q, 8, 0, NOW, SECONDS + 20 * 86400), JM_INVALID,
           "used this month");
    is_int(jm_quota_shrink(&q, 8, 0, NOW, SECONDS + 31 * 86400), JM_OK,
           "it is over");
    is_int(store_count(q.store, JM_RECORD_USED), 0, "with its models");

    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_made(&q, jm_quota_serial(&q, &c), bill(1), SECONDS);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS), JM_OK, "there is no room");

    c = loose("budget", 0, 0, 0);
    c.budget = 5 * PRICE;
    c.budget_period = JM_CLIENT_DAY;
    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &hold, &view);
    jm_quota_delivered(&q, &hold, bill(1), SECONDS);
    jm_quota_release(&q, &hold);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS), JM_INVALID,
           "spent of a day's budget");
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS + 86400), JM_OK,
           "of yesterday's");

    c.budget_period = JM_CLIENT_MONTH;
    (void) enter(&q, &c, NOW, SECONDS);
    (void) jm_quota_made(&q, jm_quota_serial(&q, &c), bill(1), SECONDS);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS + 86400), JM_INVALID,
           "spent of a month's");
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS + 31 * 86400), JM_OK,
           "of last month's");
    is_loose(&q, 0, "none is left");

    done();
}


/* one location has limits for its names, and another has none */

static void
test_elsewhere(void)
{
    jm_quota_t       q, other;
    jm_client_t      alice, here, there;
    jm_quota_view_t  view;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    here = loose("both", 0, 0, 5);
    here.budget = 5 * PRICE;
    here.budget_period = JM_CLIENT_MONTH;
    there = loose("both", 0, 0, 0);

    (void) enter(&q, &here, NOW, SECONDS);
    (void) jm_quota_made(&q, jm_quota_serial(&q, &here), bill(2), SECONDS);
    (void) enter(&q, &there, NOW, SECONDS);
    (void) jm_quota_made(&q, jm_quota_serial(&q, &there), bill(1), SECONDS);

    jm_quota_view(&q, &here, SECONDS, &view);
    is_int((int64_t) view.used, 3, "used here, and where there is no limit");
    is_int((int64_t) view.budget.spent, 3 * PRICE, "and spent");
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS + 86400), JM_INVALID,
           "it is not forgotten before the month is over");

    done();
}


/* names come and go: no more are there than are in use, and some */

static void
test_names(void)
{
    char             name[16];
    uint64_t         now;
    unsigned         i, most;
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      alice, bob, c;
    jm_quota_rate_t  rate;
    jm_quota_view_t  view;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    now = NOW;
    most = 0;

    /* the first of all stays, which must not hide the others */

    bob = loose("bob", 0, 1, 0);
    (void) enter(&q, &bob, NOW, SECONDS);
    (void) jm_quota_hold(&q, &bob, bill(1), 0, SECONDS, &hold, &view);

    /* ten of them have a bucket that is not full */

    for (i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        c = loose(name, 1, 0, 0);

        if (jm_quota_enter(&q, &c, now, SECONDS) != JM_OK) {
            break;
        }

        (void) jm_quota_rate(&q, &c, now, &rate);
        jm_store_commit(q.store);

        most = jm_max(most, q.shared->nloose);
        now += MINUTE / 10;
    }

    is_int(i, 5000, "there is room for all");
    ok(most >= 10 && most <= 21, "%u at a time", most);
    is_view(&q, &bob, 1, 0, 1, "the first");

    done();
}


static void
test_full(void)
{
    char             name[16];
    unsigned         i, max;
    jm_ring_t       *link;
    jm_quota_t       q, other;
    jm_client_t      alice, c;
    jm_quota_rate_t  rate;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    max = q.store->shared->records / JM_QUOTA_LOOSE;

    for (i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        c = loose(name, 1, 0, 0);

        if (jm_quota_enter(&q, &c, NOW, SECONDS) != JM_OK) {
            break;
        }

        (void) jm_quota_rate(&q, &c, NOW, &rate);
    }

    is_int(i, max, "an eighth of the store");
    is_loose(&q, max, "full");

    is_int(enter(&q, &c, NOW + MINUTE - 1, SECONDS), JM_ERROR, "no room");
    is_loose(&q, max, "nothing was entered");

    /* the first two have sent more since, the next one has not */

    link = jm_ring_next(q.store, &q.shared->loose);

    for (i = 0; i < 2; i++) {
        jm_put(q.store, jm_quota_linked(link)->full,
               (NOW + 2 * (uint64_t) MINUTE) * JM_QUOTA_NS);
        link = jm_ring_next(q.store, link);
    }

    jm_store_commit(q.store);
    is_int(enter(&q, &c, NOW + MINUTE, SECONDS), JM_OK, "a minute later");
    ok(q.shared->nloose < max, "others have gone");

    /* others have all there is: the same, however few are loose */

    jm_quota_drop(&q, jm_quota_find(&q, c.name));
    jm_store_commit(q.store);
    fill(q.store, 0);
    c = loose("one", 1, 0, 0);
    (void) jm_quota_shrink(&q, 1000, 1, NOW + 2 * MINUTE, SECONDS);
    fill(q.store, 0);
    is_int(enter(&q, &c, NOW, SECONDS), JM_ERROR, "no record");
    is_loose(&q, 0, "none is left");

    done();
}


/* a line is written for one, and is taken out again */

static void
test_listed(void)
{
    jm_hold_t           hold;
    jm_quota_t          q, other;
    jm_client_t         alice, bob, carol;
    jm_quota_view_t     view;
    const jm_client_t  *both[2];

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    bob = loose("bob", 0, 2, 5);
    carol = loose("carol", 0, 2, 5);

    (void) enter(&q, &bob, NOW, SECONDS);
    (void) jm_quota_hold(&q, &bob, bill(1), 0, SECONDS, &hold, &view);
    (void) enter(&q, &carol, NOW, SECONDS);
    jm_quota_delivered(&q, &hold, bill(1), SECONDS);

    both[0] = &alice;
    both[1] = &bob;

    bob.unlisted = 0;
    is_int(quota_sync(&q, both, 2), JM_OK, "it has a line");
    is_loose(&q, 1, "the other has not");
    is_int(q.shared->nclients, 2, "two have");
    is_int(jm_quota_listed(&q, &bob), 1, "one of them is this");
    is_view(&q, &bob, 1, 1, 0, "what it has used");

    jm_quota_release(&q, &hold);
    is_int(jm_quota_shrink(&q, 8, 1, NOW, SECONDS + 86400), JM_OK,
           "only the other is forgotten");
    is_loose(&q, 0, "for good");

    is_int(quota_sync(&q, both, 1), JM_OK, "the line is taken out");
    is_int(q.shared->nclients, 1, "it is not there any more");
    is_int((int64_t) jm_quota_serial(&q, &bob), 0, "nor has it a number");

    done();
}


/* the process dies before it is done, or the store is taken over by another */

static void
test_left(void)
{
    char               name[16];
    unsigned           i, n, max;
    jm_hold_t          hold;
    jm_store_t         new;
    jm_quota_t         q, other, taken;
    jm_client_t        alice, bob, c;
    jm_quota_view_t    view;
    jm_quota_client_t  *r;

    alice = client("alice", 1, 1, 1);
    start(&q, &other, &alice);

    bob = loose("bob", 0, 2, 5);

    (void) jm_quota_enter(&q, &bob, NOW, SECONDS);
    jm_store_begin(q.store);
    is_int((int64_t) jm_quota_serial(&q, &bob), 0, "who was new is not");
    is_loose(&q, 0, "undone");

    (void) enter(&q, &bob, NOW, SECONDS);
    (void) jm_quota_hold(&q, &bob, bill(1), 0, SECONDS, &hold, &view);
    jm_quota_delivered(&q, &hold, bill(1), SECONDS);
    jm_store_commit(q.store);
    jm_quota_drop(&q, jm_quota_find(&q, bob.name));
    jm_store_begin(q.store);
    is_loose(&q, 1, "who was forgotten is not");

    quota_init(&taken, &new, 32768);
    r = jm_quota_find(&q, bob.name);
    is_int(jm_quota_import(&taken, q.store, jm_ref(q.store, r), SECONDS),
           JM_OK, "it is taken over");
    is_loose(&taken, 1, "as what it is");
    jm_quota_view(&taken, &bob, SECONDS, &view);
    is_int((int64_t) view.used, 1, "with what it has used");

    max = new.shared->records / JM_QUOTA_LOOSE;

    for (i = 0, n = 1; i < 2 * max; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        c = loose(name, 0, 1, 0);
        (void) enter(&q, &c, NOW, SECONDS);
        r = jm_quota_find(&q, c.name);
        n += jm_quota_import(&taken, q.store, jm_ref(q.store, r), SECONDS)
             == JM_OK;
        jm_store_commit(&new);
    }

    is_int(n, max, "no more than there may be");
    is_loose(&taken, max, "full");

    store_done(&new);
    done();
}


int
main(void)
{
    test_enter();
    test_idle();
    test_used();
    test_elsewhere();
    test_names();
    test_full();
    test_listed();
    test_left();

    return done_testing();
}
