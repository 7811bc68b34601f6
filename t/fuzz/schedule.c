
/*
 * The poll schedule, told whatever may have been seen of tasks: a wait is never
 * too short or too long, nothing but a task's own class changes it, and records
 * are taken for so many classes only.  Nine bytes are a step: what is done, of
 * which class, and numbers of any size.
 *
 * Seen failing with waits of less than JM_SCHEDULE_LEAST.
 */


#define _GNU_SOURCE

#include "fuzz.h"
#include "jm_schedule.h"
#include "store.h"


#define STEP     9
#define SIZE     131072
#define CLASSES  (JM_SCHEDULE_CLASSES + 8)


/* two bytes: a number of so many bits */

static uint64_t
number(const uint8_t *p)
{
    uint64_t  n;

    n = (uint64_t) (p[0] | 0x100) << (p[1] & 0x7f) % 48;

    return (p[1] & 0x80) ? n >> 8 : n;
}


static void
next(jm_schedule_t *s, uint64_t class, uint64_t elapsed)
{
    uint64_t  wait;

    jm_schedule_look(s, class);
    wait = jm_schedule_next(s, elapsed);

    check(wait >= JM_SCHEDULE_LEAST && wait <= JM_SCHEDULE_MOST);
    check(wait == jm_schedule_next(s, elapsed));

    jm_schedule_look(s, CLASSES + 1);
    check(jm_schedule_next(s, elapsed) == JM_SCHEDULE_FIXED);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t            class, now;
    jm_store_t          store;
    jm_schedule_seen_t  seen;

    static jm_schedule_t  s;
    static uint64_t       memory[SIZE / sizeof(uint64_t)];

    if (size == 0) {
        return 0;
    }

    memset(&s, 0, sizeof(jm_schedule_t));
    memset(&store, 0, sizeof(jm_store_t));
    memset(memory, 0, SIZE);

    jm_store_attach(&store, memory, SIZE, 1);

    check(jm_schedule_layout(&s, &store) == JM_OK);
    check(jm_store_records(&store, 1, 1) == JM_OK);

    /* there may be room for all classes, or for none */

    store.shared->records = data[0];
    store.shared->nfree = data[0];

    for (now = 0; size >= STEP; data += STEP, size -= STEP) {
        class = 1 + data[1] % CLASSES;

        seen.open = number(&data[2]);
        seen.over = number(&data[4]);
        seen.trip = number(&data[6]);
        seen.queries = data[8];

        if (data[0] & 1) {
            jm_schedule_learn(&s, class, &seen, now++);
            jm_store_commit(&store);
        }

        next(&s, class, seen.open);
        next(&s, class, seen.over);

        check(store_count(&store, JM_RECORD_CLASS) <= JM_SCHEDULE_CLASSES);
        check(store_is_whole(&store));
    }

    return 0;
}
