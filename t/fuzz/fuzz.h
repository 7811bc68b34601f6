
/*
 * What the fuzz targets share: how they say that something is wrong, the input
 * as decisions, and which processes are dead in a world that is simulated.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include "tap.h"


#define check(x)                                                              \
    do {                                                                      \
        if (!(x)) {                                                           \
            fprintf(stderr, "%s:%d: BUG: %s\n", __FILE__, __LINE__, #x);      \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* what is left of it */

typedef struct {
    const uint8_t   *data;
    size_t           size;
} input_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the next decision, of n; 0 when there is no more input */

static inline unsigned
choose(input_t *input, unsigned n)
{
    if (input->size == 0) {
        return 0;
    }

    input->size--;

    return *input->data++ % n;
}


static inline unsigned
same(jm_str_t a, jm_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


/* processes of a simulated world are numbers, LIFE more each time they begin */

#define PROCESSES  3
#define LIFE       1024

static unsigned  killed[PROCESSES + 1];
static unsigned  times[PROCESSES + 1];


static inline uint32_t
owner_of(unsigned process)
{
    return process + LIFE * times[process];
}


static inline unsigned
alive(uint32_t pid)
{
    return !killed[pid % LIFE];
}


#endif /* _FUZZ_H_INCLUDED_ */
