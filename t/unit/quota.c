
/*
 * What clients use of their limits: buckets of requests, requests at a time,
 * pictures of a day; over a reload, and after processes that died.  Other
 * processes are numbers here.
 *
 * Seen failing with each of these taken out: the look at alive() in
 * jm_quota_dead(), the reaping in jm_quota_hold(), in jm_quota_share_add() and
 * in jm_quota_reap_all(), the walk of jm_quota_join(), the guard against a
 * clock that is just behind in jm_quota_roll(), the serial number in
 * jm_quota_held(), jm_quota_rebuild(), and the limit in jm_quota_owed().
 */


#include "tap.h"

#include "jm_quota_store.h"
#include "jm_text.h"


#define NOW      1000000
#define DAY      20000
#define SECONDS  ((int64_t) DAY * 86400 + 100)


static unsigned   dead[16];
static uint32_t   last;             /* of higher numbers, the only one alive */
static tap_mem_t  memory;


static unsigned
alive(uint32_t pid)
{
    return pid < jm_nitems(dead) ? !dead[pid] : pid == last;
}


static jm_client_t
client(const char *name, uint64_t rate, uint32_t concurrency, uint64_t images)
{
    jm_client_t  c;

    memset(&c, 0, sizeof(jm_client_t));

    c.name = str(name);
    c.rate = rate;
    c.rate_period = 60000;
    c.concurrency = concurrency;
    c.images = images;
    c.images_period = images ? 86400 : 0;

    return c;
}


static void
start(jm_quota_t *q, jm_quota_t *other, const jm_client_t *c)
{
    memset(dead, 0, sizeof(dead));
    memset(q, 0, sizeof(jm_quota_t));

    tap_mem_init(&memory, 0);

    q->mem = memory.mem;
    q->alive = alive;
    q->pid = 1;

    if (jm_quota_create(q) != JM_OK
        || jm_quota_reserve(q, 1, 2) != JM_OK
        || jm_quota_sync(q, &c, 1) != JM_OK)
    {
        abort();
    }

    *other = *q;
    other->pid = 2;
}


static void
is_view(jm_quota_t *q, const jm_client_t *c, uint32_t running, uint64_t used,
    uint64_t reserved, const char *name)
{
    jm_quota_view_t  view;

    jm_quota_view(q, c, SECONDS, &view);

    is_int(view.running, running, "%s: so many run", name);
    is_int((int64_t) view.used, (int64_t) used, "%s: used", name);
    is_int((int64_t) view.reserved, (int64_t) reserved, "%s: reserved", name);
}


static void
test_rate(void)
{
    unsigned         i;
    jm_quota_t       q, other;
    jm_client_t      c, less;
    jm_quota_rate_t  rate;

    c = client("alice", 6, 0, 0);
    start(&q, &other, &c);

    jm_quota_rate_view(&q, &c, NOW, &rate);
    ok(rate.limit == 6 && rate.remaining == 6 && rate.reset == 0
       && rate.retry == 0, "a full bucket");

    for (i = 1; i <= 6; i++) {
        is_int(jm_quota_rate(i % 2 ? &q : &other, &c, NOW, &rate), JM_OK,
               "request %u", i);
        is_int((int64_t) rate.remaining, 6 - i, "so many remain");
        is_int((int64_t) rate.reset, i * 10000, "until it is full");
    }

    is_int(jm_quota_rate(&q, &c, NOW + 1000, &rate), JM_INVALID, "one more");
    is_int((int64_t) rate.remaining, 0, "nothing remains");
    is_int((int64_t) rate.retry, 9000, "until there is one");
    is_int((int64_t) rate.reset, 59000, "until it is full");

    is_int(jm_quota_rate(&q, &c, NOW + 9999, &rate), JM_INVALID, "just before");
    is_int((int64_t) rate.retry, 1, "a millisecond");
    is_int(jm_quota_rate(&q, &c, NOW + 10000, &rate), JM_OK, "then");
    is_int(jm_quota_rate(&q, &c, NOW + 10000, &rate), JM_INVALID, "one only");

    jm_quota_rate_view(&other, &c, NOW + 30000, &rate);
    is_int((int64_t) rate.remaining, 2, "it fills");
    jm_quota_rate_view(&other, &c, NOW + 10000000, &rate);
    is_int((int64_t) rate.remaining, 6, "and no more than that");

    /* a clock that is behind, and a limit that was lowered */

    less = client("alice", 2, 0, 0);
    jm_quota_rate_view(&q, &less, NOW - 500000, &rate);
    is_int((int64_t) rate.reset, 60000, "no more is owed than a bucket");
    is_int((int64_t) rate.retry, 30000, "nor to be waited for");

    c = client("alice", 0, 0, 0);
    is_int(jm_quota_rate(&q, &c, NOW, &rate), JM_OK, "no rate");
    is_int((int64_t) rate.limit, 0, "no limit");

    c = client("bob", 1, 0, 0);
    is_int(jm_quota_rate(&q, &c, NOW, &rate), JM_OK, "one who is not known");
    is_int(jm_quota_rate(&q, &c, NOW, &rate), JM_OK, "is not counted");

    c = client("alice", JM_KEYS_LIMIT, 0, 0);
    c.rate_period = 1000;
    is_int(jm_quota_rate(&q, &c, NOW * 100, &rate), JM_OK, "the highest rate");
    is_int((int64_t) rate.remaining, JM_KEYS_LIMIT - 1, "is exact");

    tap_mem_done(&memory);
}


static void
test_requests(void)
{
    jm_hold_t        a, b, d;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;

    c = client("alice", 0, 2, 0);
    start(&q, &other, &c);

    is_int(jm_quota_hold(&q, &c, 1, 0, SECONDS, &a, &view), JM_QUOTA_OK, "one");
    is_int(jm_quota_hold(&other, &c, 1, 0, SECONDS, &b, &view), JM_QUOTA_OK,
           "two");
    is_int(jm_quota_hold(&q, &c, 1, 0, SECONDS, &d, &view), JM_QUOTA_REQUESTS,
           "no third");
    is_int(view.running, 2, "two run");
    jm_quota_release(&q, &d);
    is_view(&q, &c, 2, 0, 2, "what was refused holds nothing");

    is_int(jm_quota_hold(&q, &c, 1, 1, SECONDS, &d, &view), JM_QUOTA_REQUESTS,
           "a third, which is told");
    is_view(&q, &c, 3, 0, 3, "and taken");
    jm_quota_release(&q, &d);
    jm_quota_release(&q, &d);
    is_view(&q, &c, 2, 0, 2, "given back once");

    jm_quota_attach(&q, &c, &d);
    is_view(&q, &c, 2, 0, 2, "one that joins takes nothing");
    jm_quota_release(&q, &d);
    is_view(&q, &c, 2, 0, 2, "and gives nothing back");

    jm_quota_release(&q, &a);
    is_int(jm_quota_hold(&other, &c, 1, 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "there is room again");

    dead[2] = 1;
    is_int(jm_quota_hold(&q, &c, 1, 0, SECONDS, &d, &view), JM_QUOTA_OK,
           "a process has died: its are free");
    is_view(&q, &c, 1, 0, 1, "all of them");

    jm_quota_release(&q, &d);
    is_view(&q, &c, 0, 0, 0, "nothing is left");

    /* its place is another's now */

    dead[2] = 0;
    is_int(jm_quota_hold(&other, &c, 1, 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "a process");
    jm_quota_join(&other);
    is_view(&q, &c, 0, 0, 0, "another one of its number begins");

    tap_mem_done(&memory);
}


static void
test_images(void)
{
    jm_hold_t        a, b;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;

    c = client("alice", 0, 0, 5);
    start(&q, &other, &c);

    is_int(jm_quota_hold(&q, &c, 3, 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "three");
    is_int(jm_quota_hold(&other, &c, 3, 0, SECONDS, &b, &view),
           JM_QUOTA_IMAGES, "three more may be too many");
    is_int((int64_t) view.remaining, 2, "two remain");
    is_int((int64_t) view.reset, (int64_t) (DAY + 1) * 86400, "until tomorrow");
    is_int(jm_quota_hold(&other, &c, 2, 0, SECONDS, &b, &view), JM_QUOTA_OK,
           "two more");

    jm_quota_delivered(&q, &a, 1, SECONDS);
    is_view(&q, &c, 2, 1, 4, "one is delivered");
    jm_quota_release(&q, &a);
    is_view(&q, &c, 1, 1, 2, "no more came");
    jm_quota_delivered(&q, &a, 1, SECONDS);
    is_view(&q, &c, 1, 2, 2, "and yet one came late");
    jm_quota_delivered(&other, &b, 3, SECONDS);
    is_view(&q, &c, 1, 5, 0, "more than were thought");
    jm_quota_release(&other, &b);

    is_int(jm_quota_hold(&q, &c, 1, 0, SECONDS, &a, &view), JM_QUOTA_IMAGES,
           "all are used");
    is_int(jm_quota_hold(&q, &c, 1, 1, SECONDS, &a, &view), JM_QUOTA_IMAGES,
           "and one more, which is told");
    jm_quota_delivered(&q, &a, 1, SECONDS);
    jm_quota_release(&q, &a);
    is_view(&q, &c, 0, 6, 0, "and counted");

    is_int(jm_quota_hold(&q, &c, 5, 0, SECONDS + 86400, &a, &view),
           JM_QUOTA_OK, "the next day");
    jm_quota_delivered(&q, &a, 2, SECONDS + 86400);
    jm_quota_release(&q, &a);

    jm_quota_view(&q, &c, SECONDS, &view);
    is_int((int64_t) view.used, 2, "a clock that is behind does not go back");
    jm_quota_view(&q, &c, SECONDS - 86400, &view);
    is_int((int64_t) view.used, 0, "one that was set back does");

    c.images_period = 3600;
    jm_quota_view(&q, &c, SECONDS + 86400, &view);
    is_int((int64_t) view.used, 0, "hours are not days");
    is_int((int64_t) view.reset, (SECONDS / 3600 + 25) * 3600, "their end");

    jm_quota_attach(&q, &c, &a);
    jm_quota_delivered(&q, &a, 2, SECONDS);
    jm_quota_view(&q, &c, SECONDS, &view);
    is_int((int64_t) view.used, 2, "what one sees that has joined is counted");

    tap_mem_done(&memory);
}


static void
test_dead_delivers(void)
{
    jm_hold_t        a, b;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;

    c = client("alice", 0, 0, 5);
    start(&q, &other, &c);

    (void) jm_quota_hold(&other, &c, 5, 0, SECONDS, &a, &view);
    jm_quota_delivered(&other, &a, 1, SECONDS);
    dead[2] = 1;

    is_int(jm_quota_hold(&q, &c, 4, 0, SECONDS, &b, &view), JM_QUOTA_OK,
           "what a dead one had reserved is free");
    is_view(&q, &c, 1, 1, 4, "what it was given is used");

    tap_mem_done(&memory);
}


static void
test_reload(void)
{
    unsigned            i;
    char                names[100][8];
    jm_hold_t           a, b;
    jm_quota_t          q, other;
    jm_client_t         c, d, many[100];
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    const jm_client_t  *clients[100];

    c = client("alice", 6, 4, 10);
    start(&q, &other, &c);

    d = client("bob", 6, 4, 10);
    clients[0] = &d;
    clients[1] = &c;

    (void) jm_quota_hold(&q, &c, 2, 0, SECONDS, &a, &view);
    (void) jm_quota_rate(&q, &c, NOW, &rate);
    jm_quota_delivered(&q, &a, 1, SECONDS);

    is_int(jm_quota_sync(&q, clients, 2), JM_OK, "one more");
    is_view(&other, &c, 1, 1, 1, "the other is kept");
    jm_quota_rate_view(&q, &c, NOW, &rate);
    is_int((int64_t) rate.remaining, 5, "and its bucket");

    (void) jm_quota_hold(&other, &d, 2, 0, SECONDS, &b, &view);

    ok(jm_quota_knows(&q, &c) != 0, "the first is known");
    is_int(jm_quota_sync(&q, clients, 1), JM_OK, "without the first");
    ok(!jm_quota_knows(&q, &c), "and no more");
    is_view(&q, &c, 0, 0, 0, "it is not known");
    is_view(&q, &d, 1, 0, 2, "the second is kept");

    clients[0] = &c;
    is_int(jm_quota_sync(&q, clients, 1), JM_OK, "the first again");
    is_view(&q, &c, 0, 0, 0, "it begins anew");

    (void) jm_quota_hold(&q, &c, 1, 0, SECONDS, &b, &view);
    jm_quota_delivered(&q, &a, 1, SECONDS);
    jm_quota_release(&q, &a);
    is_view(&q, &c, 1, 0, 1, "what was held before is not this one's");
    jm_quota_release(&q, &b);

    for (i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        many[i] = client(names[i], 1, 1, 1);
        clients[i] = &many[i];
    }

    is_int(jm_quota_reserve(&q, 100, 4), JM_OK, "room for many");
    i = (unsigned) memory.calls;
    is_int(jm_quota_sync(&q, clients, 100), JM_OK, "many");
    is_int((int64_t) memory.calls, i, "which need no more memory");

    for (i = 0; i < 100; i++) {
        if (jm_quota_hold(&q, &many[i], 1, 0, SECONDS, &a, &view)
            != JM_QUOTA_OK
            || jm_quota_hold(&q, &many[i], 1, 0, SECONDS, &b, &view)
               != JM_QUOTA_REQUESTS
            || jm_quota_rate(&q, &many[i], NOW, &rate) != JM_OK
            || jm_quota_rate(&q, &many[i], NOW, &rate) != JM_INVALID)
        {
            break;
        }
    }

    is_int(i, 100, "each has its own");
    is_int(jm_quota_sync(&q, clients, 0), JM_OK, "nobody");
    is_view(&q, &many[7], 0, 0, 0, "nothing is left");

    tap_mem_done(&memory);
}


/* memory that runs out, and what was left in disorder */

static void
test_room(void)
{
    unsigned            i, n;
    jm_hold_t           hold;
    jm_quota_t          q, other;
    jm_client_t         c, many[40];
    jm_quota_view_t     view;
    char                names[40][8];
    const jm_client_t  *clients[40];

    c = client("alice", 1, 1000, 1000);
    start(&q, &other, &c);

    for (i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        many[i] = client(names[i], 1, 1, 1);
        clients[i] = &many[i];
    }

    (void) jm_quota_hold(&q, &c, 1, 0, SECONDS, &hold, &view);

    for (n = 1; n < 5; n++) {
        memory.fail = memory.calls + n;

        if (jm_quota_sync(&q, clients, 40) == JM_OK) {
            break;
        }

        is_view(&q, &c, 1, 0, 1, "no memory: nothing has changed");
    }

    is_int(n, 3, "then the pieces that were had suffice");

    /* a hundred processes: more shares than there is room for */

    memory.fail = 0;
    c = client("c1", 0, 1000, 1000);

    for (i = 3; i < 3 + JM_QUOTA_SHARES; i++) {
        other.pid = i % 13;
        memory.fail = memory.calls + 1;

        (void) jm_quota_hold(&other, &many[i % 39], 1, 1, SECONDS, &hold,
                             &view);
    }

    for (i = 0; i < 39; i++) {
        other.pid = 14;
        memory.fail = memory.calls + 1;

        if (jm_quota_hold(&other, &many[i], 1, 1, SECONDS, &hold, &view)
            == JM_QUOTA_NO_ROOM)
        {
            break;
        }
    }

    ok(i < 39, "there is no room for more");
    is_int((int64_t) hold.running, 0, "and nothing is held");

    for (i = 0; i < 13; i++) {
        dead[i] = 1;
    }

    memory.fail = memory.calls + 1;
    ok(jm_quota_hold(&other, &many[39], 1, 1, SECONDS, &hold, &view)
       != JM_QUOTA_NO_ROOM, "all but one die: there is");

    tap_mem_done(&memory);
}


/* one process after the other is killed */

static void
test_generations(void)
{
    size_t           calls;
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;

    c = client("alice", 0, 1000, 1000000);
    start(&q, &other, &c);

    calls = memory.calls;

    for (last = 100; last < 400; last++) {
        other.pid = last;
        (void) jm_quota_hold(&other, &c, 1, 0, SECONDS, &hold, &view);
    }

    is_int((int64_t) memory.calls, (int64_t) calls,
           "what the dead have left is used again");

    last = 0;
    is_view(&q, &c, 0, 0, 0, "nothing is left of them");

    tap_mem_done(&memory);
}


static void
test_repair(void)
{
    jm_hold_t           a;
    jm_quota_t          q, other;
    jm_client_t         c;
    jm_quota_view_t     view;
    jm_quota_shared_t  *shared;

    c = client("alice", 0, 4, 10);
    start(&q, &other, &c);

    (void) jm_quota_hold(&q, &c, 2, 0, SECONDS, &a, &view);

    shared = q.shared;

    shared->busy = 1;
    memset(shared->table->chains, 0,
           (shared->table->mask + 1) * sizeof(jm_quota_client_t *));
    shared->free_shares = NULL;
    shared->free_clients = NULL;

    is_view(&other, &c, 1, 0, 2, "all is found again");
    ok(shared->free_shares != NULL && shared->free_clients != NULL,
       "what is free, too");
    is_int(shared->busy, 0, "nobody is at work");

    tap_mem_done(&memory);
}


static void
test_write(void)
{
    jm_buf_t         out;
    jm_str_t         models[2];
    jm_client_t      c;
    jm_quota_rate_t  rate;
    jm_quota_view_t  view;
    uint8_t          text[512];

    memset(&rate, 0, sizeof(jm_quota_rate_t));
    memset(&view, 0, sizeof(jm_quota_view_t));

    c = client("alice", 0, 0, 0);

    jm_buf_fixed(&out, text, sizeof(text));
    is_int(jm_quota_write(&out, &c, &rate, &view), JM_OK, "no limits");
    is_str(jm_buf_view(&out),
           "{\"object\":\"usage\",\"client\":\"alice\",\"models\":null,"
           "\"expires_at\":null,\"requests\":null,\"concurrency\":null,"
           "\"images\":null}", "nulls");

    c = client("alice", 60, 4, 100);
    models[0] = str("a");
    models[1] = str("\"b");
    c.models = models;
    c.nmodels = 2;
    c.expires = 1798761600;

    rate.limit = 60;
    rate.remaining = 59;
    rate.reset = 1000;

    view.concurrency = 4;
    view.running = 1;
    view.limit = 100;
    view.used = 3;
    view.reserved = 1;
    view.remaining = 96;
    view.reset = 1798675200;

    jm_buf_fixed(&out, text, sizeof(text));
    is_int(jm_quota_write(&out, &c, &rate, &view), JM_OK, "all limits");
    is_str(jm_buf_view(&out),
           "{\"object\":\"usage\",\"client\":\"alice\","
           "\"models\":[\"a\",\"\\\"b\"],\"expires_at\":1798761600,"
           "\"requests\":{\"limit\":60,\"period\":\"1m\",\"remaining\":59,"
           "\"reset\":\"1s\"},\"concurrency\":{\"limit\":4,\"used\":1},"
           "\"images\":{\"limit\":100,\"period\":\"1d\",\"used\":3,"
           "\"reserved\":1,\"remaining\":96,\"reset_at\":1798675200}}",
           "all of them");

    jm_buf_fixed(&out, text, 100);
    is_int(jm_quota_write(&out, &c, &rate, &view), JM_ERROR, "no room");
}


static void
test_duration(void)
{
    size_t    i;
    uint8_t   text[JM_DURATION_LEN];
    jm_str_t  got;

    static const struct {
        uint64_t     ms;
        const char  *text;
    } times[] = {
        { 0, "0s" }, { 1, "1ms" }, { 20, "20ms" }, { 999, "999ms" },
        { 1000, "1s" }, { 1001, "1.001s" }, { 1500, "1.5s" },
        { 8640, "8.64s" }, { 59999, "59.999s" }, { 60000, "1m0s" },
        { 360000, "6m0s" }, { 90500, "1m30.5s" }, { 3600000, "1h0m0s" },
        { 3600001, "1h0m0.001s" }, { 90061000, "25h1m1s" },
        { UINT64_MAX, "5124095576030h25m51.615s" }
    };

    for (i = 0; i < jm_nitems(times); i++) {
        got.len = jm_duration(text, times[i].ms);
        got.data = text;

        is_str(got, times[i].text, "%s", times[i].text);
    }
}


int
main(void)
{
    test_rate();
    test_requests();
    test_images();
    test_dead_delivers();
    test_reload();
    test_room();
    test_generations();
    test_repair();
    test_write();
    test_duration();

    return done_testing();
}
