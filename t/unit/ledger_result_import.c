
/*
 * What tasks have brought is taken over from the store of an old ledger, whole
 * or damaged: each text is what it was, or it is not there, and its task is
 * over; it is of use no longer than it was, and nothing is in two of them.
 *
 * Seen failing with each of these taken out of jm_ledger_part_believed(): the
 * length of the text, the seal, the serial number, the task, the number of a
 * part, and its length; and out of the import: whether it is whole, its time,
 * the longest there may be, the length of an id, the text that is lost, and who
 * has yet to bill it.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger_file.h"
#include "ledger_text.h"
#include "jm_ledger_bill.h"
#include "jm_ledger_handed.h"


#define LIVES  (NOW + 100000)


/* a new one again, which takes over what is in the file now */

static unsigned
restart_again(uint64_t now)
{
    size_t   size;
    void    *memory;

    memory = new.store->shared;
    size = new.store->size;

    free(new.store);
    memset(memory, 0, size);
    ledger_attach(&new, memory, size, 2, alive, 1);

    return ledger_restart(&new, &file, map, now);
}


static void
save(void)
{
    memcpy(file.shared, old.store->shared, file.size);
}


static void *
in_file(const void *p)
{
    return jm_at(&file, jm_ref(old.store, p));
}


static void
brings(jm_ledger_claim_t *claim, unsigned i, size_t len, uint64_t until)
{
    unsigned  kept;

    (void) ledger_submit(&old, claim, i, 7);
    (void) ledger_brought(&old, claim, i, text_of(claim->serial + i, len),
                          until, NOW, &kept);
}


/* three tasks: one that is lost, and two that are kept */

static void
enter(jm_ledger_claim_t *claim, uint8_t key)
{
    jm_ledger_request_t  r;

    request(&r, key, 3, 1);
    (void) ledger_open(&old, claim, &r, NOW);

    brings(claim, 0, 0, LIVES);
    brings(claim, 1, 700, LIVES);
    brings(claim, 2, 220, LIVES);
}


static jm_look_e
peek(uint64_t serial, unsigned i)
{
    jm_ledger_peek_t  p;

    jm_ledger_peek(&new, serial, i, &p);

    return p.look;
}


/* how many texts of an entry are what they were; -1: one is another */

static int
texts(uint64_t serial, unsigned n, const size_t *lengths)
{
    int       whole;
    size_t    len;
    unsigned  i;

    for (i = 0, whole = 0; i < n; i++) {
        len = jm_ledger_result(&new, serial, i, THEN, NULL, 0);

        if (len == 0) {
            continue;
        }

        if (len != lengths[i] || text_length(&new, serial, i, THEN) != len) {
            return -1;
        }

        whole++;
    }

    return whole;
}


static const size_t  lengths[] = { 0, 700, 220 };


static void
test_whole(void)
{
    unsigned           first;
    uint64_t           serial;
    jm_ledger_claim_t  a, b;

    start();
    enter(&a, 'a');
    enter(&b, 'b');
    serial = a.serial;

    /* of one nobody has said what it has brought, of the other somebody has */

    first = 1;
    (void) jm_ledger_bill(&old, serial, 1, 1, &first);
    (void) jm_ledger_bill(&old, serial, 2, 1, &first);
    jm_ledger_billed(&old, serial, 2);
    jm_store_commit(old.store);

    save();
    is_int(restart_again(THEN), 2, "both are entered");
    is_int(texts(serial, 3, lengths), 2, "its texts");
    is_int(texts(b.serial, 3, lengths), 2, "the other's");
    is_int(peek(serial, 0), JM_LOOK_LOST, "what is lost is over");
    is_int(peek(serial, 1), JM_LOOK_RESULT, "what is kept is there");
    is_int(ledger_length(&new), 2, "it is whole");
    is_int((int64_t) new.evicted, 0, "nothing was forgotten");

    first = 0;
    is_int(jm_ledger_bill(&new, serial, 1, 1, &first), 1, "one is billed");
    is_int(first, 0, "but was counted");
    is_int(jm_ledger_bill(&new, serial, 2, 1, &first), 0, "the other was");
    jm_store_commit(new.store);

    is_int((int64_t) jm_ledger_result(&new, serial, 1, LIVES - 1, NULL, 0),
           700, "each has its time");
    is_int((int64_t) jm_ledger_result(&new, serial, 1, LIVES, NULL, 0), 0,
           "and no longer");

    is_int(restart_again(LIVES), 2, "after that");
    is_int(results_length(&new), 0, "none is of use");
    is_int(peek(serial, 1), JM_LOOK_LOST, "but it is over");
    is_int(ledger_length(&new), 2, "it is whole");

    done();

    /* what no request finds in the old one is found by its number */

    start();
    enter(&a, 'a');
    serial = a.serial;
    ledger_answered(&old, &a, NOW);
    ledger_close(&old, &a, NOW);
    jm_store_begin(old.store);
    jm_ledger_retire(&old, jm_ledger_numbered(&old, serial));
    jm_store_commit(old.store);
    is_int(ledger_length(&old), 1, "one is there for its texts");
    save();
    is_int(restart_again(THEN), 1, "it is entered");
    is_int(texts(serial, 3, lengths), 2, "with its texts");
    is_int(ledger_length(&new), 1, "it is whole");
    done();

    /* a process died while it wrote one, or had to give some back */

    start();
    enter(&a, 'a');
    enter(&b, 'b');
    jm_store_begin(old.store);
    jm_ledger_drop(&old, jm_ledger_numbered(&old, b.serial));
    jm_store_commit(old.store);
    jm_store_begin(old.store);
    (void) jm_ledger_part_make(&old, a.serial, 0, text_of(1, 900));
    save();
    is_int(restart_again(THEN), 1, "one is there");
    is_int(texts(a.serial, 3, lengths), 2, "with its texts");
    is_int(store_count(new.store, JM_RECORD_PART), 5, "and no more parts");
    is_int(ledger_length(&new), 1, "it is whole");
    done();
}


/* each byte of all records, of which each bit, and all of them */

static void
test_bytes(void)
{
    int                n, others;
    size_t             at, end;
    uint8_t           *p;
    unsigned           bit, bad, least, entries;
    jm_ledger_claim_t  a, b;

    start();
    enter(&a, 'a');
    enter(&b, 'b');
    save();

    at = (size_t) old.store->shared->first * 4;
    end = at + old.store->shared->used * JM_RECORD;
    p = (uint8_t *) file.shared;
    bad = 0;
    least = 2;

    for ( /* void */ ; at < end; at++) {

        for (bit = 1; bit <= 256; bit *= 2) {
            p[at] ^= (uint8_t) (bit == 256 ? 255 : bit);

            entries = restart_again(THEN);
            n = texts(a.serial, 3, lengths);
            others = texts(b.serial, 3, lengths);

            bad += (n < 0 || others < 0 || ledger_length(&new) < 0);
            bad += (n < 2 && others < 2);
            least = jm_min(least, entries);

            p[at] ^= (uint8_t) (bit == 256 ? 255 : bit);
        }
    }

    is_int(bad, 0, "a byte that is damaged: one entry loses texts, at most");
    is_int(least, 1, "and at most one entry");

    done();
}


/* how many texts of the first entry are there, whose seals are all right */

static int
forged(uint64_t serial, jm_ledger_slot_t *slot)
{
    int  n;

    slot->sum = jm_ledger_sum(slot);

    (void) restart_again(THEN);
    n = ledger_length(&new) < 0 ? -1 : texts(serial, 3, lengths);

    if (peek(serial, 1) != JM_LOOK_RESULT && peek(serial, 1) != JM_LOOK_LOST
        && peek(serial, 1) != JM_LOOK_UNKNOWN)
    {
        n = -1;
    }

    save();

    return n;
}


static void
kept_put(jm_ledger_slot_t *slot, const jm_ledger_kept_t *kept)
{
    memcpy(slot->id, kept, sizeof(jm_ledger_kept_t));
}


/* all sums are right, and yet it cannot be */

static void
test_forged(void)
{
    unsigned            i;
    jm_ledger_claim_t   a, b;
    jm_ledger_kept_t    kept, was, other;
    jm_ledger_part_t   *parts[4], *part;
    jm_ledger_slot_t   *slot;

    static const uint32_t  sizes[] = { 0, 1, 220, 660, 699, 701, 880, 881,
                                       JM_RESULT_MAX, JM_RESULT_MAX + 1,
                                       UINT32_MAX };

    start();
    enter(&a, 'a');
    enter(&b, 'b');
    save();

    slot = in_file(jm_ledger_slot(&old, jm_ledger_find(&old, &a), 1));
    was = jm_ledger_kept(slot);
    other = jm_ledger_kept(jm_ledger_slot(&old, jm_ledger_find(&old, &b), 1));

    for (i = 0, part = jm_at(&file, was.first); i < 4; i++) {
        parts[i] = part;
        part = jm_at(&file, part->next);
    }

    is_int(forged(a.serial, slot), 2, "whole");

    for (i = 0; i < jm_nitems(sizes); i++) {
        kept = was;
        kept.len = sizes[i];
        kept_put(slot, &kept);
        is_int(forged(a.serial, slot), 1, "of %u bytes", sizes[i]);
    }

    kept = was;
    kept.first = other.first;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "another entry's");
    is_int(texts(b.serial, 3, lengths), 2, "which has it");

    kept.first = jm_ledger_kept(jm_ledger_slot(&old, jm_ledger_find(&old, &a),
                                               2)).first;
    kept.len = 220;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "another task's");
    is_int((int64_t) text_length(&new, a.serial, 2, THEN), 220, "which has it");

    kept = was;
    kept.first = jm_ref(&file, parts[1]);
    kept.len = 480;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "that begins in the middle");

    kept.first = 0;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "without a part");
    kept.len = 0;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "or a byte");
    kept.len = 480;
    kept.first = UINT32_MAX / 64 * 64;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "that is in no store");
    kept.first = jm_ref(&file, slot);
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "that is no record");

    slot->len = 1;
    is_int(forged(a.serial, slot), 1, "with an id");
    is_int(peek(a.serial, 1), JM_LOOK_UNKNOWN, "which cannot be");

    /* a circle, of which each number is as it should be, or not */

    parts[3]->next = jm_ref(&file, parts[0]);
    jm_store_seal(parts[3], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "that has no end");

    parts[1]->next = jm_ref(&file, parts[1]);
    jm_store_seal(parts[1], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "a circle");

    parts[1]->number = 2;
    jm_store_seal(parts[1], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "a part that is missing");

    parts[0]->next = jm_ref(&file, parts[2]);
    jm_store_seal(parts[0], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "or left out");

    for (i = 0; i < 256; i++) {
        parts[1]->len = (uint8_t) i;
        jm_store_seal(parts[1], jm_ledger_part_sealed);

        if (i != JM_LEDGER_PART && forged(a.serial, slot) != 1) {
            break;
        }
    }

    is_int(i, 256, "no part but the last is shorter, or longer");

    parts[1]->len = 100;
    jm_store_seal(parts[1], jm_ledger_part_sealed);
    kept = was;
    kept.len = 580;
    kept_put(slot, &kept);
    is_int(forged(a.serial, slot), 1, "even where that is all of the text");

    parts[3]->len = 41;
    jm_store_seal(parts[3], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "nor is the last longer");

    parts[2]->serial = b.serial;
    jm_store_seal(parts[2], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "with another entry's part");

    parts[2]->task = 2;
    jm_store_seal(parts[2], jm_ledger_part_sealed);
    is_int(forged(a.serial, slot), 1, "with another task's part");

    parts[2]->head.type = JM_RECORD_FREE;
    is_int(forged(a.serial, slot), 1, "with a part that was given back");

    kept = was;
    kept.until = UINT64_MAX;
    kept_put(slot, &kept);
    slot->sum = jm_ledger_sum(slot);
    (void) restart_again(THEN);
    is_int((int64_t) jm_ledger_result(&new, a.serial, 1,
                                      THEN + JM_RESULT_FOR - 1, NULL, 0),
           700, "that is of use for ever");
    is_int((int64_t) jm_ledger_result(&new, a.serial, 1, THEN + JM_RESULT_FOR,
                                      NULL, 0),
           0, "is for 30 days, at most");

    done();
}


/* a smaller one: entries are what counts, and new texts before old ones */

static void
test_room(void)
{
    unsigned             i, n;
    uint64_t             serials[10];
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    start();

    for (i = 0; i < 10; i++) {
        request(&r, (uint8_t) i, 1, 1);
        (void) ledger_open(&old, &a, &r, NOW);
        serials[i] = a.serial;
        brings(&a, 0, 800, LIVES);
    }

    save();
    ledger_bound(&new, 20);
    n = ledger_restart(&new, &file, map, THEN);
    is_int(n, 10, "all entries are there");
    is_int(ledger_length(&new), 10, "it is whole");
    is_int(results_length(&new), 2, "and some texts");
    is_int(peek(serials[9], 0), JM_LOOK_RESULT, "the newest");
    is_int(peek(serials[8], 0), JM_LOOK_RESULT, "and the one before");
    is_int(peek(serials[0], 0), JM_LOOK_LOST, "not the oldest");
    is_int((int64_t) new.evicted, 8, "which is told");
    done();
}


/* ten of the longest texts of one entry */

static void
test_depth(void)
{
    int                  n;
    unsigned             i;
    jm_ledger_t          l;
    jm_store_t           s;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    ledger_init(&old, 800, 1, alive);
    ledger_init(&l, 800, 2, alive);

    request(&r, 'k', JM_LEDGER_SLOTS, 1);
    (void) ledger_open(&old, &a, &r, NOW);

    for (i = 0; i < JM_LEDGER_SLOTS; i++) {
        brings(&a, i, JM_RESULT_MAX, LIVES);
    }

    memset(&s, 0, sizeof(jm_store_t));
    s.shared = old.store->shared;
    s.size = old.store->size;
    is_int(ledger_restart(&l, &s, map, THEN), 1, "one of ten");

    for (i = 0, n = 0; i < JM_LEDGER_SLOTS; i++) {
        n += (text_length(&l, a.serial, i, THEN) == JM_RESULT_MAX);
    }

    is_int(n, JM_LEDGER_SLOTS, "of the longest texts");
    is_int(ledger_length(&l), 1, "it is whole");

    printf("# %u deep\n", ledger_deepest(&l));
    ok(ledger_deepest(&l) < JM_STORE_UNDO / 2, "the log has room for twice");

    ledger_detach(&l);
    ledger_detach(&old);
}


/* a chain that is longer than any text, and right in all else */

static void
test_long(void)
{
    jm_str_t             text;
    jm_ledger_t          l;
    jm_store_t           s;
    jm_ledger_kept_t     kept;
    jm_ledger_claim_t    a;
    jm_ledger_slot_t    *slot;
    jm_ledger_request_t  r;

    ledger_init(&old, 800, 1, alive);
    ledger_init(&l, 800, 2, alive);

    request(&r, 'k', 1, 1);
    (void) ledger_open(&old, &a, &r, NOW);
    brings(&a, 0, 10, LIVES);

    text = text_of(a.serial, JM_RESULT_MAX + 1);
    slot = jm_ledger_slot(&old, jm_ledger_find(&old, &a), 0);

    jm_store_begin(old.store);
    kept = jm_ledger_kept(slot);
    jm_ledger_part_drop(&old, kept.first);
    kept.first = jm_ledger_part_make(&old, a.serial, 0, text);
    kept.len = (uint32_t) text.len;
    jm_ledger_kept_put(&old, slot, &kept);
    jm_ledger_become(&old, slot, JM_SLOT_KEPT);
    jm_store_commit(old.store);

    memset(&s, 0, sizeof(jm_store_t));
    s.shared = old.store->shared;
    s.size = old.store->size;
    is_int(ledger_restart(&l, &s, map, THEN), 1, "one of too many bytes");
    is_int(results_length(&l), 0, "is not kept");
    is_int(ledger_length(&l), 1, "it is whole");

    ledger_detach(&l);
    ledger_detach(&old);
}


int
main(void)
{
    test_whole();
    test_bytes();
    test_forged();
    test_room();
    test_depth();
    test_long();

    return done_testing();
}
