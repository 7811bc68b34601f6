
/*
 * When a day and a month begin: by the operator's time zone, whole hours in
 * none.  What has another zone from now on, or another process's, goes on with
 * the date that it is: no date begins twice.
 *
 * Seen failing without jm_quota_window_east(), with its sign turned in the end,
 * and with hours in it; "months" without the calendar, with that of UTC, and
 * without leap years; "before 1970" without jm_max(); with any other window
 * taken for a new one; and the import and what is idle with windows of UTC.
 */


#define _GNU_SOURCE

#include <time.h>

#include "tap.h"

#include "quota_world.h"

#include "jm_quota_loose.h"
#include "jm_quota_window.h"


#define H        INT64_C(3600)
#define D        (24 * H)
#define T        (DAY * D)      /* midnight in Greenwich */


static void
test_windows(void)
{
    size_t      i;
    jm_quota_t  q;

    static const struct {
        const char  *name;
        int64_t      east;
        int64_t      from;      /* the first second of DAY */
    } zones[] = {
        { "UTC", 0, T },
        { "+08:00", 8 * H, T - 8 * H },
        { "-03:30", -7 * H / 2, T + 7 * H / 2 },
        { "+14:00", 14 * H, T - 14 * H },
        { "-14:00", -14 * H, T + 14 * H }
    };

    for (i = 0; i < jm_nitems(zones); i++) {
        q.east = (int32_t) zones[i].east;

        is_int((int64_t) jm_quota_window(&q, JM_CLIENT_DAY, zones[i].from - 1),
               DAY - 1, "%s: a day, its last second", zones[i].name);
        is_int((int64_t) jm_quota_window(&q, JM_CLIENT_DAY, zones[i].from),
               DAY, "%s: the next one's first", zones[i].name);
        is_int(jm_quota_window_end(&q, JM_CLIENT_DAY, DAY - 1), zones[i].from,
               "%s: which is a day's end", zones[i].name);

        is_int((int64_t) jm_quota_window(&q, JM_CLIENT_HOUR, T - 1),
               DAY * 24 - 1, "%s: an hour, its last second", zones[i].name);
        is_int((int64_t) jm_quota_window(&q, JM_CLIENT_HOUR, T), DAY * 24,
               "%s: the next one's first", zones[i].name);
        is_int(jm_quota_window_end(&q, JM_CLIENT_HOUR, DAY * 24 - 1), T,
               "%s: which is an hour's end", zones[i].name);
    }

    is_int((int64_t) jm_quota_window(&q, JM_CLIENT_DAY, 14 * H - 1), 0,
           "before 1970 is its first day");
}


/* each day until 2405, at its ends, against what the C library says */

static void
test_months(void)
{
    size_t      i;
    int64_t     t, end;
    time_t      local;
    unsigned    days, wrong;
    struct tm   tm;
    jm_quota_t  q;

    static const int32_t  zones[] = { 0, 8 * 3600, -7 * 1800, 50400, -50400 };

    for (i = 0; i < jm_nitems(zones); i++) {
        q.east = zones[i];
        days = 0;
        wrong = 0;

        for (t = D - 1; t < 159000 * D; t += (t % D == 0) ? D - 1 : 1) {
            local = (time_t) t;

            (void) gmtime_r(&local, &tm);

            wrong += (jm_quota_window(&q, JM_CLIENT_MONTH, t - zones[i])
                      != (uint64_t) ((tm.tm_year + 1900) * 12 + tm.tm_mon));

            end = jm_quota_window_end(&q, JM_CLIENT_MONTH,
                                      jm_quota_window(&q, JM_CLIENT_MONTH,
                                                      t - zones[i]));

            tm.tm_mon++;
            tm.tm_mday = 1;
            tm.tm_hour = tm.tm_min = tm.tm_sec = 0;

            wrong += (end != (int64_t) timegm(&tm) - zones[i]);
            days++;
        }

        is_int(wrong, 0, "months, %d s from UTC, on %u days", (int) zones[i],
               days / 2);
    }
}


/* the date that it is, with what was used of it, and where it ends */

static void
is_date(jm_quota_t *q, const jm_client_t *c, int64_t seconds, uint64_t used,
    int64_t reset, const char *name)
{
    jm_quota_view_t  view;

    jm_quota_view(q, c, seconds, &view);
    jm_store_commit(q->store);

    is_int((int64_t) view.used, (int64_t) used, "%s: used", name);
    is_int(view.reset, reset, "%s: its end", name);
}


static void
make(jm_quota_t *q, const jm_client_t *c, uint64_t images, int64_t seconds)
{
    (void) jm_quota_made(q, jm_quota_serial(q, c), bill(images), seconds);

    jm_store_commit(q->store);
}


static void
test_other_zone(void)
{
    int64_t      evening;
    jm_quota_t   q, other;
    jm_client_t  c;

    /* at six in the evening it is tomorrow in Beijing */

    evening = T + 18 * H;

    c = client("alice", 0, 0, 9);
    start(&q, &other, &c);

    make(&q, &c, 3, evening);
    is_date(&q, &c, evening, 3, T + D, "in UTC");

    q.east = 8 * 3600;
    is_date(&q, &c, evening, 0, T + 40 * H, "from there to the east");
    make(&q, &c, 2, evening);

    q.east = -8 * 3600;
    is_date(&q, &c, evening, 2, T + 56 * H, "to the west: it is that date yet");
    make(&q, &c, 1, evening);
    is_date(&q, &c, T + 56 * H - 1, 3, T + 56 * H, "until that is over");
    is_date(&q, &c, T + 56 * H, 0, T + 80 * H, "and then the next one");

    q.east = 8 * 3600;
    is_date(&q, &c, evening, 3, T + 40 * H, "and back: not twice");

    other.east = 0;
    is_date(&other, &c, evening, 3, T + 48 * H, "nor in another process");
    make(&other, &c, 4, evening);
    is_date(&q, &c, evening, 7, T + 40 * H, "which counts the same date");

    done();
}


static void
test_hours(void)
{
    jm_quota_t   q, other;
    jm_client_t  c;

    c = client("alice", 0, 0, 9);
    c.images_period = JM_CLIENT_HOUR;
    start(&q, &other, &c);

    q.east = 8 * 3600;
    make(&q, &c, 3, T + 60);
    is_date(&q, &c, T + 60, 3, T + H, "an hour");

    q.east = -5 * 1800;
    is_date(&q, &c, T + 60, 3, T + H, "the same in all zones");
    is_date(&q, &c, T + H, 0, T + 2 * H, "and so is the next");

    done();
}


/* two seconds, and a leap day between them */

static void
test_month(void)
{
    int64_t             february, march;
    jm_quota_t          q, other;
    jm_client_t         c;
    const jm_client_t  *clients[] = { &c };

    /* 2028-02-01 and 2028-03-01, 00:00 in Beijing */

    february = INT64_C(1832976000) - 8 * H;
    march = february + 29 * D;

    c = client("alice", 0, 0, 9);
    start(&q, &other, &c);

    q.east = 8 * 3600;
    make(&q, &c, 3, february);

    c.images_period = JM_CLIENT_MONTH;
    (void) quota_sync(&q, clients, 1);
    is_date(&q, &c, february, 0, march, "a month begins anew after days");

    make(&q, &c, 4, february);
    make(&q, &c, 1, february + 28 * D);
    is_date(&q, &c, march - 1, 5, march, "its last second");
    is_date(&q, &c, march, 0, march + 31 * D, "the next one");

    q.east = -8 * 3600;
    is_date(&q, &c, march, 5, march + 16 * H, "to the west: it is that yet");

    done();
}


static void
test_idle(void)
{
    jm_quota_t   q, other;
    jm_client_t  alice, c;

    alice = client("alice", 0, 0, 9);
    start(&q, &other, &alice);

    q.east = 8 * 3600;

    c = client("bob", 0, 0, 9);
    c.unlisted = 1;
    (void) jm_quota_enter(&q, &c, NOW, T);
    make(&q, &c, 1, T);

    is_int(jm_quota_shrink(&q, 8, 1, NOW, T + 16 * H - 1), JM_INVALID,
           "a name is kept as long as its day in Beijing lasts");
    is_int(jm_quota_shrink(&q, 8, 1, NOW, T + 16 * H), JM_OK, "and no longer");

    done();
}


/* a file's window is none that has not begun: by this process's zone */

static void
test_import(uint64_t period, int64_t end)
{
    uint32_t            i;
    jm_quota_t          q, was;
    jm_store_t          old, store;
    jm_client_t         c;
    const jm_client_t  *clients[] = { &c };

    c = client("alice", 0, 0, 9);
    c.images_period = period;

    quota_init(&was, &old, SIZE);
    (void) quota_sync(&was, clients, 1);

    was.east = 8 * 3600;
    make(&was, &c, 5, T - 4 * H);

    quota_init(&q, &store, SIZE);
    q.east = 8 * 3600;

    for (i = 0; i < old.shared->used; i++) {
        (void) jm_quota_import(&q, &old, jm_ref(&old, jm_store_record(&old, i)),
                               T - 4 * H);
        jm_store_commit(&store);
    }

    is_date(&q, &c, T - 4 * H, 5, end, "what a file has");
    is_date(&q, &c, end - 1, 5, end, "as long as it lasts");

    store_done(&old);
    store_done(&store);
}


int
main(void)
{
    test_windows();
    test_months();
    test_other_zone();
    test_hours();
    test_month();
    test_idle();
    test_import(JM_CLIENT_DAY, T + 16 * H);

    /* T is 2024-10-04 */

    test_import(JM_CLIENT_MONTH, T + 28 * D - 8 * H);

    return done_testing();
}
