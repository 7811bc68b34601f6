
/*
 * What an operation changes in several parts of the state, one instruction at a
 * time: after each that has changed the memory another process
 * maps it at another address, and takes over.  It finds all of it, or nothing:
 * a submit that was accepted in the ledger and the queue, a task that is over
 * in the ledger, the queue, and what its client has used, and the same of a
 * task that nobody followed, whose slot another one waits for; and a task that
 * was one call, which is over with what it has brought, and counted, or is
 * being submitted.  Nor is the number of an owner half given.
 *
 * Seen failing with the pictures of an orphan counted after jm_queue_ended(),
 * which commits when it grants the slot ("its pictures are not counted, or
 * twice"), without jm_store_recover() in jm_store_begin(), with a commit
 * between any two of the calls, and with a plain store in place of the jm_put()
 * of a slot in jm_store_join(), or jm_put() in place of jm_ledger_become() in
 * jm_ledger_ended() ("it is not whole").  And with the pictures of what was one
 * call counted after jm_queue_leave(), a commit after jm_ledger_brought(), and
 * a plain store of what a slot keeps.
 */


#include "processes.h"
#include "state.h"
#include "ledger_text.h"


#define RECORDS  32
#define TASKS    3          /* whose end is seen: by their orders, late, or */
                            /* in the answer to their submit */
#define TEXT     700


/* behind the state, in the same memory: what the upstream has said */

typedef struct {
    uint64_t             serials[TASKS];
    uint64_t             billed;
    order_t              orders[TASKS + 2];
} story_t;


static steps_t      steps;
static size_t       size;
static jm_client_t  alice;


static story_t *
story(jm_state_t *st)
{
    return (story_t *) (void *) ((uint8_t *) st->store.shared + size);
}


static void
ended(jm_state_t *st, order_t *o, const char *id, unsigned images)
{
    jm_backend_t    b;
    jm_op_orphan_t  op;

    memset(&op, 0, sizeof(jm_op_orphan_t));

    op.done = state_done_with;
    op.bill.images = images;

    op.orphan.model = MODEL;
    op.orphan.price = PRICE;
    op.orphan.entry = story(st)->serials[1];
    op.orphan.billed = story(st)->billed;
    op.orphan.account = o->account;
    op.orphan.len = (uint8_t) strlen(id);

    memcpy(op.orphan.id, id, op.orphan.len);

    state_backend(&b, st);
    b.asked(&b, &op);
}


static unsigned
can_be(void *ctx, uint32_t slot)
{
    (void) ctx;

    return slot == 7;
}


static void
cancel(jm_state_t *st, order_t *o)
{
    jm_backend_t    b;
    jm_op_cancel_t  op;

    memset(&op, 0, sizeof(jm_op_cancel_t));

    op.done = state_done_with;
    op.entry = o->claim.serial;
    op.n = 1;

    state_backend(&b, st);
    b.cancel(&b, &op);
}


static void
live(void *data)
{
    order_t     *o;
    unsigned     i;
    jm_state_t  *st = data;

    o = story(st)->orders;

    cancel(st, &o[TASKS + 1]);

    (void) order_done(st, &o[2], 0, 20, text_of(story(st)->serials[2], TEXT));
    order_close(st, &o[2], 1);

    order_accepted(st, &o[0], 0, "first");
    order_over(st, &o[0], 0, 1, JM_LEAVE_OVER);
    order_close(st, &o[0], 1);

    order_accepted(st, &o[1], 0, "second");
    order_lose(st, &o[1], 0);
    order_close(st, &o[1], 0);

    ended(st, &o[1], "second", 10);

    state_begin(st);
    (void) jm_state_join(st, can_be, NULL);
    state_commit(st);

    /* what it has brought is forgotten, and then its parts are free */

    for (i = 0; i < 2; i++) {
        state_begin(st);
        (void) jm_ledger_shrink(&st->ledger, st->now);
        state_commit(st);
    }
}


/* each part says how far a task has come: 0 submitted, 1 taken, 2 over */

static unsigned
in_ledger(jm_state_t *st, unsigned i)
{
    jm_ledger_slot_t  *slot;

    slot = state_slot(st, story(st)->serials[i], 0);

    return slot == NULL ? 3 : slot->state == JM_SLOT_SUBMIT ? 0
           : slot->state == JM_SLOT_TAKEN ? 1
           : slot->state == JM_SLOT_OVER || slot->state == JM_SLOT_KEPT ? 2
           : 3;
}


static unsigned
brought_whole(jm_state_t *st)
{
    uint64_t  serial;

    serial = story(st)->serials[2];

    return state_slot(st, serial, 0)->state != JM_SLOT_KEPT
           || text_length(&st->ledger, serial, 0, st->now) == TEXT;
}


static unsigned
in_queue(jm_state_t *st, unsigned i)
{
    jm_queue_place_t  *place;

    place = state_place(st, story(st)->serials[i], 0);

    return place == NULL ? 2 : place->state == JM_PLACE_TOLD ? 0
           : place->id_len != 0 ? 1 : 3;
}


static const char *
take_over(void *data)
{
    unsigned     i, over;
    uint64_t     serial;
    jm_state_t   st;

    static const unsigned  images[] = { 1, 10, 20 };

    (void) data;

    state_init(&st, FOLLOWER);

    if (jm_state_attach(&st, steps.at, size) != JM_OK) {
        return "it is no state any more";
    }

    state_begin(&st);
    state_commit(&st);

    if (!state_is_whole(&st)) {
        return "it is not whole";
    }

    serial = story(&st)->orders[TASKS + 1].claim.serial;

    if ((state_slot(&st, serial, 0)->state == JM_SLOT_CANCELED)
        != (state_place(&st, serial, 0) == NULL))
    {
        return "what is canceled has a place, or the other way round";
    }

    for (i = 0, over = 0; i < TASKS; i++) {

        if (in_ledger(&st, i) != in_queue(&st, i)) {
            return "the ledger and the queue are not of one mind";
        }

        over += (in_ledger(&st, i) == 2) ? images[i] : 0;
    }

    if (!brought_whole(&st)) {
        return "what was brought is not what it was";
    }

    if (state_view(&st, &alice).used != over) {
        return "its pictures are not counted, or twice";
    }

    return NULL;
}


int
main(void)
{
    unsigned            i;
    order_t            *o;
    jm_state_t          st;
    const jm_client_t  *clients[] = { &alice };

    alice = state_client("alice");

    for (size = 24576; /* void */ ; size += 1024) {
        steps.memory = store_memory(size + sizeof(story_t));

        if (state_create(&st, steps.memory, size, RECORDS, 0) == JM_OK) {
            break;
        }

        munmap(steps.memory, size + sizeof(story_t));
    }

    steps.size = size + sizeof(story_t);
    steps.at = store_memory(steps.size);
    steps.live = live;
    steps.take_over = take_over;
    steps.data = &st;

    (void) state_account(&st, "main", TASKS);
    (void) state_sync(&st, clients, 1);

    /* some have a slot, and two wait for theirs */

    o = story(&st)->orders;

    story(&st)->billed = jm_quota_serial(&st.quota, &alice);

    for (i = 0; i < TASKS + 2; i++) {
        (void) order_open(&st, &o[i], i, 1, &alice);
        is_int(order_enter(&st, &o[i], 0, 0, &alice),
               i < TASKS ? JM_QUEUE_GRANTED : JM_QUEUE_WAIT, "a place");

        if (i < TASKS) {
            (void) order_submit(&st, &o[i], 0);
            story(&st)->serials[i] = o[i].claim.serial;
        }
    }

    steps_ok(&steps, 300);

    /* what was run by steps was the whole of it */

    live(&st);
    is_int(in_ledger(&st, 0) + in_ledger(&st, 1) + in_ledger(&st, 2), 6,
           "all are over");
    is_int((int64_t) state_view(&st, &alice).used, 31, "and counted");
    is_int(store_count(&st.store, JM_RECORD_PART), 0, "no part is left");

    munmap(steps.memory, steps.size);
    munmap(steps.at, steps.size);

    return done_testing();
}
