
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The ground the core stands on: string views, return codes, and the memory
 * that its caller hands in.  The core does no I/O and knows no clock, no
 * randomness and no globals: all of these come in as arguments.
 */


#ifndef _JM_BASE_H_INCLUDED_
#define _JM_BASE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef enum {
    JM_OK = 0,
    JM_ERROR = -1,          /* out of memory, or a buffer over its cap */
    JM_INVALID = -2         /* the input breaks a rule */
} jm_rc_e;


/* a view of bytes that somebody else owns; not terminated by a zero */

typedef struct {
    size_t           len;
    const uint8_t   *data;
} jm_str_t;


/*
 * Memory handed in.  alloc() returns size bytes aligned for pointers and
 * 64-bit integers, or NULL; free() takes back what alloc() gave and may do
 * nothing where the owner frees everything at once.
 */

typedef struct {
    void          *(*alloc)(void *ctx, size_t size);
    void           (*free)(void *ctx, void *p);
    void            *ctx;
} jm_mem_t;


#define jm_string(s)        { sizeof(s) - 1, (const uint8_t *) (s) }

#define jm_null_string      { 0, NULL }

#define jm_str_set(v, s)                                                      \
    (v)->len = sizeof(s) - 1;                                                 \
    (v)->data = (const uint8_t *) (s)

#define jm_str_eq(v, s)                                                       \
    ((v)->len == sizeof(s) - 1 && memcmp((v)->data, s, sizeof(s) - 1) == 0)

#define jm_min(a, b)        ((a) < (b) ? (a) : (b))
#define jm_max(a, b)        ((a) > (b) ? (a) : (b))

#define jm_nitems(a)        (sizeof(a) / sizeof((a)[0]))


#endif /* _JM_BASE_H_INCLUDED_ */
