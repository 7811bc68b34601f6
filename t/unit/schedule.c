
/*
 * When a task is asked for: what is learned, of whom, and when it is used; and
 * that queries are fewer than a fixed interval's, and delays half as long.
 *
 * Seen failing with waits of less than JM_SCHEDULE_LEAST,
 * with plans for what no plan helps, with nothing forgotten when times have
 * changed, with samples that are put in the middle of where they may be, with
 * those taken that cannot be, and with a budget that does not learn.
 */


#define _GNU_SOURCE

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jm_schedule.h"
#include "store.h"


#define TRIP    50

/* for all classes */

#define RECORDS  200


static uint64_t  random_state = 88172645463325252;


/* 0 ... n - 1 */

static uint64_t
pick(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;

    return random_state % n;
}


static uint64_t
next(jm_schedule_t *s, uint64_t class, uint64_t elapsed)
{
    jm_store_begin(s->store);
    jm_schedule_look(s, class);
    jm_store_commit(s->store);

    return jm_schedule_next(s, elapsed);
}


static void
learn(jm_schedule_t *s, uint64_t class, const jm_schedule_seen_t *seen,
    uint64_t now)
{
    jm_store_begin(s->store);
    jm_schedule_learn(s, class, seen, now);

    if (s->store->shared->nundo > 64) {
        abort();
    }

    jm_store_commit(s->store);
}


/* asks for a task that ends at end; the fixed interval's, without s */

static uint64_t
ask(jm_schedule_t *s, uint64_t class, uint64_t end, uint64_t now,
    uint64_t *queries)
{
    uint64_t            wait;
    jm_schedule_seen_t  seen = { 0, 0, TRIP, 0 };

    for ( ;; ) {
        wait = s ? next(s, class, seen.over) : JM_SCHEDULE_FIXED;

        seen.over += wait + TRIP;
        seen.queries++;

        if (seen.over >= end + TRIP / 2) {
            break;
        }

        seen.open = seen.over;
    }

    if (s) {
        learn(s, class, &seen, now);
    }

    *queries += seen.queries;

    return seen.over - end;
}


/* a process's way to a schedule in memory, for so many records if it is new */

static void
attach(jm_schedule_t *s, void *memory, uint32_t records)
{
    size_t       size;
    jm_store_t  *store;

    store = calloc(1, sizeof(jm_store_t));

    if (store == NULL) {
        abort();
    }

    memset(s, 0, sizeof(jm_schedule_t));

    size = store_size(sizeof(jm_store_shared_t) + 128, RECORDS);

    jm_store_attach(store, memory, size, records != 0);

    if (jm_schedule_layout(s, store) != JM_OK
        || jm_store_records(store, 1, 1) != JM_OK)
    {
        abort();
    }

    if (records != 0) {
        store->shared->records = records;
        store->shared->nfree = records;
    }
}


static void
start(jm_schedule_t *s)
{
    attach(s, store_memory(store_size(sizeof(jm_store_shared_t) + 128,
                                      RECORDS)), RECORDS);
}


static void
done(jm_schedule_t *s)
{
    if (!store_is_whole(s->store)) {
        ok(0, "the store is whole");
    }

    store_done(s->store);
    free(s->store);
}


static int
classes(const jm_schedule_t *s)
{
    return (int) store_count(s->store, JM_RECORD_CLASS);
}


static void
test_create(void)
{
    jm_store_t     small;
    jm_schedule_t  s;

    store_init(&small, sizeof(jm_store_shared_t) + 64);
    is_int(jm_schedule_layout(&s, &small), JM_ERROR, "no room for its head");
    store_done(&small);

    start(&s);

    is_int((int64_t) next(&s, 1, 0), JM_SCHEDULE_FIXED,
           "nothing is known: a fixed interval");
    is_int((int64_t) next(&s, 1, UINT64_MAX), JM_SCHEDULE_FIXED,
           "nor is it after all time");

    done(&s);
}


static void
test_class(void)
{
    jm_str_t  key = jm_string("jimeng_t2i_v40"), other = jm_string("jimeng");
    uint64_t  class;

    class = jm_schedule_class(key, 2048 * 2048, 0, 0);

    ok(class == jm_schedule_class(key, 2304 * 1856, 0, 0), "sizes alike");
    ok(class != jm_schedule_class(key, 1024 * 1024, 0, 0), "another size");
    ok(class != jm_schedule_class(key, 0, 0, 0), "no size");
    ok(class != jm_schedule_class(other, 2048 * 2048, 0, 0), "another model");
    ok(class != jm_schedule_class(key, 2048 * 2048, 1, 0), "an input picture");
    ok(class != jm_schedule_class(key, 2048 * 2048, 0, 1), "a group");
}


static void
test_learn(void)
{
    uint64_t       i, wait, queries;
    jm_schedule_t  s;

    start(&s);
    queries = 0;

    for (i = 1; i < JM_SCHEDULE_ENOUGH; i++) {
        ask(&s, 1, 9000 + i * 100, i, &queries);
    }

    is_int((int64_t) next(&s, 1, 0), JM_SCHEDULE_FIXED,
           "too little is known");

    for (i = 0; i < 100; i++) {
        ask(&s, 1, 9000 + pick(500), i, &queries);
    }

    wait = next(&s, 1, 0);
    ok(wait > 7000 && wait < 9500, "the first query is where tasks end");

    wait = next(&s, 1, 9100);
    ok(wait <= 600, "and the next is soon after it");

    wait = next(&s, 1, 600000);
    is_int((int64_t) wait, JM_SCHEDULE_MOST, "seldom, long after that");

    is_int((int64_t) next(&s, 2, 0), JM_SCHEDULE_FIXED,
           "another class knows nothing of it");

    for (i = 0; i < 100; i++) {
        ask(&s, 3, 120000 + pick(5000), i, &queries);
    }

    wait = next(&s, 3, 0);
    ok(wait > 10000 && wait <= JM_SCHEDULE_MOST,
       "a long task is asked for now and then");

    done(&s);
}


static void
test_ignored(void)
{
    unsigned            i;
    jm_schedule_t       s;
    jm_schedule_seen_t  seen[] = {
        { 0, 3600001, TRIP, 3 },        /* longer than any task */
        { 0, 40, TRIP, 1 },             /* before it was asked for */
        { 9000, 9000, TRIP, 3 },        /* at no time */
        { 0, 0, 0, 0 },
        { UINT64_MAX, 9000, TRIP, 3 },
        { 0, UINT64_MAX, UINT64_MAX, 3 },
    };

    start(&s);

    for (i = 0; i < 100 * jm_nitems(seen); i++) {
        learn(&s, 1, &seen[i % jm_nitems(seen)], i);
    }

    is_int(classes(&s), 0, "what cannot be is not learned");

    done(&s);
}


/* the mean of a uniform distribution, less and more */

static void
check_bar(const char *what, uint64_t from, uint64_t to)
{
    uint64_t       i, end, fixed, fixed_queries, delay, queries;
    jm_schedule_t  s;

    start(&s);

    fixed = 0;
    fixed_queries = 0;
    delay = 0;
    queries = 0;

    for (i = 0; i < 2000; i++) {
        end = from + pick(to - from);
        fixed += ask(NULL, 1, end, i, &fixed_queries);
        delay += ask(&s, 1, end, i, &queries);
    }

    ok(delay * 2 <= fixed, "%s: half the delay", what);
    ok(queries <= fixed_queries, "%s: no more queries", what);

    done(&s);
}


/* the longer it has not ended, the less is known: most end at once */

static void
test_hopeless(void)
{
    uint64_t       i, end, fixed_queries, queries, waits;
    jm_schedule_t  s;

    start(&s);

    fixed_queries = 0;
    queries = 0;
    waits = 0;

    for (i = 0; i < 2000; i++) {
        end = 300;

        while (pick(100) != 0) {
            end += 100;
        }

        ask(NULL, 1, end, i, &fixed_queries);
        ask(&s, 1, end, i, &queries);

        if (next(&s, 1, 0) == JM_SCHEDULE_FIXED) {
            waits++;
        }
    }

    ok(queries <= fixed_queries + fixed_queries / 100,
       "without memory: no more queries");
    ok(waits > 1000, "without memory: a fixed interval, mostly");

    done(&s);
}


static void
check_change(const char *what, uint64_t before, uint64_t after)
{
    uint64_t       i, delay, queries;
    jm_schedule_t  s;

    start(&s);

    delay = 0;
    queries = 0;

    for (i = 0; i < 300; i++) {
        ask(&s, 1, before + pick(before / 10), i, &queries);
    }

    for (i = 0; i < 12; i++) {
        ask(&s, 1, after + pick(after / 10), i, &queries);
    }

    for (i = 0; i < 12; i++) {
        delay += ask(&s, 1, after + pick(after / 10), i, &queries);
    }

    ok(delay < 12 * 500, "%s: it is learned within 12 tasks", what);

    done(&s);
}


static void
test_places(void)
{
    uint64_t       i, queries;
    jm_schedule_t  s;

    start(&s);
    queries = 0;

    for (i = 0; i < 20 * JM_SCHEDULE_CLASSES; i++) {
        ask(&s, 1 + i % JM_SCHEDULE_CLASSES, 9000 + pick(500), i, &queries);
    }

    ask(&s, 1, 9000, i, &queries);
    is_int(classes(&s), JM_SCHEDULE_CLASSES, "so many classes");

    ask(&s, 1000, 9000, i + 1, &queries);
    is_int(classes(&s), JM_SCHEDULE_CLASSES, "and no more");

    ok(next(&s, 1, 0) != JM_SCHEDULE_FIXED, "one in use stays");
    ok(next(&s, 3, 0) != JM_SCHEDULE_FIXED, "most do");
    is_int((int64_t) next(&s, 2, 0), JM_SCHEDULE_FIXED,
           "the one that was not used for longest went");

    done(&s);
    attach(&s, store_memory(store_size(sizeof(jm_store_shared_t) + 128,
                                       RECORDS)), 4);
    ask(&s, 1, 9000, 1, &queries);
    is_int(classes(&s), 0, "no room, and nobody to take it from");
    done(&s);

    attach(&s, store_memory(store_size(sizeof(jm_store_shared_t) + 128,
                                       RECORDS)), 9);
    ask(&s, 1, 9000, 1, &queries);
    is_int(classes(&s), 1, "room for one");

    for (i = 0; i < 20; i++) {
        ask(&s, 2, 9000 + pick(500), i, &queries);
    }

    is_int(classes(&s), 1, "and no more: the oldest gives its own");
    ok(next(&s, 2, 0) != JM_SCHEDULE_FIXED, "which is of use");

    done(&s);
}


/* whatever was seen, a wait is one that can be waited */

static void
test_bounds(void)
{
    uint64_t            i, n, wait, elapsed;
    int                 good;
    jm_schedule_t       s;
    jm_schedule_seen_t  seen;

    good = 1;

    for (n = 0; n < 60; n++) {
        start(&s);

        for (i = 0; i < 200; i++) {
            seen.over = pick(1 + ((uint64_t) 1 << pick(23)));
            seen.open = pick(seen.over + 1);
            seen.trip = pick(1 + ((uint64_t) 1 << pick(12)));
            seen.queries = (uint32_t) pick(1 + ((uint64_t) 1 << pick(32)));

            learn(&s, 1, &seen, i);

            elapsed = pick(2) ? pick(600000) : pick(UINT64_MAX);
            wait = next(&s, 1, elapsed);

            if (wait < JM_SCHEDULE_LEAST || wait > JM_SCHEDULE_MOST) {
                good = 0;
            }
        }

        done(&s);
    }

    ok(good, "no wait is too short or too long");
}


static void
test_plan(void)
{
    double                price, delay, again;
    int                   good;
    unsigned              i;
    jm_schedule_plan_t    plan;
    jm_schedule_sample_t  samples[JM_SCHEDULE_SAMPLES];

    for (i = 0; i < JM_SCHEDULE_SAMPLES; i++) {
        samples[i].from = 9000 + (uint32_t) pick(1000);
        samples[i].to = samples[i].from + 200;
    }

    price = 1;
    delay = jm_schedule_plan(&plan, samples, JM_SCHEDULE_SAMPLES, TRIP, 1,
                             &price);

    ok(delay > 0 && delay < 300, "a plan promises what it can");

    good = (plan.at[0] == 0 && plan.ended[0] == 0);

    for (i = 0; i < JM_SCHEDULE_STEPS; i++) {

        if (plan.next[i] <= i || plan.next[i] > JM_SCHEDULE_STEPS
            || plan.at[i + 1] < plan.at[i]
            || plan.ended[i + 1] < plan.ended[i])
        {
            good = 0;
        }
    }

    ok(good, "its steps go on");
    is_int(plan.ended[JM_SCHEDULE_STEPS], JM_SCHEDULE_ALL, "to the end");

    is_int((int64_t) (jm_schedule_fixed(&plan, &samples[0], TRIP) * 1000),
           5000, "queries of a fixed interval");

    price = 1e6;
    again = jm_schedule_plan(&plan, samples, JM_SCHEDULE_SAMPLES, TRIP, 1,
                             &price);

    ok(again > delay * 0.9 && again < delay * 1.1,
       "whatever price it begins with");

    again = jm_schedule_plan(&plan, samples, JM_SCHEDULE_SAMPLES, TRIP, 0.25,
                             &price);

    ok(again > delay, "with fewer queries it promises less");

    again = jm_schedule_plan(&plan, samples, 1, TRIP, 1, &price);
    ok(again > 0, "one sample is enough for a plan");
}


/* a process is killed at any moment, and the others go on with what it left */

static void
test_killed(void)
{
    pid_t          pid;
    uint64_t       i, j, wait, queries;
    int            good;
    jm_schedule_t  s;

    start(&s);

    good = 1;
    queries = 0;

    for (i = 0; i < 60; i++) {
        pid = fork();

        if (pid == 0) {
            for (j = 0; /* void */ ; j++) {
                ask(&s, 1 + pick(3 + i), 500 + pick(9000), j, &queries);
            }
        }

        usleep((useconds_t) pick(5000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        for (j = 0; j < 20; j++) {
            wait = next(&s, 1 + pick(3 + i), pick(20000));

            if (wait < JM_SCHEDULE_LEAST || wait > JM_SCHEDULE_MOST) {
                good = 0;
            }
        }

        good &= (store_is_whole(s.store) != 0);
    }

    ok(good, "a wait can be waited, whoever died");

    for (i = 0; i < 200; i++) {
        ask(&s, 1, 9000 + pick(500), i, &queries);
    }

    wait = next(&s, 1, 0);
    ok(wait > 7000 && wait < 9500, "and it learns as before");

    done(&s);
}


/* another process has not asked for any task yet, and one that did is gone */

static void
test_shared(void)
{
    void          *again;
    uint64_t       i, queries, wait;
    jm_schedule_t  s, other;

    start(&s);
    queries = 0;

    for (i = 0; i < 100; i++) {
        ask(&s, 1, 9000 + pick(500), i, &queries);
    }

    again = mremap(s.store->shared, 0, s.store->size, MREMAP_MAYMOVE);
    attach(&other, again, 0);

    wait = next(&other, 1, 0);
    ok(wait > 7000 && wait < 9500, "another process knows, too");

    for (i = 0; i < 40; i++) {
        ask(&other, 1, 3000 + pick(100), i, &queries);
    }

    wait = next(&s, 1, 0);
    ok(wait < 3200, "and the first what has changed since");

    store_done(other.store);
    free(other.store);
    done(&s);

    /* there is room for one class only: it is another one by now */

    attach(&s, store_memory(store_size(sizeof(jm_store_shared_t) + 128,
                                       RECORDS)), 9);

    for (i = 0; i < 20; i++) {
        ask(&s, 1, 9000 + pick(500), i, &queries);
    }

    again = mremap(s.store->shared, 0, s.store->size, MREMAP_MAYMOVE);
    attach(&other, again, 0);
    (void) next(&s, 1, 0);

    for (i = 0; i < 20; i++) {
        ask(&other, 2, 3000 + pick(100), i, &queries);
    }

    ok(next(&s, 2, 0) < 3200, "a plan is of its class");

    store_done(other.store);
    free(other.store);
    done(&s);
}


int
main(void)
{
    test_create();
    test_class();
    test_learn();
    test_ignored();

    check_bar("5 to 7 s", 5000, 7000);
    check_bar("12 to 18 s", 12000, 18000);
    check_bar("10 to 20 s", 10000, 20000);

    test_hopeless();

    check_change("faster", 20000, 5000);
    check_change("slower", 6000, 15000);

    test_places();
    test_bounds();
    test_plan();
    test_killed();
    test_shared();

    return done_testing();
}
