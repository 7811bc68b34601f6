
/*
 * What clients have used is taken over from another store, which may be
 * damaged, whatever bytes there are: nothing of it is believed that is not
 * sealed, and nothing of it shuts a client out for ever.
 *
 * Seen failing with each of these taken out of jm_quota_import(): the record's
 * seal, each check of what is in it, the look for another one of its number,
 * the room for it, each half of the look for the later one, the limit of its
 * window, its number, and each value; and without the store of what is owed in
 * a refusing jm_quota_rate(), and the greatest number in jm_quota_add().
 */


#define _GNU_SOURCE

#include "tap.h"

#include "quota.h"


#define SIZE     65536
#define FROM     offsetof(jm_quota_client_t, len)
#define TO       offsetof(jm_quota_client_t, next)


static jm_store_t         old;
static jm_store_t         store;
static jm_client_t        alice;
static jm_client_t        bob;
static const jm_client_t  *both[] = { &alice, &bob };


static unsigned
alive(uint32_t owner)
{
    return owner != 0;
}


/* an old store, with two clients of whom the first has used something */

static jm_quota_client_t *
old_init(void)
{
    uint32_t          i;
    jm_hold_t         hold;
    jm_quota_t        q;
    jm_quota_rate_t   rate;
    jm_quota_view_t   view;

    alice = client("alice", 6, 100, 10);
    bob = client("bob", 6, 100, 10);

    quota_init(&q, &old, SIZE);
    store_alive_by(&old, alive);
    old.shared->serial = 1000;

    (void) quota_sync(&q, both, 2);

    for (i = 0; i <= JM_QUOTA_SHARES; i++) {
        old.owner = i + 1;
        (void) jm_quota_hold(&q, &alice, bill(1), 0, SECONDS, &hold, &view);
    }

    jm_quota_delivered(&q, &hold, bill(1), SECONDS);
    (void) jm_quota_rate(&q, &alice, NOW, &rate);

    jm_store_commit(&old);

    return jm_quota_find(&q, alice.name);
}


static void
done(void)
{
    jm_store_commit(&store);

    ok(store_is_whole(&store) != 0, "no record is lost");

    store_done(&store);
}


/* a client's record at another place, which is sealed after all */

static jm_rc_e
import(jm_quota_t *q, const jm_quota_client_t *c)
{
    jm_rc_e             rc;
    jm_quota_client_t  *r;

    r = jm_store_take(&old, JM_RECORD_CLIENT);

    memcpy((uint8_t *) r + FROM, (const uint8_t *) c + FROM,
           sizeof(jm_quota_client_t) - FROM);
    jm_store_seal(r, FROM, TO);

    rc = jm_quota_import(q, &old, jm_ref(&old, r), SECONDS);

    jm_store_commit(&store);
    jm_store_give(&old, r);
    jm_store_commit(&old);

    return rc;
}


static void
is_used(jm_quota_t *q, const jm_client_t *c, uint64_t used, const char *name)
{
    jm_quota_view_t  view;

    jm_quota_view(q, c, SECONDS, &view);

    is_int((int64_t) view.used, (int64_t) used, "%s", name);
    is_int(view.running, 0, "and nothing runs");
}


static void
test_all(void)
{
    int64_t           serial;
    uint32_t          i, n;
    jm_quota_t        q, was;
    jm_client_t       eve;
    jm_quota_rate_t   rate;

    const jm_client_t  *others[] = { &alice, &eve };

    (void) old_init();
    quota_init(&q, &store, SIZE);

    for (i = 0, n = 0; i < old.shared->used; i++) {
        n += jm_quota_import(&q, &old, jm_ref(&old, jm_store_record(&old, i)),
                             SECONDS)
             == JM_OK;
        jm_store_commit(&store);
    }

    is_int(n, 2, "all clients, and nothing else");

    quota_attach(&was, &old, old.shared, SIZE, 0);

    serial = (int64_t) jm_quota_serial(&was, &bob);

    is_int((int64_t) jm_quota_serial(&q, &bob), serial, "one has its number");
    is_int((int64_t) jm_quota_serial(&q, &alice),
           (int64_t) jm_quota_serial(&was, &alice), "so does the other");

    eve = client("eve", 6, 100, 10);
    is_int(quota_sync(&q, others, 2), JM_OK, "one goes, and one comes");

    is_used(&q, &alice, 1, "what one has used that stays");
    jm_quota_rate_view(&q, &alice, NOW, &rate);
    is_int((int64_t) rate.remaining, 5, "and its bucket");

    ok((int64_t) jm_quota_serial(&q, &eve) > serial, "a number of its own");
    is_int((int64_t) jm_quota_serial(&q, &bob), 0, "who goes is forgotten");

    store_done(&old);
    done();
}


/* the type and the version of a record are, too, and so the sum is no other */

static unsigned
is_sealed(size_t at)
{
    return (at >= FROM && at < TO)
           || at < offsetof(jm_record_t, next)
           || at == offsetof(jm_record_t, type)
           || at == offsetof(jm_record_t, version);
}


/* a byte that is not what it was */

static void
test_damaged(void)
{
    size_t              at;
    jm_rc_e             rc;
    unsigned            i, believed, unknown, wrong;
    jm_quota_t          q;
    jm_hold_t           hold;
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    jm_quota_client_t  *c;

    c = old_init();

    believed = 0;
    unknown = 0;
    wrong = 0;

    for (at = 0; at < JM_RECORD; at++) {

        for (i = 1; i < 256; i++) {
            ((uint8_t *) c)[at] ^= (uint8_t) i;

            quota_init(&q, &store, SIZE);
            store_alive_by(&store, alive);

            rc = jm_quota_import(&q, &old, jm_ref(&old, c), SECONDS);

            if (is_sealed(at)) {
                believed += (rc != JM_INVALID);

            } else if (at < offsetof(jm_quota_client_t, used)
                       || at >= offsetof(jm_quota_client_t, period))
            {
                unknown += (rc != JM_OK);
            }

            /* whatever it was: it can be gone on with */

            wrong += quota_sync(&q, both, 2) != JM_OK;

            (void) jm_quota_rate(&q, &alice, NOW, &rate);
            wrong += jm_quota_rate(&q, &alice, NOW + 60000, &rate) != JM_OK;

            wrong += jm_quota_hold(&q, &alice, bill(9), 0, SECONDS + 86400,
                                   &hold, &view)
                     != JM_QUOTA_OK;
            jm_quota_delivered(&q, &hold, bill(3), SECONDS + 86400);
            jm_quota_release(&q, &hold);

            jm_quota_view(&q, &alice, SECONDS + 86400, &view);
            wrong += view.used != 3 || view.running != 0;

            jm_store_commit(&store);
            wrong += !store_is_whole(&store);

            store_done(&store);
            ((uint8_t *) c)[at] ^= (uint8_t) i;
        }
    }

    is_int(believed, 0, "nothing is believed that is sealed otherwise");
    is_int(unknown, 0, "whatever the rest is");
    is_int(wrong, 0, "which does no harm for longer than a day");

    store_done(&old);
}


static void
test_bad(void)
{
    size_t              i;
    uint32_t            ref;
    unsigned            n;
    jm_quota_t          q;
    jm_hold_t           hold;
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    jm_quota_client_t  *good, c;

    static const uint32_t  lens[] = { 0, JM_KEYS_NAME + 1, UINT32_MAX };
    static const uint64_t  serials[] = { 0, (uint64_t) INT64_MAX + 1,
                                         UINT64_MAX };

    good = old_init();
    quota_init(&q, &store, SIZE);
    store_alive_by(&store, alive);

    for (ref = 0, n = 0; ref < SIZE / 4 + 200; ref++) {
        n += jm_quota_import(&q, &old, ref, SECONDS) == JM_OK;
        jm_store_commit(&store);
    }

    is_int(n, 2, "records, and nothing in between");
    is_int(jm_quota_import(&q, &old, UINT32_MAX, SECONDS), JM_INVALID,
           "far away");
    (void) quota_sync(&q, both, 0);

    for (i = 0; i < jm_nitems(lens); i++) {
        c = *good;
        c.len = lens[i];
        is_int(import(&q, &c), JM_INVALID, "a name of %u bytes", c.len);
    }

    for (i = 0; i < jm_nitems(serials); i++) {
        c = *good;
        c.serial = serials[i];
        is_int(import(&q, &c), JM_INVALID, "a number that nobody has");
    }

    c = *good;
    c.used = UINT64_MAX;
    is_int(import(&q, &c), JM_INVALID, "more than anybody uses");
    is_int((int64_t) q.shared->nclients, 0, "none of these is there");

    /* a clock that was wrong, or a damage */

    c.used = 10;
    c.window = UINT64_MAX;
    c.full = UINT64_MAX;
    is_int(import(&q, &c), JM_OK, "what would never end");
    (void) quota_sync(&q, both, 2);

    is_int(jm_quota_hold(&q, &alice, bill(1), 0, SECONDS, &hold, &view),
           JM_QUOTA_IMAGES, "what is used up");
    is_int(jm_quota_hold(&q, &alice, bill(1), 0, SECONDS + 86400, &hold, &view),
           JM_QUOTA_OK, "is for this day");

    is_int(jm_quota_rate(&q, &alice, NOW, &rate), JM_INVALID, "no request");
    is_int(jm_quota_rate(&q, &alice, NOW + 10000, &rate), JM_OK,
           "until there is one in the bucket");

    store_done(&old);
    done();
}


/* a file may have what was there before, too */

static void
test_twice(void)
{
    uint64_t            serial;
    jm_quota_t          q;
    jm_quota_client_t  *good, c;

    good = old_init();
    serial = good->serial;

    quota_init(&q, &store, SIZE);

    c = *good;
    c.used = 5;
    is_int(import(&q, &c), JM_OK, "a client");

    c.used = 4;
    is_int(import(&q, &c), JM_OK, "when it had used less");
    is_used(&q, &alice, 5, "is not what it is");

    c.window--;
    c.used = 9;
    is_int(import(&q, &c), JM_OK, "of the day before");
    is_used(&q, &alice, 5, "is not, either");

    c.window++;
    c.used = 7;
    is_int(import(&q, &c), JM_OK, "when it had used more");
    is_used(&q, &alice, 7, "is");

    is_int(jm_quota_import(&q, &old, jm_ref(&old, good), SECONDS), JM_OK,
           "as it was first");
    is_used(&q, &alice, 7, "is not");

    memcpy(c.name, "carol", 5);
    is_int(import(&q, &c), JM_INVALID, "another one of its number");

    c.serial = serial + 100;
    is_int(import(&q, &c), JM_OK, "or of one of her own");
    is_int(q.shared->nclients, 2, "two of them");

    fill(&store, 0);

    memcpy(c.name, "david", 5);
    c.serial++;
    is_int(import(&q, &c), JM_ERROR, "no room");
    is_int(q.shared->nclients, 2, "for a third");

    store_done(&old);
    done();
}


int
main(void)
{
    test_all();
    test_damaged();
    test_bad();
    test_twice();

    return done_testing();
}
