
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
 *     2bb80d53...                     alice   rate=60r/m budget=50/M
 *     -                               bob     from=10.0.0.0/8
 *     *                               rate=10r/m
 */


#ifndef _JM_KEYS_H_INCLUDED_
#define _JM_KEYS_H_INCLUDED_


#include "jm_client.h"


#define JM_KEYS_NAME        64              /* bytes of a name, at most */
#define JM_KEYS_LIMIT       1000000000      /* the largest number of any */


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
 * rate=<n>r/s, /m or /h, concurrency=<n>, images=<n>/h, /d or /M,
 * budget=<amount>/d or /M, models=<name>,<name>, default_model=<name>,
 * from=<CIDR>,<CIDR> and expires=<YYYY-MM-DD>, the first day, in UTC, that the
 * line is not good on.
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


#endif /* _JM_KEYS_H_INCLUDED_ */
