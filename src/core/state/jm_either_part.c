
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_either_part.h"


static void jm_either_hushed(void *data);


void
jm_either_flip(const jm_either_t *e, uint64_t *number)
{
    if (*number != 0) {
        *number ^= e->mask;
    }
}


jm_backend_t *
jm_either_of(jm_either_t *e, uint64_t number)
{
    return (number & JM_EITHER_NEAR) ? &e->near : &e->far;
}


jm_backend_t *
jm_either_now(jm_either_t *e)
{
    return e->there(e->ctx) ? &e->far : &e->near;
}


jm_done_t
jm_either_hush(jm_done_t *done)
{
    jm_done_t  told;

    told = *done;
    done->handler = jm_either_hushed;

    return told;
}


static void
jm_either_hushed(void *data)
{
    (void) data;
}


void
jm_either_ask(jm_either_t *e, jm_asked_t *asked, jm_done_t *done,
    void (*handler)(void *op), void *op)
{
    asked->done = *done;
    asked->store = e;

    done->handler = handler;
    done->data = op;
}
