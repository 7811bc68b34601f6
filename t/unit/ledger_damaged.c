
/*
 * What a new ledger takes over from a damaged store: nothing of it is anything
 * but what it was, and what may have been submitted is nobody's to submit.
 *
 * Seen failing with each of these taken out of the import: the sum of a task,
 * the state in it, the serial numbers of tasks and of what was told, the length
 * of an id, the number of tasks, the end of a message, the cause, and the end
 * of a circle.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger_file.h"


/* a new one again, which takes over what is in the file now */

static unsigned
restart_again(void)
{
    size_t   size;
    void    *memory;

    memory = new.store->shared;
    size = new.store->size;

    free(new.store);
    memset(memory, 0, size);
    ledger_attach(&new, memory, size, 2, alive, 1);

    return ledger_restart(&new, &file, map, THEN);
}


/* whether a task may be what it is now */

static unsigned
task_ok(const jm_ledger_slot_t *was, const jm_ledger_slot_t *is)
{
    if (is->state == JM_SLOT_UNKNOWN) {
        return 1;
    }

    switch (was->state) {

    case JM_SLOT_FREE:
    case JM_SLOT_IDLE:
        return is->state == JM_SLOT_FREE;

    case JM_SLOT_TAKEN:
    case JM_SLOT_OVER:
        return is->state == was->state && is->len == was->len
               && memcmp(is->id, was->id, is->len) == 0;

    default:
        return 0;
    }
}


/* counts what is wrong with the new one, compared to the old one */

static unsigned
wrong(void)
{
    unsigned            i, n;
    uint32_t            chain;
    jm_ledger_entry_t  *e, *was;

    n = (ledger_length(&new) < 0);

    for (chain = 0; chain <= new.mask; chain++) {

        for (e = jm_ledger_at(&new, new.serials[chain]); e != NULL;
             e = jm_ledger_at(&new, e->next))
        {
            was = jm_ledger_numbered(&old, e->serial);

            if (was == NULL
                || memcmp(&e->who, &was->who,
                          offsetof(jm_ledger_entry_t, account)
                          - offsetof(jm_ledger_entry_t, who))
                   != 0)
            {
                n++;
                continue;
            }

            for (i = 0; i < e->n; i++) {
                n += !task_ok(jm_ledger_slot(&old, was, i),
                              jm_ledger_slot(&new, e, i));
            }

            if (e->told != 0) {
                n += (was->told == 0
                      || memcmp((uint8_t *) jm_at(new.store, e->told)
                                + sizeof(jm_record_t),
                                (uint8_t *) jm_at(old.store, was->told)
                                + sizeof(jm_record_t),
                                JM_RECORD - sizeof(jm_record_t))
                         != 0);
            }
        }
    }

    return n;
}


static void *
in_file(const void *p)
{
    return jm_at(&file, jm_ref(old.store, p));
}


/* entries of each kind */

static void
enter(void)
{
    jm_error_t           error;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    enter_ten(&a, 'k');
    enter_two(&a, 'w');
    enter_two(&a, 'l');
    ledger_left(&old, &a, NOW);

    request(&r, 't', 1, 0);
    jm_error_upstream(&error, 50520);
    (void) ledger_open(&old, &a, &r, NOW);
    ledger_free(&old, &a, 0, NOW);
    ledger_told(&old, &a, &error, NOW);
    ledger_close(&old, &a, NOW);
}


/* each byte of all records, of which each bit, and all of them */

static void
test_bytes(void)
{
    size_t        at, end;
    uint8_t      *p;
    unsigned      bit, n, bad, least;

    start();
    enter();

    memcpy(file.shared, old.store->shared, file.size);

    is_int(restart_again(), 4, "whole: all are entered");
    is_int(wrong(), 0, "as they were");

    at = (size_t) old.store->shared->first * 4;
    end = at + old.store->shared->used * JM_RECORD;
    p = (uint8_t *) file.shared;
    bad = 0;
    least = 4;

    for ( /* void */ ; at < end; at++) {

        for (bit = 1; bit <= 256; bit *= 2) {
            p[at] ^= (uint8_t) (bit == 256 ? 255 : bit);

            n = restart_again();
            least = jm_min(least, n);
            bad += wrong();

            p[at] ^= (uint8_t) (bit == 256 ? 255 : bit);
        }
    }

    is_int(bad, 0, "a byte that is damaged: nothing is worse");
    is_int(least, 3, "one entry is lost, at most");

    done();
}


/* each value of a byte that tells what became of a task */

static void
test_states(void)
{
    unsigned             i, value, bad, own;
    jm_str_t             id;
    jm_ledger_claim_t    a, b;
    jm_ledger_slot_t    *was, *slot;
    jm_ledger_request_t  r;

    start();
    enter_ten(&a, 'k');
    request(&r, 'k', 10, 1);

    memcpy(file.shared, old.store->shared, file.size);

    bad = 0;
    own = 0;

    for (i = 0; i < 10; i++) {
        was = jm_ledger_slot(&old, jm_ledger_find(&old, &a), i);
        slot = in_file(was);

        for (value = 0; value < 256; value++) {
            slot->state = (uint8_t) value;

            (void) restart_again();
            bad += wrong();
            (void) ledger_open(&new, &b, &r, THEN);
            own += (ledger_look(&new, &b, i, THEN, &id) == JM_LOOK_OWN
                    && was->state != JM_SLOT_FREE
                    && was->state != JM_SLOT_IDLE);
        }

        slot->state = was->state;
    }

    is_int(bad, 0, "each state there may be");
    is_int(own, 0, "none makes a task anybody's to submit");

    done();
}


/* how many of the ten tasks are unknown, but for those that were */

static int
lost(void)
{
    int                  n;
    unsigned             i;
    jm_str_t             id;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    request(&r, 'k', 10, 1);

    (void) restart_again();

    if (wrong() != 0 || ledger_open(&new, &a, &r, THEN) != JM_LEDGER_FOUND) {
        return -1;
    }

    for (i = 0, n = 0; i < 10; i++) {
        n += (ledger_look(&new, &a, i, THEN, &id) == JM_LOOK_UNKNOWN);
    }

    memcpy(file.shared, old.store->shared, file.size);

    return n - 3;
}


/* tasks 7 ... 9 are in the first of these records, 1 ... 3 in the last */

static void
test_references(void)
{
    jm_ledger_claim_t    a, b;
    jm_ledger_entry_t   *e, *other;
    jm_ledger_tasks_t   *tasks[3];

    start();
    enter_ten(&a, 'k');
    enter_ten(&b, 'j');

    memcpy(file.shared, old.store->shared, file.size);

    e = in_file(jm_ledger_find(&old, &a));
    other = in_file(jm_ledger_find(&old, &b));

    tasks[0] = jm_at(&file, e->more);
    tasks[1] = jm_at(&file, tasks[0]->next);
    tasks[2] = jm_at(&file, tasks[1]->next);

    is_int(lost(), 0, "whole");

    e->more = 0;
    is_int(lost(), 6, "no tasks but the first");

    e->more = other->more;
    is_int(lost(), 6, "those of another entry");

    e->more = jm_ref(&file, e);
    is_int(lost(), 6, "the entry itself");

    e->more = UINT32_MAX / 64 * 64;
    is_int(lost(), 6, "what is in no store");

    e->more = jm_ref(&file, tasks[1]);
    is_int(lost(), 3, "one is missing");

    tasks[0]->next = jm_ref(&file, tasks[0]);
    is_int(lost(), 3, "a circle");

    tasks[0]->head.type = JM_RECORD_FREE;
    is_int(lost(), 6, "tasks that were given back");

    tasks[2]->head.version++;
    is_int(lost(), 1, "of another version");

    done();
}


/* all sums are right, and yet it cannot be */

static void
test_forged(void)
{
    unsigned             n;
    jm_ledger_claim_t    a, told;
    jm_ledger_told_t    *error;
    jm_ledger_entry_t   *e, *t;
    jm_ledger_request_t  r;

    start();
    enter();

    for (n = 1; n <= 4; n++) {
        a.serial = n;
        e = jm_ledger_find(&old, &a);

        if (e->key[0] == 't') {
            told = a;
        }
    }

    a.serial = 1;
    e = in_file(jm_ledger_find(&old, &a));
    t = in_file(jm_ledger_find(&old, &told));

    memcpy(file.shared, old.store->shared, file.size);
    error = jm_at(&file, t->told);

    for (n = 0; n < 256; n++) {

        if (n == 0 || n > JM_LEDGER_SLOTS) {
            e->n = (uint8_t) n;
            jm_store_seal(e, jm_ledger_entry_sealed);

            if (jm_ledger_imports(&file, jm_ref(&file, e)) != 0) {
                break;
            }
        }
    }

    is_int(n, 256, "no entry has so many tasks, or none");
    is_int(restart_again(), 3, "the others have");
    memcpy(file.shared, old.store->shared, file.size);

    e->slot.state = JM_SLOT_TAKEN;

    for (n = 0; n < 256; n++) {

        if (n == 0 || n > JM_LEDGER_ID) {
            e->slot.len = (uint8_t) n;
            e->slot.sum = jm_ledger_sum(&e->slot);

            (void) restart_again();

            if (jm_ledger_find(&new, &a)->slot.state != JM_SLOT_UNKNOWN) {
                break;
            }
        }
    }

    is_int(n, 256, "no id is so long, or none");
    memcpy(file.shared, old.store->shared, file.size);

    /* what was told */

    request(&r, 't', 1, 0);
    is_int(restart_again(), 4, "an error is there");
    is_int(ledger_open(&new, &a, &r, THEN), JM_LEDGER_TOLD, "and told");

    error->cause = JM_CAUSE_LAST;
    jm_store_seal(error, jm_ledger_told_sealed);
    is_int(restart_again(), 3, "a cause that is none");
    memcpy(file.shared, old.store->shared, file.size);

    memset(error->message, 'm', JM_LEDGER_TEXT);
    jm_store_seal(error, jm_ledger_told_sealed);
    is_int(restart_again(), 3, "a message that has no end");
    memcpy(file.shared, old.store->shared, file.size);

    error->serial++;
    jm_store_seal(error, jm_ledger_told_sealed);
    is_int(restart_again(), 3, "another entry's");
    is_int(ledger_length(&new), 3, "it is whole");

    done();
}


/* all of it is something else */

static void
test_random(void)
{
    size_t           i, from;
    unsigned         n, bad, entered;
    uint8_t         *p;
    unsigned short   seed[3] = { 1, 2, 3 };

    start();
    enter();

    bad = 0;
    entered = 0;
    p = (uint8_t *) file.shared;
    from = (size_t) old.store->shared->first * 4;

    for (n = 0; n < 100; n++) {
        memcpy(file.shared, old.store->shared, file.size);

        /* the log, some of the records, all */

        for (i = (n % 4 < 2) ? 0 : from; i < file.size; i++) {

            if (n % 4 == 0 || (n % 4 == 1 && i < from)
                || (n % 4 > 1 && nrand48(seed) % 200 == 0))
            {
                p[i] = (uint8_t) nrand48(seed);
            }
        }

        entered += restart_again();
        bad += wrong();
    }

    is_int(bad, 0, "random bytes: nothing is worse");
    ok(entered > 100 && entered < 300, "some of it is there still");

    done();
}


int
main(void)
{
    test_bytes();
    test_states();
    test_references();
    test_forged();
    test_random();

    return done_testing();
}
