
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The file of client keys: one line for each client, with the digest of its
 * key, its name and its limits.  The keys themselves are never in it.  A name
 * that is known otherwise has a line without a key, and "*" is for all names
 * that have no line.
 *
 *     # SHA-256 of the key, in hex    name    options
 *     2bb80d53...                     alice   rate=60r/m images=100/d
 *     -                               bob     from=10.0.0.0/8
 *     *                               rate=10r/m
 */


#ifndef _JM_KEYS_H_INCLUDED_
#define _JM_KEYS_H_INCLUDED_


#include "jm_digest.h"
#include "jm_model.h"


#define JM_KEYS_NAME        64              /* bytes of a name, at most */
#define JM_KEYS_LIMIT       1000000000      /* the largest number of any */


/* addresses whose first bits are the same */

typedef struct {
    uint8_t              bytes[16];         /* an IPv4 address has 4 */
    size_t               len;
    unsigned             bits;
} jm_cidr_t;


/* of all limits 0 is none */

typedef struct {
    uint8_t              digest[JM_DIGEST_LEN];
    jm_str_t             name;
    uint64_t             rate;              /* requests in rate_period */
    uint64_t             rate_period;       /* ms: a second, minute, hour */
    uint32_t             concurrency;       /* requests at a time */
    uint64_t             images;            /* pictures in images_period */
    uint64_t             images_period;     /* s: an hour, a day */
    int64_t              expires;           /* s since 1970 */
    const jm_str_t      *models;            /* or NULL: all */
    size_t               nmodels;
    jm_str_t             default_model;     /* empty: it has none */
    const jm_cidr_t     *from;              /* or NULL: any address */
    size_t               nfrom;
    size_t               line;              /* in the file, from 1 */
    unsigned             keyless;           /* the digest is of no key */
    unsigned             unlisted;          /* no line has its name */
} jm_client_t;


typedef struct {
    const jm_client_t   *clients;           /* sorted by their digests */
    size_t               n;                 /* of them, who have keys */
    const jm_client_t  **names;             /* all, sorted by their names */
    size_t               nnames;
    const jm_client_t   *others;            /* the line of "*", or NULL */
} jm_keys_t;


/*
 * Reads a file into *keys, whose strings are views into text or memory of mem.
 * Lines end in LF or CRLF; words are parted by blanks and tabs; "#" at the
 * beginning of a word comments out the rest of its line.  Options are
 * rate=<n>r/s, /m or /h, concurrency=<n>, images=<n>/h or /d,
 * models=<name>,<name>, default_model=<name>, from=<CIDR>,<CIDR> and
 * expires=<YYYY-MM-DD>, the first day, in UTC, that the line is not good on.
 *
 * Returns JM_INVALID, *line counted from 1, and *why a sentence's end that
 * repeats nothing of the file ("has a key that is another line's, too");
 * JM_ERROR when memory runs out.  What was allocated is mem's to free.
 */
jm_rc_e jm_keys_parse(jm_keys_t *keys, jm_str_t text, jm_mem_t *mem,
    size_t *line, const char **why);

/*
 * Returns the client whose key has this SHA-256, of JM_DIGEST_LEN bytes, or
 * NULL.  How long it takes tells nothing of a key.
 */
const jm_client_t *jm_keys_find(const jm_keys_t *keys, const uint8_t *digest);

/*
 * Returns the client of this name, or NULL: of several lines, all of which have
 * the same limits, the one without a key, or else the first.
 */
const jm_client_t *jm_keys_named(const jm_keys_t *keys, jm_str_t name);

/* Whether the client's line is no good any more; now in s since 1970. */
unsigned jm_client_expired(const jm_client_t *client, int64_t now);

/*
 * Whether the client may come from an address of 4 or 16 bytes in the network's
 * order; one of another length is none, which only a client without "from" may
 * have.
 */
unsigned jm_client_from(const jm_client_t *client, jm_str_t address);

/*
 * Whether the client may use the model, by whichever of its names.  models are
 * the operator's, or NULL.
 */
unsigned jm_client_may(const jm_client_t *client, const jm_models_t *models,
    const jm_model_t *model);

/* Whether rate, concurrency and images of both are the same. */
unsigned jm_client_same_limits(const jm_client_t *a, const jm_client_t *b);


#endif /* _JM_KEYS_H_INCLUDED_ */
