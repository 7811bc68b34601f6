
/*
 * libcrypto's memory, for tests of what happens when it is not given.
 */


#ifndef _CRYPTO_MEMORY_H_INCLUDED_
#define _CRYPTO_MEMORY_H_INCLUDED_


#include <stdlib.h>

#include <openssl/crypto.h>


/* allocations since the test set it to 0, and the one that is not given */

static size_t  calls;
static size_t  failing;     /* 0: all are given */


static void *
crypto_alloc(size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return ++calls == failing ? NULL : malloc(size);
}


static void *
crypto_realloc(void *p, size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return ++calls == failing ? NULL : realloc(p, size);
}


static void
crypto_free(void *p, const char *file, int line)
{
    (void) file;
    (void) line;

    free(p);
}


/* to be called before anything else of libcrypto; returns whether it worked */

static inline int
crypto_memory_init(void)
{
    return CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free);
}


#endif /* _CRYPTO_MEMORY_H_INCLUDED_ */
