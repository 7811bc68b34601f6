
/*
 * The unit tests' tools: TAP on stdout, and memory that counts what it gives
 * and can be told which allocation is to fail.
 *
 *     plan(n)  or nothing; then ok(), is_int(), is_str() ...; and at the end
 *     return done_testing();
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "jm_base.h"


/*
 * mem is what the core gets.  The allocation number fail (from 1) gives NULL,
 * 0 means none; calls counts the allocations asked for, live those not freed.
 */

typedef struct tap_block_s  tap_block_t;

struct tap_block_s {
    _Alignas(16) tap_block_t  *prev;
    tap_block_t               *next;
};

typedef struct {
    jm_mem_t         mem;
    size_t           fail;
    size_t           calls;
    size_t           live;
    size_t           bytes;
    tap_block_t      head;
} tap_mem_t;


static unsigned  tap_planned;
static unsigned  tap_count;
static unsigned  tap_failed;


static inline void
plan(unsigned n)
{
    tap_planned = n;
    printf("1..%u\n", n);
}


static inline __attribute__((format(printf, 2, 0))) unsigned
tap_result(unsigned good, const char *fmt, va_list args)
{
    tap_count++;

    if (!good) {
        tap_failed++;
    }

    printf("%sok %u - ", good ? "" : "not ", tap_count);
    vprintf(fmt, args);
    printf("\n");
    fflush(stdout);

    return good;
}


static inline __attribute__((format(printf, 2, 3))) unsigned
ok(int good, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_result(good != 0, fmt, args);
    va_end(args);

    return good != 0;
}


static inline __attribute__((format(printf, 3, 4))) unsigned
is_int(int64_t got, int64_t expected, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_result(got == expected, fmt, args);
    va_end(args);

    if (got != expected) {
        printf("#      got: %" PRId64 "\n# expected: %" PRId64 "\n", got,
               expected);
    }

    return got == expected;
}


static inline void
tap_dump(const char *what, const uint8_t *data, size_t len)
{
    size_t  i;

    printf("# %s", what);

    for (i = 0; i < len; i++) {
        if (data[i] >= 0x20 && data[i] < 0x7f) {
            printf("%c", data[i]);

        } else {
            printf("\\x%02x", data[i]);
        }
    }

    printf("\n");
}


/* the same for two runs of bytes, which may hold zeros */

static inline __attribute__((format(printf, 3, 4))) unsigned
is_bytes(jm_str_t got, jm_str_t expected, const char *fmt, ...)
{
    va_list   args;
    unsigned  good;

    good = got.len == expected.len
           && (got.len == 0 || memcmp(got.data, expected.data, got.len) == 0);

    va_start(args, fmt);
    tap_result(good, fmt, args);
    va_end(args);

    if (!good) {
        tap_dump("     got: ", got.data, got.len);
        tap_dump("expected: ", expected.data, expected.len);
    }

    return good;
}


/* a view of a C string */

static inline jm_str_t
str(const char *s)
{
    jm_str_t  v;

    v.len = s == NULL ? 0 : strlen(s);
    v.data = (const uint8_t *) s;

    return v;
}


/*
 * A text in memory of its own, which ends where that does: a read behind it is
 * ASan's to see.
 */

static inline jm_str_t
exact(jm_str_t s)
{
    uint8_t  *copy;

    copy = malloc(s.len + 1);
    if (copy == NULL) {
        abort();
    }

    if (s.len != 0) {
        memcpy(copy + 1, s.data, s.len);
    }

    s.data = copy + 1;

    return s;
}


static inline void
exact_done(jm_str_t s)
{
    free((void *) (uintptr_t) (s.data - 1));
}


#define is_str(got, expected, ...)                                            \
    is_bytes(got, str(expected), __VA_ARGS__)

/* the same for a C string that was got, NULL being an empty one */

#define is_cstr(got, expected, ...)                                           \
    is_bytes(str(got), str(expected), __VA_ARGS__)


static inline int
done_testing(void)
{
    if (tap_planned == 0) {
        printf("1..%u\n", tap_count);

    } else if (tap_planned != tap_count) {
        printf("# planned %u tests, ran %u\n", tap_planned, tap_count);
        tap_failed++;
    }

    return tap_failed == 0 ? 0 : 1;
}


static inline void *
tap_mem_alloc(void *ctx, size_t size)
{
    tap_mem_t    *m;
    tap_block_t  *block;

    m = ctx;

    if (++m->calls == m->fail) {
        return NULL;
    }

    block = malloc(sizeof(tap_block_t) + size);
    if (block == NULL) {
        abort();
    }

    memset(block + 1, 0xa5, size);

    block->prev = &m->head;
    block->next = m->head.next;
    block->next->prev = block;
    m->head.next = block;

    m->live++;
    m->bytes += size;

    return block + 1;
}


static inline void
tap_mem_free(void *ctx, void *p)
{
    tap_mem_t    *m;
    tap_block_t  *block;

    if (p == NULL) {
        return;
    }

    m = ctx;
    block = (tap_block_t *) p - 1;

    block->prev->next = block->next;
    block->next->prev = block->prev;
    m->live--;

    free(block);
}


/* starts the memory; the allocation number fail gives NULL, 0 is none */

static inline void
tap_mem_init(tap_mem_t *m, size_t fail)
{
    m->mem.alloc = tap_mem_alloc;
    m->mem.free = tap_mem_free;
    m->mem.ctx = m;

    m->fail = fail;
    m->calls = 0;
    m->live = 0;
    m->bytes = 0;
    m->head.prev = &m->head;
    m->head.next = &m->head;
}


/* frees what is not freed yet, as the end of a pool does */

static inline void
tap_mem_done(tap_mem_t *m)
{
    while (m->head.next != &m->head) {
        tap_mem_free(m, m->head.next + 1);
    }
}


/* whether the allocation that was to fail was never reached */

static inline unsigned
tap_mem_unfailed(const tap_mem_t *m)
{
    return m->fail == 0 || m->calls < m->fail;
}


#endif /* _TAP_H_INCLUDED_ */
