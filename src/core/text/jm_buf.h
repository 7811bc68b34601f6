
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A growable byte buffer with a hard cap.  An error stays: those who add need
 * not check each time, but once, at the end.
 */


#ifndef _JM_BUF_H_INCLUDED_
#define _JM_BUF_H_INCLUDED_


#include "jm_base.h"


typedef struct {
    uint8_t         *data;
    size_t           len;
    size_t           size;
    size_t           cap;
    jm_mem_t        *mem;
    jm_rc_e          rc;
} jm_buf_t;


/*
 * Starts an empty buffer that grows by doubling, from size to at most cap
 * bytes, in memory of mem.  Nothing is allocated before the first byte.
 */
void jm_buf_init(jm_buf_t *b, jm_mem_t *mem, size_t size, size_t cap);

/*
 * Starts an empty buffer over size bytes at data, which the caller keeps; it
 * never grows.
 */
void jm_buf_fixed(jm_buf_t *b, void *data, size_t size);

/* What jm_buf_take() does where there is no room, or no memory yet. */
uint8_t *jm_buf_take_more(jm_buf_t *b, size_t len);


/*
 * Appends len bytes that the caller writes: returns where, before anything else
 * is done with b.  When they do not fit under the cap, or memory runs out,
 * nothing is appended, NULL is returned, b->rc becomes JM_ERROR, and stays so:
 * every later add is ignored.
 */
static inline uint8_t *
jm_buf_take(jm_buf_t *b, size_t len)
{
    uint8_t  *p;

    if (b->rc != JM_OK || b->data == NULL || len > b->size - b->len) {
        return jm_buf_take_more(b, len);
    }

    p = b->data + b->len;
    b->len += len;

    return p;
}


/* Appends len bytes of data, or none, as jm_buf_take() does. */
static inline void
jm_buf_add(jm_buf_t *b, const void *data, size_t len)
{
    uint8_t  *p;

    if (len == 0) {
        return;
    }

    p = jm_buf_take(b, len);

    if (p != NULL) {
        memcpy(p, data, len);
    }
}


/* Appends the bytes of s, as jm_buf_add() does. */
static inline void
jm_buf_str(jm_buf_t *b, jm_str_t s)
{
    jm_buf_add(b, s.data, s.len);
}


/* Returns the bytes so far; the view is good until the next add. */
jm_str_t jm_buf_view(const jm_buf_t *b);


#define jm_buf_literal(b, s)  jm_buf_add(b, s, sizeof(s) - 1)


#endif /* _JM_BUF_H_INCLUDED_ */
