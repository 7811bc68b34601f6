
/*
 * A store whose process dies between two instructions: the next one finds it as
 * it was after one of the commits, at another address.  One that dies while it
 * undoes that leaves it to be undone again.
 *
 * Seen failing with each of these: a plain store in place of a jm_put() in
 * jm_store_take(), jm_store_give(), jm_store_merge() and jm_ring_insert(), an
 * entry of the log that counts before it is written, the oldest undone first,
 * the log cleared before it is undone, given records free at once, and no
 * jm_store_merge() in jm_store_begin().
 */


#include "processes.h"
#include "store.h"
#include "jm_ring.h"


#define LAYOUT   1
#define RECORDS  8
#define COMMITS  9


typedef struct {
    jm_ring_t            ring;
    uint64_t             eight;
    uint32_t             commits;
    uint16_t             two;
    uint8_t              one;
} head_t;


typedef struct {
    jm_record_t          head;
    jm_ring_t            link;
    uint32_t             number;
    uint8_t              bytes[JM_RECORD - 24];
} item_t;


/* how often a commit has returned: behind the store, in the same memory */

typedef struct {
    volatile uint32_t    commits;
} story_t;


static steps_t  steps;
static size_t   size;

/* the store after each commit */

static uint8_t  *after[COMMITS + 1];


static head_t *
attach(jm_store_t *s, void *memory, unsigned fresh)
{
    head_t  *head;

    memset(s, 0, sizeof(jm_store_t));
    jm_store_attach(s, memory, size, fresh);

    head = jm_store_head(s, sizeof(head_t));

    if (fresh) {
        jm_ring_init(s, &head->ring);
    }

    if (jm_store_records(s, LAYOUT, RECORDS) != JM_OK) {
        abort();
    }

    return head;
}


static item_t *
item(jm_ring_t *link)
{
    return (item_t *) (void *) ((uint8_t *) link - offsetof(item_t, link));
}


static void
add(jm_store_t *s, head_t *head, uint32_t number)
{
    item_t  *new;

    new = jm_store_take(s, JM_RECORD_ENTRY);

    new->number = number;
    memset(new->bytes, (int) number, sizeof(new->bytes));
    jm_store_seal(new, offsetof(item_t, number), sizeof(item_t));

    jm_ring_insert(s, &head->ring, &new->link);
}


static void
give_last(jm_store_t *s, head_t *head)
{
    jm_ring_t  *link;

    link = jm_ring_prev(s, &head->ring);

    jm_ring_remove(s, link);
    jm_store_give(s, item(link));
}


/* all that may be done, up to commit number i, of which there are COMMITS */

static void
work(jm_store_t *s, head_t *head, uint32_t i)
{
    jm_put(s, head->commits, i);
    jm_put(s, head->one, (uint8_t) i);
    jm_put(s, head->two, (uint16_t) (i * 0x101));
    jm_put(s, head->eight, i * 0x100000001 - head->eight);

    switch (i) {

    case 4:
    case 7:
        give_last(s, head);
        give_last(s, head);
        break;

    case 6:
        jm_store_give(s, jm_store_take(s, JM_RECORD_TOLD));
        break;

    default:
        add(s, head, i);
        add(s, head, i + 100);
        jm_put(s, item(jm_ring_next(s, &head->ring))->number, i);
        give_last(s, head);
        break;
    }
}


static void
live(void *data)
{
    uint32_t     i;
    head_t      *head;
    story_t     *story;
    jm_store_t   s;

    (void) data;

    head = attach(&s, steps.memory, 0);
    story = (story_t *) (void *) ((uint8_t *) steps.memory + size);

    jm_store_begin(&s);

    for (i = story->commits + 1; i <= COMMITS; i++) {
        work(&s, head, i);
        jm_store_commit(&s);
        story->commits = i;
    }
}


/* whether all that counts is the same in two stores at rest */

static unsigned
same(const jm_store_t *a, const jm_store_t *b)
{
    size_t              first, end;
    uint32_t            i;
    const jm_record_t  *r, *t;

    first = offsetof(jm_store_shared_t, undo);

    if (memcmp(a->shared, b->shared, first) != 0) {
        return 0;
    }

    first = sizeof(jm_store_shared_t);
    end = first + sizeof(head_t);

    if (memcmp((uint8_t *) a->shared + first, (uint8_t *) b->shared + first,
               end - first)
        != 0)
    {
        return 0;
    }

    for (i = 0; i < a->shared->records; i++) {
        r = jm_store_record(a, i);
        t = jm_store_record(b, i);

        if (r->type != t->type
            || (r->type != JM_RECORD_FREE && memcmp(r, t, JM_RECORD) != 0)
            || (i < a->shared->used && r->next != t->next))
        {
            return 0;
        }
    }

    return 1;
}


static const char *
take_over(void *data)
{
    head_t      *head;
    story_t     *story;
    jm_store_t   s, expected;

    (void) data;

    head = attach(&s, steps.at, 0);
    story = (story_t *) (void *) ((uint8_t *) steps.at + size);

    jm_store_begin(&s);

    if (!store_is_whole(&s)) {
        return "it is not whole";
    }

    if (head->commits != story->commits
        && head->commits != story->commits + 1)
    {
        return "what was done is not there, or what was not done is";
    }

    (void) attach(&expected, after[head->commits], 0);

    return same(&s, &expected) ? NULL : "it is not as it was then";
}


/* what there is after each commit, before anything is run by steps */

static void
start(jm_store_t *s, head_t **head)
{
    uint32_t  i;

    size = store_size(sizeof(jm_store_shared_t) + sizeof(head_t), RECORDS);

    steps.size = size + sizeof(story_t);
    steps.memory = store_memory(steps.size);
    steps.at = store_memory(steps.size);
    steps.live = live;
    steps.take_over = take_over;

    *head = attach(s, steps.memory, 1);

    for (i = 0; i <= COMMITS; i++) {

        if (i != 0) {
            jm_store_begin(s);
            work(s, *head, i);
            jm_store_commit(s);
        }

        after[i] = malloc(size);
        memcpy(after[i], steps.memory, size);
    }
}


/* it is as it was after so many of them again */

static void
restart(uint32_t commits)
{
    memcpy(steps.memory, after[commits], size);

    ((story_t *) (void *) ((uint8_t *) steps.memory + size))->commits = commits;
}


static void
test_steps(void)
{
    restart(0);
    steps_ok(&steps, 300);
}


static void
begin(void *data)
{
    jm_store_t  s;

    (void) data;
    (void) attach(&s, steps.memory, 0);
    jm_store_begin(&s);
}


/* one has died before a commit, or in it; the next one dies in its begin */

static void
test_begin(void)
{
    unsigned     i;
    head_t      *head;
    jm_store_t   s;

    steps.live = begin;
    head = attach(&s, steps.memory, 0);

    for (i = 4; i < 8; i++) {
        restart(i - 1);
        work(&s, head, i);
        steps_ok(&steps, 5);
    }

    restart(3);
    work(&s, head, 4);
    s.shared->nundo = 0;
    steps_ok(&steps, 5);
}


int
main(void)
{
    uint32_t     i;
    head_t      *head;
    jm_store_t   s;

    start(&s, &head);

    test_steps();
    test_begin();

    for (i = 0; i <= COMMITS; i++) {
        free(after[i]);
    }

    munmap(steps.memory, steps.size);
    munmap(steps.at, steps.size);

    return done_testing();
}
