
/*
 * What was learned of tasks, taken over from another store: at another address
 * the next wait is the same, and whatever is in a file that is damaged, a wait
 * is one that can be waited.
 *
 * Seen failing with each of these taken out of jm_schedule_import(), and of
 * what it calls: the look at a class that is there already, the bounds of used,
 * of the budget and of trip, the look at a sample, and those at the class and
 * the number of a record of samples.
 */


#define _GNU_SOURCE

#include "jm_schedule_store.h"
#include "store.h"


#define TRIP     50
#define RECORDS  200
#define HEADS    (sizeof(jm_store_shared_t) + sizeof(jm_schedule_shared_t))
#define CLASS    77


static jm_store_t     store, old_store;
static jm_schedule_t  s, old;


static void
init(jm_schedule_t *q, jm_store_t *st)
{
    store_init(st, store_size(HEADS, RECORDS));
    memset(q, 0, sizeof(jm_schedule_t));

    if (jm_schedule_layout(q, st) != JM_OK
        || jm_store_records(st, 1, 1) != JM_OK)
    {
        abort();
    }
}


/* tasks that take so long, each of which was asked for at two times */

static void
learn(jm_schedule_t *q, uint64_t class, unsigned n, uint64_t took)
{
    unsigned            i;
    jm_schedule_seen_t  seen;

    for (i = 0; i < n; i++) {
        seen.open = took - 300 + i % 7 * 10;
        seen.over = took + i % 5 * 10;
        seen.trip = TRIP;
        seen.queries = 2;

        jm_schedule_look(q, class);
        (void) jm_schedule_next(q, 0);
        jm_schedule_learn(q, class, &seen, i);
        jm_store_commit(q->store);
    }
}


static int64_t
next(jm_schedule_t *q, uint64_t class, uint64_t elapsed)
{
    jm_schedule_look(q, class);

    return (int64_t) jm_schedule_next(q, elapsed);
}


/* all records of the old store, into a new one; returns how many classes */

static int
import(uint64_t now)
{
    int       n;
    uint32_t  i;

    init(&s, &store);

    for (i = 0, n = 0; i < old_store.shared->used; i++) {
        n += jm_schedule_import(&s, &old_store,
                                jm_ref(&old_store,
                                       jm_store_record(&old_store, i)), now)
             == JM_OK;
        jm_store_commit(&store);
    }

    return n;
}


static void
done(void)
{
    ok(store_is_whole(&store) != 0, "no record is lost");
    store_done(&store);
}


static jm_schedule_class_t *
old_class(void)
{
    unsigned              i;
    jm_schedule_class_t  *c;

    c = jm_schedule_find(&old, CLASS, &i);

    if (c == NULL) {
        abort();
    }

    return c;
}


/* whatever has passed, a wait can be waited */

static unsigned
waits(void)
{
    uint64_t  elapsed;
    int64_t   wait;

    for (elapsed = 1; elapsed != 0; elapsed *= 2) {
        wait = next(&s, CLASS, elapsed);

        if (wait < JM_SCHEDULE_LEAST || wait > JM_SCHEDULE_MOST) {
            return 0;
        }
    }

    learn(&s, CLASS, 20, 9000);

    wait = next(&s, CLASS, 0);

    return wait >= JM_SCHEDULE_LEAST && wait <= JM_SCHEDULE_MOST;
}


static void
test_same(void)
{
    unsigned              i, n;
    jm_schedule_class_t  *c;

    init(&old, &old_store);

    for (n = 1; n <= 300; n += 23) {
        learn(&old, n, n, 3000 + n * 20);
    }

    is_int(import(1000), 14, "all classes");

    for (n = 1; n <= 300; n += 23) {
        c = jm_schedule_find(&s, n, &i);

        if (c == NULL || c->used != n - 1
            || c->n != jm_min(n, JM_SCHEDULE_SAMPLES) || c->trip != TRIP)
        {
            break;
        }
    }

    ok(n > 300, "and what they know");

    /* a plan is made anew from the same samples */

    memset(old.own, 0, sizeof(old.own));

    is_int(next(&s, 47, 0), next(&old, 47, 0), "the next wait is the same");
    is_int(next(&s, 300, 0), next(&old, 300, 0), "of another, too");
    ok(next(&s, 300, 0) > 6000, "which is as learned");
    is_int(next(&s, 2, 0), JM_SCHEDULE_FIXED, "and of one that is not known");
    is_int(jm_schedule_import(&s, &old_store,
                              jm_ref(&old_store, jm_schedule_find(&old, 47,
                                                                  &i)), 9),
           JM_INVALID, "it is there already");
    done();

    is_int(import(5), 14, "all classes, earlier");
    c = jm_schedule_find(&s, 300, &i);
    is_int((int64_t) c->used, 5, "none was used later than now");
    done();
    store_done(&old_store);
}


/* one field after the other has a value that it cannot have */

static void
test_fields(void)
{
    unsigned              i, k, wrong;
    double               *values;
    uint64_t              all;
    jm_schedule_class_t  *c;

    static const uint64_t  odd[] = { UINT64_MAX, INT64_MAX, 1, 0, 127, 4096 };

    wrong = 0;

    for (k = 0; k < 8; k++) {

        for (i = 0; i < jm_nitems(odd); i++) {
            init(&old, &old_store);
            learn(&old, CLASS, 150, 9000);
            c = old_class();

            /* a field of 64 bits, of whatever type: also what is no number */

            memcpy((uint8_t *) c + offsetof(jm_schedule_class_t, used)
                   + 8 * k, &odd[i], 8);

            (void) import(1000);

            c = jm_schedule_find(&s, CLASS, &(unsigned) { 0 });

            if (c != NULL) {
                values = &c->budget;
                wrong += !(values[0] >= JM_SCHEDULE_FRUGAL
                           && values[0] <= JM_SCHEDULE_LAVISH);
                wrong += !(c->trip >= 0 && c->trip <= JM_SCHEDULE_LONGEST);
                wrong += !(c->off >= -0.5 && c->off <= 0.5);
                wrong += c->used > 1000;
            }

            wrong += !waits();
            wrong += !store_is_whole(&store);
            store_done(&store);
            store_done(&old_store);
        }
    }

    is_int(wrong, 0, "whatever is in a class's record");

    /* its samples */

    init(&old, &old_store);
    learn(&old, CLASS, 150, 9000);
    all = UINT64_MAX;
    c = old_class();
    c->samples[2] = all;
    c->samples[3] = UINT64_C(7) << 32 | 8;
    c->samples[4] = (uint64_t) (JM_SCHEDULE_LONGEST + 1) << 32;
    is_int(import(1000), 1, "a class with samples that cannot be");
    c = jm_schedule_find(&s, CLASS, &i);
    is_int((int64_t) c->n, JM_SCHEDULE_SAMPLES - 3, "has the others");
    ok(waits() != 0, "and waits");
    done();

    /* records of samples that are lost, or another's */

    c = old_class();
    c->more[1] = c->more[0];
    (void) import(1000);
    c = jm_schedule_find(&s, CLASS, &i);
    is_int((int64_t) c->n, JM_SCHEDULE_SAMPLES - 3 - JM_SCHEDULE_MORE,
           "a record is in another's place");
    done();

    learn(&old, CLASS + 1, 150, 9000);
    c = old_class();
    c->more[2] = ((jm_schedule_class_t *) jm_schedule_find(&old, CLASS + 1, &i))
                 ->more[2];
    c->more[3] = UINT32_MAX;
    (void) import(1000);
    c = jm_schedule_find(&s, CLASS, &i);
    is_int((int64_t) c->n, JM_SCHEDULE_SAMPLES - 3 - 3 * JM_SCHEDULE_MORE,
           "one is another's, and one beyond the store");
    done();

    /* the class itself */

    old_class()->class ^= 2;
    (void) import(1000);
    ok(jm_schedule_find(&s, CLASS, &i) == NULL
       && jm_schedule_find(&s, CLASS ^ 2, &i) == NULL, "no class at all");
    done();
    store_done(&old_store);
}


int
main(void)
{
    test_same();
    test_fields();

    return done_testing();
}
