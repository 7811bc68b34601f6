
/*
 * What the tests of the ledger's import share: an old ledger, its store as a
 * file has it, and a new ledger that is to take it over.
 */


#ifndef _LEDGER_FILE_H_INCLUDED_
#define _LEDGER_FILE_H_INCLUDED_


#include "ledger.h"


#define NOW      1000000
#define THEN     (NOW + 5000)   /* when nginx is there again */
#define KEEP     1000000
#define OWED     10000
#define RECORDS  64

#define LONG_ID                                                               \
    "0123456789012345678901234567890123456789012345678901234567890123"


static jm_ledger_t  old;
static jm_store_t   file;
static jm_ledger_t  new;

static uint8_t      map[256];


static inline unsigned
alive(uint32_t owner)
{
    (void) owner;

    return 1;
}


static inline void
start(void)
{
    unsigned  i;

    ledger_init(&old, RECORDS, 1, alive);
    ledger_init(&new, RECORDS, 2, alive);

    memset(&file, 0, sizeof(jm_store_t));
    file.size = old.store->size;
    file.shared = malloc(file.size);

    for (i = 0; i < 255; i++) {
        map[i] = (uint8_t) i;
    }

    map[255] = JM_LEDGER_ANY;
}


static inline void
done(void)
{
    free(file.shared);
    ledger_detach(&old);
    ledger_detach(&new);
}


/* nginx has ended, and is started again */

static inline unsigned
restart(uint64_t now)
{
    memcpy(file.shared, old.store->shared, file.size);

    return ledger_restart(&new, &file, map, now);
}


static inline void
request(jm_ledger_request_t *r, uint8_t key, unsigned n, unsigned named)
{
    request_init(r, key, n);

    r->keep = KEEP;
    r->named = named;
    r->unmarked = OWED;
}


static inline void
taken(jm_ledger_claim_t *claim, unsigned i, const char *text)
{
    (void) ledger_submit(&old, claim, i, 7);
    ledger_accepted(&old, claim, i, str(text));
}


/* ten tasks, one in each state, and then some */

static inline void
enter_ten(jm_ledger_claim_t *claim, uint8_t key)
{
    jm_ledger_request_t  r;

    request(&r, key, 10, 1);
    (void) ledger_open(&old, claim, &r, NOW);

    (void) ledger_submit(&old, claim, 1, 7);
    (void) ledger_submit(&old, claim, 2, 7);
    ledger_unknown(&old, claim, 2, NOW);
    taken(claim, 3, "7392616336519610409");
    taken(claim, 4, "over");
    (void) ledger_over(&old, claim, 4, NOW);
    taken(claim, 5, "failed");
    ledger_free(&old, claim, 5, NOW);
    taken(claim, 6, "failed");
    (void) ledger_submit(&old, claim, 6, 7);
    taken(claim, 7, LONG_ID);
    taken(claim, 8, "8");
    (void) ledger_over(&old, claim, 8, NOW);
    taken(claim, 9, "refused");
    (void) ledger_submit(&old, claim, 9, 7);
    ledger_unsent(&old, claim, 9);
}


static inline void
enter_two(jm_ledger_claim_t *claim, uint8_t key)
{
    jm_ledger_request_t  r;

    request(&r, key, 2, 0);
    (void) ledger_open(&old, claim, &r, NOW);
    taken(claim, 0, "first");
    taken(claim, 1, "second");
}


#endif /* _LEDGER_FILE_H_INCLUDED_ */
