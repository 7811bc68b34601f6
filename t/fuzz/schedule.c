
/*
 * The poll schedule, told whatever may have been seen of tasks: a wait is never
 * too short or too long, nothing but a task's own class changes it, and memory
 * is taken for so many classes only.  Nine bytes are a step: what is done, of
 * which class, and numbers of any size.
 *
 * Seen failing with waits of less than JM_SCHEDULE_LEAST.
 */


#include "fuzz.h"
#include "jm_schedule.h"


#define STEP     9
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

    wait = jm_schedule_next(s, class, elapsed);

    check(wait >= JM_SCHEDULE_LEAST && wait <= JM_SCHEDULE_MOST);
    check(wait == jm_schedule_next(s, class, elapsed));
    check(jm_schedule_next(s, CLASSES + 1, elapsed) == JM_SCHEDULE_FIXED);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t            class, now;
    tap_mem_t           m;
    jm_schedule_t       s;
    jm_schedule_seen_t  seen;

    if (size == 0) {
        return 0;
    }

    tap_mem_init(&m, 0);

    s.mem = m.mem;
    check(jm_schedule_create(&s) == JM_OK);

    /* the memory may end sooner, or later */

    m.fail = data[0];

    for (now = 0; size >= STEP; data += STEP, size -= STEP) {
        class = 1 + data[1] % CLASSES;

        seen.open = number(&data[2]);
        seen.over = number(&data[4]);
        seen.trip = number(&data[6]);
        seen.queries = data[8];

        if (data[0] & 1) {
            jm_schedule_learn(&s, class, &seen, now++);
        }

        next(&s, class, seen.open);
        next(&s, class, seen.over);

        check(m.live <= 1 + JM_SCHEDULE_CLASSES);
    }

    tap_mem_done(&m);

    return 0;
}
