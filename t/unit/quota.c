
/*
 * What clients use of their limits: buckets of requests, requests at a time,
 * pictures of a day; over a reload, and after processes that died.  Other
 * processes are numbers here.
 *
 * Seen failing with each of these taken out: the look at alive() in
 * jm_quota_reap(), the reaping in jm_quota_hold(), the share that
 * jm_quota_join() drops, the guard against a clock that is just behind in
 * jm_quota_pictures(), the serial number in jm_quota_numbered(), the limit in
 * jm_quota_owed() and what is stored of it in jm_quota_rate(), the look at the
 * period in jm_quota_sync_add(), jm_quota_look() and jm_quota_made().
 */


#define _GNU_SOURCE

#include "jm_text.h"
#include "quota_world.h"


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

    is_int(jm_quota_rate(&q, &less, NOW - 500000, &rate), JM_INVALID,
           "one that is refused");
    is_int(jm_quota_rate(&q, &less, NOW - 470000, &rate), JM_OK,
           "waits no longer than that");

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

    done();
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

    is_int(jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &a, &view),
           JM_QUOTA_OK, "one");
    is_int(jm_quota_hold(&other, &c, bill(1), 0, SECONDS, &b, &view),
           JM_QUOTA_OK, "two");
    is_int(jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &d, &view),
           JM_QUOTA_REQUESTS, "no third");
    is_int(view.running, 2, "two run");
    jm_quota_release(&q, &d);
    is_view(&q, &c, 2, 0, 2, "what was refused holds nothing");

    is_int(jm_quota_hold(&q, &c, bill(1), 1, SECONDS, &d, &view),
           JM_QUOTA_REQUESTS, "a third, which is told");
    is_view(&q, &c, 3, 0, 3, "and taken");
    jm_quota_release(&q, &d);
    jm_quota_release(&q, &d);
    is_view(&q, &c, 2, 0, 2, "given back once");

    jm_quota_attach(&q, &c, &d);
    is_view(&q, &c, 2, 0, 2, "one that joins takes nothing");
    jm_quota_release(&q, &d);
    is_view(&q, &c, 2, 0, 2, "and gives nothing back");

    jm_quota_release(&q, &a);
    is_int(jm_quota_hold(&other, &c, bill(1), 0, SECONDS, &a, &view),
           JM_QUOTA_OK, "there is room again");

    dead[2] = 1;
    is_int(jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &d, &view), JM_QUOTA_OK,
           "a process has died: its are free");
    is_view(&q, &c, 1, 0, 1, "all of them");

    jm_quota_release(&q, &d);
    is_view(&q, &c, 0, 0, 0, "nothing is left");

    /* its slot is another's now */

    dead[2] = 0;
    is_int(jm_quota_hold(&other, &c, bill(1), 0, SECONDS, &a, &view),
           JM_QUOTA_OK, "a process");
    store_own(&stores[1], 2 + JM_STORE_OWNERS);
    is_view(&q, &c, 0, 0, 0, "another one of its slot has begun");

    done();
}


static void
test_images(void)
{
    jm_hold_t           a, b;
    jm_quota_t          q, other;
    jm_client_t         c, d;
    jm_quota_view_t     view;
    const jm_client_t  *clients[1];

    c = client("alice", 0, 0, 5);
    start(&q, &other, &c);

    is_int(jm_quota_hold(&q, &c, bill(3), 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "three");
    is_int(jm_quota_hold(&other, &c, bill(3), 0, SECONDS, &b, &view),
           JM_QUOTA_IMAGES, "three more may be too many");
    is_int((int64_t) view.remaining, 2, "two remain");
    is_int((int64_t) view.reset, (int64_t) (DAY + 1) * 86400, "until tomorrow");
    is_int(jm_quota_hold(&other, &c, bill(2), 0, SECONDS, &b, &view),
           JM_QUOTA_OK, "two more");

    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    is_view(&q, &c, 2, 1, 4, "one is delivered");
    jm_quota_release(&q, &a);
    is_view(&q, &c, 1, 1, 2, "no more came");
    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    is_view(&q, &c, 1, 2, 2, "and yet one came late");
    jm_quota_delivered(&other, &b, bill(3), SECONDS);
    is_view(&q, &c, 1, 5, 0, "more than were thought");
    jm_quota_release(&other, &b);

    is_int(jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &a, &view),
           JM_QUOTA_IMAGES, "all are used");
    is_int(jm_quota_hold(&q, &c, bill(1), 1, SECONDS, &a, &view),
           JM_QUOTA_IMAGES, "and one more, which is told");
    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    jm_quota_release(&q, &a);
    is_view(&q, &c, 0, 6, 0, "and counted");

    is_int(jm_quota_hold(&q, &c, bill(5), 0, SECONDS + 86400, &a, &view),
           JM_QUOTA_OK, "the next day");
    jm_quota_delivered(&q, &a, bill(2), SECONDS + 86400);
    jm_quota_release(&q, &a);

    jm_quota_view(&q, &c, SECONDS, &view);
    is_int((int64_t) view.used, 2, "a clock that is behind does not go back");
    jm_quota_view(&q, &c, SECONDS - 86400, &view);
    is_int((int64_t) view.used, 2, "by however much");
    is_int((int64_t) view.reset, (int64_t) (DAY + 2) * 86400,
           "nor does its end");

    /* by a configuration that is read anew; some still use the last one */

    d = c;
    c.images_period = 3600;
    clients[0] = &c;
    (void) quota_sync(&q, clients, 1);
    jm_quota_view(&q, &c, SECONDS + 86400, &view);
    is_int((int64_t) view.used, 0, "hours are not days");
    is_int((int64_t) view.reset, (SECONDS / 3600 + 25) * 3600, "their end");

    jm_quota_attach(&q, &c, &a);
    jm_quota_delivered(&q, &a, bill(2), SECONDS);
    jm_quota_view(&q, &c, SECONDS, &view);
    is_int((int64_t) view.used, 2, "what one sees that has joined is counted");
    jm_quota_view(&q, &d, SECONDS, &view);
    is_int((int64_t) view.used, 2, "in the same window for all");
    is_int((int64_t) view.reset, (SECONDS / 3600 + 1) * 3600, "to its end");

    clients[0] = &d;
    (void) quota_sync(&q, clients, 1);
    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    is_view(&q, &d, 0, 1, 0, "days again, which begin anew");
    jm_quota_view(&q, &d, SECONDS + 86400, &view);
    is_int((int64_t) view.used, 0, "and end");

    done();
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

    (void) jm_quota_hold(&other, &c, bill(5), 0, SECONDS, &a, &view);
    jm_quota_delivered(&other, &a, bill(1), SECONDS);
    dead[2] = 1;

    is_int(jm_quota_hold(&q, &c, bill(4), 0, SECONDS, &b, &view), JM_QUOTA_OK,
           "what a dead one had reserved is free");
    is_view(&q, &c, 1, 1, 4, "what it was given is used");

    done();
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

    (void) jm_quota_hold(&q, &c, bill(2), 0, SECONDS, &a, &view);
    (void) jm_quota_rate(&q, &c, NOW, &rate);
    jm_quota_delivered(&q, &a, bill(1), SECONDS);

    is_int(quota_sync(&q, clients, 2), JM_OK, "one more");
    is_view(&other, &c, 1, 1, 1, "the other is kept");
    jm_quota_rate_view(&q, &c, NOW, &rate);
    is_int((int64_t) rate.remaining, 5, "and its bucket");

    (void) jm_quota_hold(&other, &d, bill(2), 0, SECONDS, &b, &view);

    ok(jm_quota_serial(&q, &c) != 0, "the first is known");
    is_int(quota_sync(&q, clients, 1), JM_OK, "without the first");
    is_int((int64_t) jm_quota_serial(&q, &c), 0, "and no more");
    is_view(&q, &c, 0, 0, 0, "it is not known");
    is_view(&q, &d, 1, 0, 2, "the second is kept");

    clients[0] = &c;
    is_int(quota_sync(&q, clients, 1), JM_OK, "the first again");
    is_view(&q, &c, 0, 0, 0, "it begins anew");

    (void) jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &b, &view);
    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    jm_quota_release(&q, &a);
    is_view(&q, &c, 1, 0, 1, "what was held before is not this one's");
    jm_quota_release(&q, &b);

    for (i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        many[i] = client(names[i], 1, 1, 1);
        clients[i] = &many[i];
    }

    is_int(quota_sync(&q, clients, 100), JM_OK, "many");

    for (i = 0; i < 100; i++) {
        if (jm_quota_hold(&q, &many[i], bill(1), 0, SECONDS, &a, &view)
            != JM_QUOTA_OK
            || jm_quota_hold(&q, &many[i], bill(1), 0, SECONDS, &b, &view)
               != JM_QUOTA_REQUESTS
            || jm_quota_rate(&q, &many[i], NOW, &rate) != JM_OK
            || jm_quota_rate(&q, &many[i], NOW, &rate) != JM_INVALID)
        {
            break;
        }

        jm_store_commit(q.store);
    }

    is_int(i, 100, "each has its own");
    is_int(quota_sync(&q, clients, 0), JM_OK, "nobody");
    is_view(&q, &many[7], 0, 0, 0, "nothing is left");

    done();
}


/* a task of a request whose process has died is seen to its end by another */

static void
test_made(void)
{
    uint64_t            serial;
    jm_quota_t          q, other;
    jm_client_t         c, d;
    jm_quota_view_t     view;
    const jm_client_t  *clients[2];

    c = client("alice", 0, 0, 5);
    start(&q, &other, &c);

    d = client("bob", 0, 0, 0);
    clients[0] = &c;
    clients[1] = &d;

    (void) quota_sync(&q, clients, 2);

    serial = jm_quota_serial(&q, &c);

    ok(serial != 0 && serial != jm_quota_serial(&q, &d), "numbers");

    is_bytes(jm_quota_made(&other, serial, bill(2), SECONDS),
             c.name, "whose it is");
    is_view(&q, &c, 0, 2, 0, "a client's");

    is_str(jm_quota_made(&other, 0, bill(1), SECONDS), "", "nobody's");
    is_str(jm_quota_made(&other, serial + q.mask + 1, bill(1), SECONDS), "",
           "nobody's by now");
    is_bytes(jm_quota_made(&other, jm_quota_serial(&q, &d), bill(1), SECONDS),
             d.name, "whose are not limited");
    is_view(&q, &c, 0, 2, 0, "nobody's, somebody's, another's");

    d = client("bob", 0, 0, 5);
    is_view(&q, &d, 0, 0, 0, "who has no limit");

    (void) jm_quota_made(&other, serial, bill(1), SECONDS + 86400);
    (void) jm_quota_made(&other, serial, bill(1), SECONDS);
    jm_quota_view(&q, &c, SECONDS + 86400, &view);
    is_int((int64_t) view.used, 2, "the next day");

    (void) quota_sync(&q, &clients[1], 1);
    (void) quota_sync(&q, clients, 2);

    is_int((int64_t) jm_quota_made(&other, serial, bill(1), SECONDS).len, 0,
           "of one that is no more");
    is_view(&q, &c, 0, 0, 0, "another client of the same name");

    done();
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
    test_made();
    test_duration();

    return done_testing();
}
