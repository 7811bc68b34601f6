
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations on a state in memory that ask how a task stands, or that it is
 * not run.
 */


#include "jm_backend.h"
#include "jm_ledger_handed.h"
#include "jm_ledger_result.h"


static void jm_memory_look(jm_backend_t *b, jm_op_look_t *op);
static void jm_memory_look_once(jm_backend_t *b, jm_op_look_t *op,
    uint8_t *text, size_t size);
static void jm_memory_look_claim(jm_state_t *st, jm_op_look_t *op);
static void jm_memory_look_entry(jm_state_t *st, jm_op_look_t *op);
static void jm_memory_look_id(jm_op_look_t *op, jm_str_t id);
static void jm_memory_cancel(jm_backend_t *b, jm_op_cancel_t *op);


void
jm_backend_memory_look(jm_backend_t *b)
{
    b->look = jm_memory_look;
    b->cancel = jm_memory_cancel;
}


static void
jm_memory_look(jm_backend_t *b, jm_op_look_t *op)
{
    uint8_t  *text;

    op->result.data = NULL;

    jm_memory_look_once(b, op, NULL, 0);

    if (op->look == JM_LOOK_RESULT && op->mem != NULL) {

        /* others need not wait while memory is found; it may be gone then */

        text = op->mem->alloc(op->mem->ctx, op->result.len);

        if (text != NULL) {
            jm_memory_look_once(b, op, text, op->result.len);
        }

        if (text != NULL && op->look != JM_LOOK_RESULT) {
            op->mem->free(op->mem->ctx, text);
            text = NULL;
        }

        op->result.data = text;
    }

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_look_once(jm_backend_t *b, jm_op_look_t *op, uint8_t *text,
    size_t size)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    op->look = JM_LOOK_TAKEN;
    op->over = 0;
    op->told = 0;
    op->sending = 0;
    op->turn.position = 0;

    if (op->claim != NULL) {
        jm_memory_look_claim(st, op);

    } else if (op->id.len == 0) {
        jm_memory_look_entry(st, op);
    }

    if (op->look == JM_LOOK_TAKEN && op->account != JM_LEDGER_ANY) {
        (void) jm_queue_adopt(&st->queue, op->place, op->account, op->id,
                              st->now);
    }

    if (op->look == JM_LOOK_RESULT) {
        op->result.len = jm_ledger_result(&st->ledger,
                                          op->claim ? op->claim->serial
                                                    : op->entry,
                                          op->task, st->now, text, size);

        if (op->result.len == 0) {
            op->look = JM_LOOK_LOST;
        }
    }

    b->unlock(b->ctx);
}


static void
jm_memory_look_claim(jm_state_t *st, jm_op_look_t *op)
{
    op->look = jm_ledger_look(&st->ledger, op->claim, op->task, st->now,
                              &op->id);
    op->over = op->claim->slots[op->task].over;
    op->account = jm_ledger_account(&st->ledger, op->claim);

    if (op->look != JM_LOOK_TAKEN && op->look != JM_LOOK_TOLD) {
        op->id.len = 0;
    }

    jm_memory_look_id(op, op->id);
}


static void
jm_memory_look_entry(jm_state_t *st, jm_op_look_t *op)
{
    jm_ledger_peek_t  peek;

    jm_ledger_peek(&st->ledger, op->entry, op->task, &peek);

    op->look = peek.look;
    op->account = peek.account;
    op->told = peek.told;
    op->sending = peek.sending;

    jm_queue_standing(&st->queue, peek.place, op->entry, op->task, st->now,
                      &op->turn);

    if (peek.told) {
        op->error = st->ledger.told;
    }

    jm_memory_look_id(op, peek.id);
}


/* what lies in the store may be another's once the lock is given back */

static void
jm_memory_look_id(jm_op_look_t *op, jm_str_t id)
{
    op->id.len = id.len;

    if (id.len != 0) {
        memcpy(op->text, id.data, id.len);
        op->id.data = op->text;
    }
}


static void
jm_memory_cancel(jm_backend_t *b, jm_op_cancel_t *op)
{
    unsigned          i;
    jm_state_t       *st;
    jm_ledger_peek_t  peek;

    op->canceled = 0;
    op->running = 0;

    st = b->lock(b->ctx);

    for (i = 0; i < op->n; i++) {
        jm_ledger_peek(&st->ledger, op->entry, i, &peek);

        if (peek.look == JM_LOOK_WAIT
            && jm_queue_may_cancel(&st->queue, peek.place, op->entry, i))
        {
            jm_ledger_cancel(&st->ledger, op->entry, i, st->now);
            jm_queue_cancel(&st->queue, peek.place, st->now);
            op->canceled++;

        } else if (peek.look == JM_LOOK_CANCELED) {
            op->canceled++;

        } else if (peek.look == JM_LOOK_WAIT || peek.look == JM_LOOK_TAKEN
                   || peek.look == JM_LOOK_UNKNOWN
                   || peek.look == JM_LOOK_RESULT || peek.look == JM_LOOK_LOST)
        {
            op->running++;
        }
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}
