
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A growable byte buffer with a hard cap and a sticky error.
 */


#include "jm_buf.h"


static jm_rc_e jm_buf_grow(jm_buf_t *b, size_t need);


void
jm_buf_init(jm_buf_t *b, jm_mem_t *mem, size_t size, size_t cap)
{
    b->data = NULL;
    b->len = 0;
    b->size = jm_min(jm_max(size, 1), cap);
    b->cap = cap;
    b->mem = mem;
    b->rc = JM_OK;
}


void
jm_buf_fixed(jm_buf_t *b, void *data, size_t size)
{
    b->data = data;
    b->len = 0;
    b->size = size;
    b->cap = size;
    b->mem = NULL;
    b->rc = JM_OK;
}


uint8_t *
jm_buf_take_more(jm_buf_t *b, size_t len)
{
    uint8_t  *p;

    if (b->rc != JM_OK) {
        return NULL;
    }

    if (len > b->cap - b->len) {
        b->rc = JM_ERROR;
        return NULL;
    }

    if (b->data == NULL || len > b->size - b->len) {
        b->rc = jm_buf_grow(b, b->len + len);
        if (b->rc != JM_OK) {
            return NULL;
        }
    }

    p = b->data + b->len;
    b->len += len;

    return p;
}


jm_str_t
jm_buf_view(const jm_buf_t *b)
{
    jm_str_t  s;

    s.len = b->len;
    s.data = b->data;

    return s;
}


static jm_rc_e
jm_buf_grow(jm_buf_t *b, size_t need)
{
    size_t    size;
    uint8_t  *data;

    /* need is within the cap, so the loop ends there at the latest */

    for (size = b->size; size < need; /* void */) {
        size = (size > b->cap / 2) ? b->cap : size * 2;
    }

    data = b->mem->alloc(b->mem->ctx, size);
    if (data == NULL) {
        return JM_ERROR;
    }

    if (b->data != NULL) {
        memcpy(data, b->data, b->len);
        b->mem->free(b->mem->ctx, b->data);
    }

    b->data = data;
    b->size = size;

    return JM_OK;
}
