
/*
 * Copyright (C) Jimeng module authors
 */


#include <stdlib.h>

#include <openssl/crypto.h>

#include "jm_keys_option.h"


static jm_str_t jm_keys_line(jm_str_t *text);
static jm_str_t jm_keys_word(jm_str_t *line);
static const char *jm_keys_client(jm_client_t *client, jm_str_t line,
    jm_mem_t *mem);
static const char *jm_keys_who(jm_client_t *client, jm_str_t *line);
static const char *jm_keys_digest(uint8_t *digest, jm_str_t word);
static const char *jm_keys_name(jm_str_t word);
static const char *jm_keys_options(jm_client_t *client, jm_str_t line,
    jm_mem_t *mem);
static jm_rc_e jm_keys_sort(jm_keys_t *keys, jm_client_t *clients, size_t n,
    jm_mem_t *mem);
static jm_rc_e jm_keys_check(const jm_keys_t *keys, size_t *line,
    const char **why);
static int jm_keys_by_digest(const void *one, const void *two);
static int jm_keys_by_name(const void *one, const void *two);
static int jm_keys_compare(jm_str_t a, jm_str_t b);


/* SHA-256 of nothing: a key that somebody's script never set */

static const uint8_t  jm_keys_empty[JM_DIGEST_LEN] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
    0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55
};


jm_rc_e
jm_keys_parse(jm_keys_t *keys, jm_str_t text, jm_mem_t *mem, size_t *line,
    const char **why)
{
    size_t        n, max;
    jm_str_t      rest;
    unsigned      others;
    jm_client_t  *clients;

    max = jm_keys_parts(text, '\n');

    clients = mem->alloc(mem->ctx, max * sizeof(jm_client_t));
    if (clients == NULL) {
        return JM_ERROR;
    }

    n = 0;
    others = 0;

    for (*line = 1; text.len != 0; (*line)++) {
        rest = jm_keys_line(&text);

        memset(&clients[n], 0, sizeof(jm_client_t));

        clients[n].line = *line;

        *why = jm_keys_client(&clients[n], rest, mem);

        if (*why != NULL) {
            return (*why == jm_keys_no_memory) ? JM_ERROR : JM_INVALID;
        }

        others += clients[n].unlisted;

        if (others > 1) {
            *why = "has a \"*\", as another line";
            return JM_INVALID;
        }

        if (clients[n].name.len != 0) {
            n++;
        }
    }

    if (jm_keys_sort(keys, clients, n, mem) != JM_OK) {
        return JM_ERROR;
    }

    return jm_keys_check(keys, line, why);
}


/* takes a line off, without its end */

static jm_str_t
jm_keys_line(jm_str_t *text)
{
    jm_str_t  line;

    line = jm_keys_part(text, '\n');

    if (line.len != 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    return line;
}


/* takes a word off; it is empty at the end of the line or before a comment */

static jm_str_t
jm_keys_word(jm_str_t *line)
{
    size_t    n;
    jm_str_t  word;

    while (line->len != 0
           && (line->data[0] == ' ' || line->data[0] == '\t'))
    {
        line->data++;
        line->len--;
    }

    word = *line;

    if (word.len != 0 && word.data[0] == '#') {
        word.len = 0;
        return word;
    }

    for (n = 0; n < word.len; n++) {
        if (word.data[n] == ' ' || word.data[n] == '\t') {
            break;
        }
    }

    word.len = n;

    line->data += n;
    line->len -= n;

    return word;
}


/* reads a line; the client's name stays empty when there is none in it */

static const char *
jm_keys_client(jm_client_t *client, jm_str_t line, jm_mem_t *mem)
{
    const char  *why;

    why = jm_keys_who(client, &line);

    if (why != NULL || client->name.len == 0) {
        return why;
    }

    return jm_keys_options(client, line, mem);
}


/* no name has a "*" in it */

static const char *
jm_keys_who(jm_client_t *client, jm_str_t *line)
{
    jm_str_t     word;
    const char  *why;

    word = jm_keys_word(line);

    if (word.len == 0) {
        return NULL;
    }

    if (jm_str_eq(&word, "*")) {
        client->keyless = 1;
        client->unlisted = 1;
        client->name = word;
        return NULL;
    }

    if (jm_str_eq(&word, "-")) {
        client->keyless = 1;

    } else {
        why = jm_keys_digest(client->digest, word);
        if (why != NULL) {
            return why;
        }
    }

    word = jm_keys_word(line);

    why = jm_keys_name(word);
    if (why != NULL) {
        return why;
    }

    client->name = word;

    return NULL;
}


static const char *
jm_keys_digest(uint8_t *digest, jm_str_t word)
{
    size_t    i;
    uint8_t   c;
    unsigned  digit;

    if (word.len != (size_t) 2 * JM_DIGEST_LEN) {
        goto invalid;
    }

    for (i = 0; i < word.len; i++) {
        c = word.data[i];

        if (c >= '0' && c <= '9') {
            digit = c - '0';

        } else {
            c |= 0x20;

            if (c < 'a' || c > 'f') {
                goto invalid;
            }

            digit = c - 'a' + 10u;
        }

        digest[i / 2] = (uint8_t) (digest[i / 2] * 16u + digit);
    }

    if (memcmp(digest, jm_keys_empty, JM_DIGEST_LEN) == 0) {
        return "has the SHA-256 of an empty key";
    }

    return NULL;

invalid:

    return "does not begin with the SHA-256 of a key, in 64 hex digits";
}


static const char *
jm_keys_name(jm_str_t word)
{
    size_t   i;
    uint8_t  c;

    if (word.len == 0) {
        return "has no name for its client";
    }

    if (word.len > JM_KEYS_NAME) {
        return "has a name of more than 64 characters";
    }

    for (i = 0; i < word.len; i++) {
        c = word.data[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
            || (c >= '0' && c <= '9')
            || c == '.' || c == '_' || c == '@' || c == '-')
        {
            continue;
        }

        return "has a name with other characters than A-Z, a-z, 0-9, \".\", "
               "\"_\", \"@\" and \"-\"";
    }

    return NULL;
}


static const char *
jm_keys_options(jm_client_t *client, jm_str_t line, jm_mem_t *mem)
{
    jm_str_t     word;
    unsigned     seen;
    const char  *why;

    seen = 0;

    for ( ;; ) {
        word = jm_keys_word(&line);

        if (word.len == 0) {
            return NULL;
        }

        why = jm_keys_option(client, word, &seen, mem);
        if (why != NULL) {
            return why;
        }
    }
}


/* who has a key comes first, "*" last */

static jm_rc_e
jm_keys_sort(jm_keys_t *keys, jm_client_t *clients, size_t n, jm_mem_t *mem)
{
    size_t               i;
    const jm_client_t  **names;

    names = mem->alloc(mem->ctx, (n + 1) * sizeof(jm_client_t *));
    if (names == NULL) {
        return JM_ERROR;
    }

    qsort(clients, n, sizeof(jm_client_t), jm_keys_by_digest);

    keys->clients = clients;
    keys->names = names;

    for (keys->n = 0; keys->n < n && !clients[keys->n].keyless; keys->n++) {
        /* void */
    }

    for (i = 0; i < n; i++) {
        names[i] = &clients[i];
    }

    keys->nnames = n;
    keys->others = NULL;

    if (n != 0 && clients[n - 1].unlisted) {
        keys->nnames--;
        keys->others = &clients[n - 1];
    }

    qsort(names, keys->nnames, sizeof(jm_client_t *), jm_keys_by_name);

    return JM_OK;
}


static jm_rc_e
jm_keys_check(const jm_keys_t *keys, size_t *line, const char **why)
{
    size_t              i;
    const jm_client_t  *a, *b;

    for (i = 1; i < keys->n; i++) {
        a = &keys->clients[i - 1];
        b = &keys->clients[i];

        if (memcmp(a->digest, b->digest, JM_DIGEST_LEN) == 0) {
            *why = "has a key that is another line's, too";
            goto duplicate;
        }
    }

    for (i = 1; i < keys->nnames; i++) {
        a = keys->names[i - 1];
        b = keys->names[i];

        if (jm_keys_compare(a->name, b->name) != 0) {
            continue;
        }

        if (a->keyless && b->keyless) {
            *why = "has no key, as another line of its name";
            goto duplicate;
        }

        /* two keys of a client, while one takes over from the other */

        if (!jm_client_same_limits(a, b)) {
            *why = "has other limits than another line of its name";
            goto duplicate;
        }
    }

    return JM_OK;

duplicate:

    *line = jm_max(a->line, b->line);

    return JM_INVALID;
}


static int
jm_keys_by_digest(const void *one, const void *two)
{
    int                 rc;
    const jm_client_t  *a, *b;

    a = one;
    b = two;

    rc = (int) (a->keyless + a->unlisted) - (int) (b->keyless + b->unlisted);

    return rc ? rc : memcmp(a->digest, b->digest, JM_DIGEST_LEN);
}


static int
jm_keys_by_name(const void *one, const void *two)
{
    int                 rc;
    const jm_client_t  *a, *b;

    a = *(const jm_client_t *const *) one;
    b = *(const jm_client_t *const *) two;

    rc = jm_keys_compare(a->name, b->name);

    if (rc != 0) {
        return rc;
    }

    if (a->keyless != b->keyless) {
        return a->keyless ? -1 : 1;
    }

    return (a->line > b->line) - (a->line < b->line);
}


static int
jm_keys_compare(jm_str_t a, jm_str_t b)
{
    int  rc;

    rc = memcmp(a.data, b.data, jm_min(a.len, b.len));

    if (rc != 0) {
        return rc;
    }

    return (a.len > b.len) - (a.len < b.len);
}


/* a binary search over digests: its time tells nothing of the keys */

const jm_client_t *
jm_keys_find(const jm_keys_t *keys, const uint8_t *digest)
{
    size_t  low, high, middle;

    low = 0;
    high = keys->n;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (memcmp(keys->clients[middle].digest, digest, JM_DIGEST_LEN) < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (low == keys->n
        || CRYPTO_memcmp(keys->clients[low].digest, digest, JM_DIGEST_LEN)
           != 0)
    {
        return NULL;
    }

    return &keys->clients[low];
}


const jm_client_t *
jm_keys_named(const jm_keys_t *keys, jm_str_t name)
{
    size_t  low, high, middle;

    low = 0;
    high = keys->nnames;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (jm_keys_compare(keys->names[middle]->name, name) < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (low == keys->nnames
        || jm_keys_compare(keys->names[low]->name, name) != 0)
    {
        return NULL;
    }

    return keys->names[low];
}
