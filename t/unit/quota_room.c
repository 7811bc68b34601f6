
/*
 * Clients in a store that is small, or full, or left by a process that died: no
 * record is lost, and what is not done is undone.
 *
 * Seen failing with each of these taken out: the reaping in
 * jm_quota_share_add(), the records of more shares in jm_quota_share_at(),
 * jm_quota_trim() and jm_quota_drop(), each jm_store_room(), each
 * jm_store_commit() but that of a mark, and the undo in jm_store_begin(); and
 * with one store of a share that is not jm_put().
 */


#define _GNU_SOURCE

#include "quota_world.h"


#define MANY     3000


/* more clients than the log has room for */

static void
test_many(void)
{
    unsigned                   i, n;
    jm_quota_t                 q;
    jm_store_t                *s;

    static char                names[MANY][8];
    static jm_client_t         many[MANY];
    static const jm_client_t  *clients[MANY];

    s = &stores[0];
    quota_init(&q, s, (MANY + 1000) * JM_RECORD);

    for (i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        many[i] = client(names[i], 1, 1, 1);
        clients[i] = &many[i];
    }

    is_int(quota_sync(&q, clients, MANY), JM_OK, "thousands");

    /* as if the process had died here */

    jm_store_begin(s);

    for (i = 0, n = 0; i < MANY; i++) {
        n += jm_quota_serial(&q, &many[i]) == i + 1;
    }

    is_int(n, MANY, "each is there for good");
    is_int(store_count(s, JM_RECORD_CLIENT), MANY, "once");
    ok(store_is_whole(s) != 0, "and no record is lost");

    is_int(quota_sync(&q, &clients[MANY - 1], 1), JM_OK, "all but one go");

    jm_store_begin(s);

    is_int(store_count(s, JM_RECORD_CLIENT), 1, "for good");
    is_int((int64_t) jm_quota_serial(&q, &many[MANY - 1]), MANY,
           "the last one does not");

    done();
}


/* a store that is full of what others have */

static void
test_room(void)
{
    unsigned            i;
    jm_hold_t           hold;
    jm_quota_t          q, other;
    jm_store_t         *s;
    jm_client_t         c, many[40];
    jm_quota_view_t     view;
    char                names[40][8];
    const jm_client_t  *clients[40];

    c = client("alice", 1, 1000, 1000);
    start(&q, &other, &c);

    s = &stores[0];

    for (i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        many[i] = client(names[i], 1, 1000, 1000);
        clients[i] = &many[i];
    }

    (void) jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &hold, &view);

    fill(s, 38);

    is_int(quota_sync(&q, clients, 40), JM_ERROR, "no room for all");
    is_view(&q, &c, 1, 0, 1, "nothing has changed");
    is_int(s->shared->nfree, 38, "nothing at all");

    is_int(quota_sync(&q, clients, 39), JM_OK, "the old one makes room");
    is_int(s->shared->nfree, 0, "and there is no more");

    s->forget = forget;
    s->ctx = s;

    is_int(quota_sync(&q, clients, 40), JM_OK, "others are forgotten");

    s->forget = NULL;

    /* as many processes as a client's record has room for, and one more */

    for (i = 0; i <= JM_QUOTA_SHARES; i++) {
        stores[1].owner = i + 2;

        if (jm_quota_hold(&other, &many[7], bill(1), 1, SECONDS, &hold, &view)
            == JM_QUOTA_NO_ROOM)
        {
            break;
        }
    }

    is_int(i, JM_QUOTA_SHARES, "there is no room for more");
    is_int((int64_t) hold.running, 0, "and nothing is held");
    is_view(&q, &many[7], i, 0, i, "the others do");

    dead[3] = 1;
    ok(jm_quota_hold(&other, &many[7], bill(1), 1, SECONDS, &hold, &view)
       != JM_QUOTA_NO_ROOM, "one of them dies: there is");
    is_view(&q, &many[7], i, 0, i, "in its place");

    done();
}


/* more processes than a client's record has room for */

static void
test_owners(void)
{
    unsigned            i, n;
    uint32_t            nfree;
    jm_hold_t           holds[OWNERS];
    jm_quota_t          q, other;
    jm_store_t         *s;
    jm_client_t         c;
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    const jm_client_t  *clients[1];

    c = client("alice", 0, OWNERS - 1, 1000);
    start(&q, &other, &c);

    s = &stores[0];
    nfree = s->shared->nfree;

    for (i = 1, n = 0; i < OWNERS; i++) {
        stores[1].owner = i;
        n += jm_quota_hold(&other, &c, bill(i % 3), 0, SECONDS, &holds[i],
                           &view)
             == JM_QUOTA_OK;
        jm_store_commit(&stores[1]);
    }

    is_int(n, OWNERS - 1, "each holds something");
    is_view(&q, &c, OWNERS - 1, 0, OWNERS - 1, "all is counted");
    is_int(store_count(s, JM_RECORD_SHARES), 6, "in more records");
    is_int(jm_quota_hold(&other, &c, bill(1), 0, SECONDS, &holds[0], &view),
           JM_QUOTA_REQUESTS, "and no one more");

    for (i = 10; i < 50; i++) {
        stores[1].owner = i;
        jm_quota_delivered(&other, &holds[i], bill(1), SECONDS);
        jm_quota_release(&other, &holds[i]);
        jm_store_commit(&stores[1]);
    }

    is_view(&q, &c, OWNERS - 41, 40, OWNERS - 41, "many are over");
    is_int(store_count(s, JM_RECORD_SHARES), 3, "one record was theirs");

    for (i = 50; i < OWNERS; i++) {
        dead[i] = 1;
    }

    clients[0] = &c;
    (void) jm_quota_views(&q, clients, 1, NOW, SECONDS, &rate, &view);
    is_int(view.running, 9, "many have died");

    jm_store_begin(s);

    is_int(store_count(s, JM_RECORD_SHARES), 1, "and two records, for good");
    is_view(&q, &c, 9, 40, 9, "nobody else has");

    store_own(&stores[1], 9 + JM_STORE_OWNERS);
    is_view(&q, &c, 8, 40, 9, "one has begun anew");

    (void) quota_sync(&q, clients, 0);
    is_int(s->shared->nfree, nfree + 1, "all are forgotten, with all they had");

    done();
}


/* one process after the other is killed */

static void
test_generations(void)
{
    uint32_t         nfree;
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;

    c = client("alice", 0, 1000, 1000000);
    start(&q, &other, &c);

    nfree = stores[0].shared->nfree;

    for (last = 100; last < 400; last++) {
        stores[1].owner = last;
        (void) jm_quota_hold(&other, &c, bill(1), 0, SECONDS, &hold, &view);
        jm_store_commit(&stores[1]);
    }

    is_int(stores[0].shared->nfree, nfree,
           "what the dead have left is used again");

    last = 0;
    is_view(&q, &c, 0, 0, 0, "nothing is left of them");

    done();
}


/* a process has died before it was done: what it did is undone */

static void
test_undone(void)
{
    jm_hold_t         a, b;
    jm_quota_t        q, other;
    jm_client_t       c, d;
    jm_quota_view_t   view;

    c = client("alice", 0, 4, 10);
    start(&q, &other, &c);

    d = client("bob", 0, 4, 10);

    (void) jm_quota_hold(&q, &c, bill(2), 0, SECONDS, &a, &view);
    jm_store_commit(q.store);

    (void) jm_quota_hold(&other, &c, bill(2), 0, SECONDS, &b, &view);
    jm_quota_delivered(&other, &b, bill(1), SECONDS);
    jm_store_begin(q.store);

    is_view(&q, &c, 1, 0, 2, "all is as it was");
    ok(jm_quota_share(&q, jm_quota_find(&q, c.name), 2) == NULL,
       "nor has it a place");

    b = a;
    jm_quota_release(&q, &b);
    jm_store_begin(q.store);

    is_view(&q, &c, 1, 0, 2, "what was given back is held");

    (void) jm_quota_hold(&q, &c, bill(2), 0, SECONDS, &b, &view);
    jm_store_begin(q.store);

    is_view(&q, &c, 1, 0, 2, "what was taken is not");

    jm_quota_drop(&other, jm_quota_find(&other, c.name));
    (void) jm_quota_add(&other, d.name, 7);
    jm_store_begin(q.store);

    is_view(&q, &c, 1, 0, 2, "who was forgotten is there");
    is_int((int64_t) jm_quota_serial(&q, &d), 0, "who was new is not");

    done();
}


int
main(void)
{
    test_many();
    test_room();
    test_owners();
    test_generations();
    test_undone();

    return done_testing();
}
