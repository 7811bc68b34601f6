
/*
 * A store by itself: where heads and records are, what is undone, records that
 * are taken and given back, which ones are believed, and rings in it.
 *
 * Seen failing with each of these taken out: the order in jm_store_recover(),
 * its look at the store's size and at that of what is stored, the commit in
 * jm_store_records(), jm_store_merge() in jm_store_commit(), and each look in
 * jm_store_believed(); with jm_store_give() straight to the free ones, and with
 * sizes entered as one byte less.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "store.h"
#include "jm_ring.h"


#define LAYOUT   0x0123456789abcdef
#define RECORDS  8


typedef struct {
    jm_ring_t            ring;
    uint8_t              one;
    uint16_t             two;
    uint32_t             four;
    uint64_t             eight;
} head_t;


typedef struct {
    jm_record_t          head;
    jm_ring_t            link;
    uint32_t             number;
    uint8_t              bytes[JM_RECORD - 24];
} item_t;

_Static_assert(sizeof(item_t) == JM_RECORD, "up to the last byte");


/* a store of one head and so many records, the last one ends with it */

static head_t *
start(jm_store_t *s, uint32_t records)
{
    size_t   size;
    head_t  *head;

    size = (sizeof(jm_store_shared_t) + sizeof(head_t) + JM_RECORD - 1)
           / JM_RECORD * JM_RECORD + records * JM_RECORD;

    store_init(s, size);

    head = jm_store_head(s, sizeof(head_t));
    jm_ring_init(s, &head->ring);

    if (jm_store_records(s, LAYOUT, records) != JM_OK
        || s->shared->records != records)
    {
        abort();
    }

    return head;
}


static void
test_layout(void)
{
    char              *a;
    uint32_t           i, n, wrong;
    jm_store_t         s, again;
    jm_store_shared_t  zeros;

    store_init(&s, store_size(sizeof(jm_store_shared_t) + 104, 5));
    memset(&zeros, 0, sizeof(jm_store_shared_t));

    a = jm_store_head(&s, 1);
    ok(a == (char *) s.shared + sizeof(jm_store_shared_t),
       "the first head is behind the store's own");
    ok((char *) jm_store_head(&s, 3) == a + 8, "the next one is aligned");
    ok(jm_store_head(&s, s.size) == NULL, "a head that is too large");
    ok((char *) jm_store_head(&s, 80) == a + 16,
       "does not take what there is");

    is_int(jm_store_records(&s, LAYOUT, 7), JM_INVALID, "too many records");
    ok(memcmp(s.shared, &zeros, sizeof(zeros)) == 0, "nothing was stored");
    is_int(jm_store_records(&s, LAYOUT, 5), JM_OK, "those there is room for");

    n = s.shared->records;
    ok(n >= 5, "the size is enough");
    is_int(s.shared->nfree, n, "all are free");
    is_int(s.shared->first * 4 % JM_RECORD, 0, "none crosses a page");
    ok((char *) jm_store_record(&s, 0) >= a + 96, "they are behind the heads");
    ok((char *) jm_store_record(&s, n - 1) + JM_RECORD
       <= (char *) s.shared + s.size, "and within the store");
    is_bytes((jm_str_t) { 8, s.shared->magic }, str("JMNG\r\n\x1a\n"),
             "it says what it is");
    ok(s.shared->layout == LAYOUT && s.shared->size == s.size,
       "and how it is laid out");

    again = s;
    jm_store_attach(&again, s.shared, s.size, 0);
    ok((char *) jm_store_head(&again, 1) == a, "the same head again");
    is_int(jm_store_records(&again, 0, 5), JM_OK, "attached again");
    ok(s.shared->layout == LAYOUT, "nothing is made anew");
    store_done(&s);

    /* a size for each: chains are a power of two, and grow with it */

    wrong = 0;

    for (i = 0; i < 24; i++) {
        s.size = (size_t) 1024 << i;
        n = jm_store_chains(&s);
        wrong += (n != jm_max(2u << i, 16));
        s.size--;
        wrong += (jm_store_chains(&s) != jm_max(1u << i, 16));
    }

    is_int(wrong, 0, "chains");

    store_init(&s, 100);
    ok(jm_store_head(&s, 1) == NULL, "a store that is too small");
    is_int(jm_store_records(&s, LAYOUT, 0), JM_INVALID, "at all");
    store_done(&s);
}


static void
test_undo(void)
{
    unsigned    i, wrong;
    head_t     *head;
    item_t     *last;
    jm_store_t  s;

    head = start(&s, RECORDS);
    is_int(s.shared->nundo, 0, "what was made is done");

    jm_store_begin(&s);
    jm_put(&s, head->one, 1);
    jm_put(&s, head->two, 2);
    jm_put(&s, head->four, 4);
    jm_put(&s, head->eight, 8);
    jm_store_commit(&s);

    jm_store_begin(&s);
    jm_put(&s, head->one, 0x81);
    jm_put(&s, head->two, 0x8002);
    jm_put(&s, head->two, 0x8003);
    jm_put(&s, head->four, 0x80000004);
    jm_put(&s, head->eight, 0x8000000000000008);
    ok(head->one == 0x81 && head->two == 0x8003 && head->four == 0x80000004
       && head->eight == 0x8000000000000008, "stores of each size");

    jm_store_begin(&s);
    ok(head->one == 1 && head->two == 2 && head->four == 4
       && head->eight == 8, "are undone");

    jm_store_begin(&s);
    ok(head->one == 1 && head->two == 2 && head->four == 4
       && head->eight == 8, "once");

    jm_store_begin(&s);
    jm_put(&s, head->four, 5);
    jm_store_commit(&s);
    jm_put(&s, head->eight, 9);
    jm_store_begin(&s);
    ok(head->four == 5 && head->eight == 8, "up to the last commit");

    /* each byte of the last record, which ends with the store */

    last = (item_t *) jm_store_record(&s, RECORDS - 1);
    wrong = 0;

    for (i = 0; i < sizeof(last->bytes); i++) {
        jm_put(&s, last->bytes[i], 1);
        jm_store_begin(&s);
        wrong += last->bytes[i];
    }

    is_int(wrong, 0, "at the end of the store");

    /* as many as there is room for */

    for (i = 0; i < JM_STORE_UNDO; i++) {
        jm_put(&s, head->eight, i);
    }

    jm_store_begin(&s);
    is_int((int64_t) head->eight, 8, "many");

    for (i = 0; i < JM_STORE_UNDO + 1; i++) {
        jm_put(&s, head->eight, i);
    }

    is_int(s.shared->nundo, 1, "one more begins anew");
    store_done(&s);
}


/* a log of random bytes: whatever is done, it is within the store */

static void
test_recover(void)
{
    size_t           i, n, size;
    uint8_t         *bytes;
    jm_store_t       s;
    unsigned short   seed[3] = { 1, 2, 3 };

    size = sizeof(jm_store_shared_t) + 2 * JM_RECORD;
    memset(&s, 0, sizeof(jm_store_t));

    for (n = 0; n < 300; n++) {

        /* ASan has an eye on what is around it */

        bytes = malloc(size);

        for (i = 0; i < size; i++) {
            bytes[i] = (uint8_t) nrand48(seed);
        }

        jm_store_attach(&s, bytes, size, 0);

        for (i = 0; i < JM_STORE_UNDO && n % 3 != 0; i++) {
            s.shared->undo[i].at = (uint64_t) nrand48(seed)
                                   % (16 * size + 16 * 64);

            if (n % 3 == 2) {
                s.shared->undo[i].at = (size - (size_t) nrand48(seed) % 16) * 16
                                       + (size_t) nrand48(seed) % 16;
            }
        }

        jm_store_recover(&s);

        free(bytes);
    }

    ok(1, "a log of random bytes");
}


static jm_rc_e
forget(void *ctx)
{
    unsigned    *left;
    jm_store_t  *s;

    s = ((void **) ctx)[0];
    left = ((void **) ctx)[1];

    if (*left == 0) {
        return JM_INVALID;
    }

    jm_store_give(s, jm_store_record(s, --*left));

    return JM_OK;
}


static void
test_records(void)
{
    unsigned     i, left;
    void        *ctx[2];
    item_t      *items[RECORDS], *one;
    jm_store_t   s;

    (void) start(&s, RECORDS);
    jm_store_begin(&s);

    for (i = 0; i < RECORDS; i++) {
        is_int(jm_store_room(&s, 1), JM_OK, "there is room");
        items[i] = jm_store_take(&s, JM_RECORD_ENTRY);
        memset(items[i]->bytes, 0xa5, sizeof(items[i]->bytes));
        ok((jm_record_t *) items[i] == jm_store_record(&s, i), "number %u", i);
    }

    jm_store_commit(&s);
    is_int(store_count(&s, JM_RECORD_ENTRY), RECORDS, "all are taken");
    is_int(jm_store_room(&s, 1), JM_ERROR, "and there is no room");

    jm_store_give(&s, items[2]);
    jm_store_give(&s, items[5]);
    is_int(s.shared->nfree, 0, "two given back are not free yet");
    is_int(jm_store_room(&s, 1), JM_ERROR, "and cannot be had");
    jm_store_begin(&s);
    is_int(store_count(&s, JM_RECORD_ENTRY), RECORDS, "as it was undone");
    ok(items[2]->bytes[0] == 0xa5 && items[5]->bytes[0] == 0xa5,
       "they are what they were");

    jm_store_give(&s, items[2]);
    jm_store_give(&s, items[5]);
    jm_store_commit(&s);
    is_int(s.shared->nfree, 2, "done: they are free");
    is_int(store_is_whole(&s), 1, "it is whole");
    is_int(jm_store_room(&s, 3), JM_ERROR, "for three there is no room");
    is_int(jm_store_room(&s, 2), JM_OK, "for two there is");

    one = jm_store_take(&s, JM_RECORD_TASKS);
    ok(one == items[5] || one == items[2], "one of them is taken again");

    for (i = 0, left = 0; i < sizeof(one->bytes); i++) {
        left |= one->bytes[i];
    }

    is_int(left, 0, "it is all zeros");
    is_int(one->head.type, JM_RECORD_TASKS, "but for its type");
    jm_store_give(&s, one);
    jm_store_give(&s, jm_store_take(&s, JM_RECORD_TOLD));
    jm_store_begin(&s);
    is_int(s.shared->nfree, 2, "taken and given: undone");
    is_int(store_is_whole(&s), 1, "it is whole");

    jm_store_give(&s, jm_store_take(&s, JM_RECORD_TOLD));
    jm_store_commit(&s);
    is_int(s.shared->nfree, 2, "taken and given: done");
    is_int(store_is_whole(&s), 1, "it is whole then");

    (void) jm_store_take(&s, JM_RECORD_ENTRY);
    (void) jm_store_take(&s, JM_RECORD_ENTRY);
    jm_store_commit(&s);

    /* somebody has to give some up */

    left = 3;
    ctx[0] = &s;
    ctx[1] = &left;
    s.ctx = ctx;
    s.forget = forget;

    is_int(jm_store_room(&s, 2), JM_OK, "room is made");
    is_int(left, 1, "and no more than is needed");
    is_int(s.shared->nundo, 0, "which is done then");
    is_int(jm_store_room(&s, 4), JM_ERROR, "as much as can be had");
    is_int(left, 0, "which is all that was there");
    is_int(s.shared->nfree, 3, "is free");
    is_int(store_is_whole(&s), 1, "and it is whole");

    store_done(&s);
}


/* whether exactly this is believed, as a copy that is read by its size alone */

static int
believed(const jm_store_t *s, jm_ref_t ref, jm_record_e type)
{
    jm_store_t  copy;

    memset(&copy, 0, sizeof(jm_store_t));
    copy.shared = s->shared;
    copy.size = s->size;

    return jm_store_believed(&copy, ref, type, offsetof(item_t, number),
                             offsetof(item_t, bytes[100]))
           != NULL;
}


static void
test_believed(void)
{
    size_t       i;
    int          n;
    unsigned     bit;
    uint8_t     *p;
    item_t      *item, *last;
    jm_ref_t     ref;
    jm_store_t   s;

    (void) start(&s, RECORDS);

    jm_store_begin(&s);

    for (i = 0; i < RECORDS; i++) {
        last = jm_store_take(&s, JM_RECORD_ENTRY);
        last->number = (uint32_t) i;
        jm_store_seal(last, offsetof(item_t, number),
                      offsetof(item_t, bytes[100]));
    }

    jm_store_commit(&s);

    item = (item_t *) jm_store_record(&s, 3);
    ref = jm_ref(&s, item);

    ok(jm_store_believed(&s, ref, JM_RECORD_ENTRY, offsetof(item_t, number),
                         offsetof(item_t, bytes[100]))
       == item, "what is sealed is believed");
    ok(believed(&s, jm_ref(&s, last), JM_RECORD_ENTRY), "also the last one");
    ok(!believed(&s, ref, JM_RECORD_TASKS), "not as something else");
    ok(jm_store_believed(&s, ref, JM_RECORD_ENTRY, offsetof(item_t, number),
                         offsetof(item_t, bytes[101]))
       == NULL, "nor if it is sealed otherwise");

    is_int(believed(&s, 0, JM_RECORD_ENTRY)
           + believed(&s, ref + 1, JM_RECORD_ENTRY)
           + believed(&s, ref + JM_RECORD / 8, JM_RECORD_ENTRY)
           + believed(&s, jm_ref(&s, last) + JM_RECORD / 4, JM_RECORD_ENTRY)
           + believed(&s, UINT32_MAX, JM_RECORD_ENTRY)
           + believed(&s, UINT32_MAX / 64 * 64, JM_RECORD_ENTRY)
           + believed(&s, 0x40000000, JM_RECORD_ENTRY),
           0, "what is no place of a record is not");

    /* its sum is right, and yet it is in no place of a record, or too new */

    p = (uint8_t *) item;

    memmove(p + 4, p, JM_RECORD);
    ok(!believed(&s, ref + 1, JM_RECORD_ENTRY), "nor what is between two");
    memmove(p, p + 4, JM_RECORD);

    item->head.version++;
    jm_store_seal(item, offsetof(item_t, number), offsetof(item_t, bytes[100]));
    ok(!believed(&s, ref, JM_RECORD_ENTRY), "nor what is of another version");
    item->head.version--;
    jm_store_seal(item, offsetof(item_t, number), offsetof(item_t, bytes[100]));

    /* each of its bits */

    n = 0;

    for (i = 0; i < JM_RECORD; i++) {

        for (bit = 1; bit < 256; bit *= 2) {
            p[i] ^= (uint8_t) bit;
            n += believed(&s, ref, JM_RECORD_ENTRY);
            p[i] ^= (uint8_t) bit;
        }
    }

    is_int(n, 8 * (4 + 2 + 8 + JM_RECORD - 24 - 100),
           "nor what has changed: all that may is believed");
    is_int(believed(&s, ref, JM_RECORD_ENTRY), 1, "it is what it was");

    /* a damaged size: the last record is cut off */

    s.size--;
    ok(!believed(&s, jm_ref(&s, last), JM_RECORD_ENTRY), "one that is cut off");
    s.size++;

    store_done(&s);
}


/* the numbers of what is in a ring, each a letter, there and back */

static const char *
letters(const jm_store_t *s, const jm_ring_t *head)
{
    char             *p;
    const jm_ring_t  *link;

    static char  text[64];

    p = text;

    for (link = jm_ring_next(s, head); link != head;
         link = jm_ring_next(s, link))
    {
        *p++ = (char) ('a' + (link - head - 1));
    }

    *p++ = ' ';

    for (link = jm_ring_prev(s, head); link != head;
         link = jm_ring_prev(s, link))
    {
        *p++ = (char) ('a' + (link - head - 1));
    }

    *p = '\0';

    return text;
}


static void
test_ring(void)
{
    jm_ring_t   *head, *links;
    jm_store_t   s;

    store_init(&s, sizeof(jm_store_shared_t) + 5 * sizeof(jm_ring_t));

    head = jm_store_head(&s, 5 * sizeof(jm_ring_t));
    links = head + 1;

    jm_ring_init(&s, head);
    is_cstr(letters(&s, head), " ", "empty");

    jm_ring_insert(&s, head, &links[0]);
    is_cstr(letters(&s, head), "a a", "one");

    jm_ring_insert(&s, jm_ring_prev(&s, head), &links[1]);
    jm_ring_insert(&s, head, &links[2]);
    jm_ring_insert(&s, &links[0], &links[3]);
    is_cstr(letters(&s, head), "cadb bdac", "last, first, and after another");
    jm_store_commit(&s);

    jm_ring_remove(&s, &links[0]);
    jm_ring_remove(&s, &links[2]);
    is_cstr(letters(&s, head), "db bd", "from the middle, and the first");

    jm_ring_insert(&s, &links[3], &links[0]);
    is_cstr(letters(&s, head), "dab bad", "one again");
    jm_store_begin(&s);
    is_cstr(letters(&s, head), "cadb bdac", "all of that undone");

    jm_ring_remove(&s, &links[3]);
    jm_ring_remove(&s, &links[2]);
    jm_ring_remove(&s, &links[0]);
    jm_ring_remove(&s, &links[1]);
    is_cstr(letters(&s, head), " ", "all");

    store_done(&s);
}


int
main(void)
{
    test_layout();
    test_undo();
    test_recover();
    test_records();
    test_believed();
    test_ring();

    return done_testing();
}
