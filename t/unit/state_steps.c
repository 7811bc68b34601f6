
/*
 * What an operation changes in several parts of the state, one instruction at a
 * time: after each that has changed the memory another process
 * maps it at another address, and takes over.  It finds all of it, or nothing:
 * a submit that was accepted in the ledger and the queue, a task that is over
 * in the ledger, the queue, and what its client has used, and the same of a
 * task that nobody followed, whose slot another one waits for.  Nor is the
 * number of an owner half given.
 *
 * Seen failing with the pictures of an orphan counted after jm_queue_ended(),
 * which commits when it grants the slot ("its pictures are not counted, or
 * twice"), without jm_store_recover() in jm_store_begin(), with a commit
 * between any two of the calls, and with a plain store in place of the jm_put()
 * of a slot in jm_store_join(), or jm_put() in place of jm_ledger_become() in
 * jm_ledger_ended() ("it is not whole").
 */


#include "processes.h"
#include "state.h"


#define RECORDS  24
#define TASKS    2          /* whose end is seen: by their orders, and late */


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
    jm_state_t  *st = data;

    o = story(st)->orders;

    cancel(st, &o[3]);

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
}


/* each part says how far a task has come: 0 submitted, 1 taken, 2 over */

static unsigned
in_ledger(jm_state_t *st, unsigned i)
{
    jm_ledger_slot_t  *slot;

    slot = state_slot(st, story(st)->serials[i], 0);

    return slot == NULL ? 3 : slot->state == JM_SLOT_SUBMIT ? 0
           : slot->state == JM_SLOT_TAKEN ? 1
           : slot->state == JM_SLOT_OVER ? 2 : 3;
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

    serial = story(&st)->orders[3].claim.serial;

    if ((state_slot(&st, serial, 0)->state == JM_SLOT_CANCELED)
        != (state_place(&st, serial, 0) == NULL))
    {
        return "what is canceled has a place, or the other way round";
    }

    for (i = 0, over = 0; i < TASKS; i++) {

        if (in_ledger(&st, i) != in_queue(&st, i)) {
            return "the ledger and the queue are not of one mind";
        }

        over += (in_ledger(&st, i) == 2) ? (i ? 10 : 1) : 0;
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

    (void) state_account(&st, "main", 2);
    (void) state_sync(&st, clients, 1);

    /* two have a slot, and two wait for theirs */

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
    is_int(in_ledger(&st, 0) + in_ledger(&st, 1), 4, "both are over");
    is_int((int64_t) state_view(&st, &alice).used, 11, "and counted");

    munmap(steps.memory, steps.size);
    munmap(steps.at, steps.size);

    return done_testing();
}
