
/*
 * Copyright (C) Jimeng module authors
 */


#include <stdlib.h>

#include <openssl/crypto.h>

#include "jm_keys.h"


typedef const char *(*jm_keys_option_t)(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);


static size_t jm_keys_lines(jm_str_t text);
static jm_str_t jm_keys_line(jm_str_t *text);
static jm_str_t jm_keys_word(jm_str_t *line);
static const char *jm_keys_client(jm_client_t *client, jm_str_t line,
    jm_mem_t *mem);
static const char *jm_keys_digest(uint8_t *digest, jm_str_t word);
static const char *jm_keys_name(jm_str_t word);
static const char *jm_keys_options(jm_client_t *client, jm_str_t line,
    jm_mem_t *mem);
static const char *jm_keys_rate(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_concurrency(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_images(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_models(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_expires(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static jm_rc_e jm_keys_number(jm_str_t *value, uint64_t *n);
static jm_rc_e jm_keys_digits(const uint8_t *p, size_t len, uint64_t *n);
static jm_rc_e jm_keys_sort(jm_keys_t *keys, jm_client_t *clients, size_t n,
    jm_mem_t *mem, size_t *line, const char **why);
static int jm_keys_by_digest(const void *one, const void *two);
static int jm_keys_by_name(const void *one, const void *two);
static int jm_keys_compare(jm_str_t a, jm_str_t b);


static const struct {
    jm_str_t             name;
    jm_keys_option_t     read;
} jm_keys_known[] = {
    { jm_string("rate="), jm_keys_rate },
    { jm_string("concurrency="), jm_keys_concurrency },
    { jm_string("images="), jm_keys_images },
    { jm_string("models="), jm_keys_models },
    { jm_string("expires="), jm_keys_expires }
};


/* what went wrong with memory is no sentence's end */

static const char  jm_keys_no_memory[] = "";


/* of a key with no characters: of a variable that was never set, mostly */

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
    jm_client_t  *clients;

    max = jm_keys_lines(text);

    clients = mem->alloc(mem->ctx, max * sizeof(jm_client_t));
    if (clients == NULL) {
        return JM_ERROR;
    }

    n = 0;

    for (*line = 1; text.len != 0; (*line)++) {
        rest = jm_keys_line(&text);

        memset(&clients[n], 0, sizeof(jm_client_t));

        clients[n].line = *line;

        *why = jm_keys_client(&clients[n], rest, mem);

        if (*why != NULL) {
            return (*why == jm_keys_no_memory) ? JM_ERROR : JM_INVALID;
        }

        if (clients[n].name.len != 0) {
            n++;
        }
    }

    return jm_keys_sort(keys, clients, n, mem, line, why);
}


static size_t
jm_keys_lines(jm_str_t text)
{
    size_t  i, n;

    n = 1;

    for (i = 0; i < text.len; i++) {
        n += (text.data[i] == '\n');
    }

    return n;
}


/* takes a line off, without its end */

static jm_str_t
jm_keys_line(jm_str_t *text)
{
    jm_str_t        line;
    const uint8_t  *end;

    line = *text;
    end = memchr(text->data, '\n', text->len);

    if (end == NULL) {
        text->data += text->len;
        text->len = 0;

    } else {
        line.len = (size_t) (end - text->data);

        text->data += line.len + 1;
        text->len -= line.len + 1;
    }

    if (line.len != 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    return line;
}


/* takes a word off; an empty one is the end, as what begins a comment is */

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


/* the name is left empty where there is nothing in the line */

static const char *
jm_keys_client(jm_client_t *client, jm_str_t line, jm_mem_t *mem)
{
    jm_str_t     digest, name;
    const char  *why;

    digest = jm_keys_word(&line);

    if (digest.len == 0) {
        return NULL;
    }

    why = jm_keys_digest(client->digest, digest);
    if (why != NULL) {
        return why;
    }

    name = jm_keys_word(&line);

    why = jm_keys_name(name);
    if (why != NULL) {
        return why;
    }

    client->name = name;

    return jm_keys_options(client, line, mem);
}


static const char *
jm_keys_digest(uint8_t *digest, jm_str_t word)
{
    size_t    i;
    uint8_t   c;
    unsigned  digit;

    if (word.len != 2 * JM_DIGEST_LEN) {
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
    size_t       i;
    jm_str_t     word, value;
    unsigned     seen;
    const char  *why;

    seen = 0;

    for ( ;; ) {
        word = jm_keys_word(&line);

        if (word.len == 0) {
            return NULL;
        }

        for (i = 0; i < jm_nitems(jm_keys_known); i++) {
            value = jm_keys_known[i].name;

            if (word.len >= value.len
                && memcmp(word.data, value.data, value.len) == 0)
            {
                break;
            }
        }

        if (i == jm_nitems(jm_keys_known)) {
            return "has an option that is none of \"rate=\", "
                   "\"concurrency=\", \"images=\", \"models=\" and "
                   "\"expires=\"";
        }

        if (seen & 1u << i) {
            return "has an option twice";
        }

        seen |= 1u << i;

        value.data = word.data + value.len;
        value.len = word.len - value.len;

        why = jm_keys_known[i].read(client, value, mem);
        if (why != NULL) {
            return why;
        }
    }
}


static const char *
jm_keys_rate(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    (void) mem;

    if (jm_keys_number(&value, &client->rate) == JM_OK) {

        if (jm_str_eq(&value, "r/s")) {
            client->rate_period = 1000;
            return NULL;
        }

        if (jm_str_eq(&value, "r/m")) {
            client->rate_period = 60000;
            return NULL;
        }

        if (jm_str_eq(&value, "r/h")) {
            client->rate_period = 3600000;
            return NULL;
        }
    }

    return "has a \"rate=\" that is not one as \"60r/m\", with r/s, r/m or "
           "r/h";
}


static const char *
jm_keys_concurrency(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    uint64_t  n;

    (void) mem;

    if (jm_keys_number(&value, &n) != JM_OK || value.len != 0) {
        return "has a \"concurrency=\" that is not a number greater than 0";
    }

    client->concurrency = (uint32_t) n;

    return NULL;
}


static const char *
jm_keys_images(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    (void) mem;

    if (jm_keys_number(&value, &client->images) == JM_OK) {

        if (jm_str_eq(&value, "/h")) {
            client->images_period = 3600;
            return NULL;
        }

        if (jm_str_eq(&value, "/d")) {
            client->images_period = 86400;
            return NULL;
        }
    }

    return "has an \"images=\" that is not one as \"100/d\", with /h or /d";
}


static const char *
jm_keys_models(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    size_t     i, n, start;
    jm_str_t  *models;

    n = 1;

    for (i = 0; i < value.len; i++) {
        n += (value.data[i] == ',');
    }

    models = mem->alloc(mem->ctx, n * sizeof(jm_str_t));
    if (models == NULL) {
        return jm_keys_no_memory;
    }

    n = 0;
    start = 0;

    for (i = 0; i <= value.len; i++) {

        if (i != value.len && value.data[i] != ',') {
            continue;
        }

        if (i == start) {
            return "has a \"models=\" with an empty name in it";
        }

        models[n].data = value.data + start;
        models[n].len = i - start;
        start = i + 1;
        n++;
    }

    client->models = models;
    client->nmodels = n;

    return NULL;
}


static const char *
jm_keys_expires(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    uint64_t              year, month, day, days;

    static const uint8_t  lengths[] = { 31, 28, 31, 30, 31, 30,
                                        31, 31, 30, 31, 30, 31 };

    (void) mem;

    if (value.len != sizeof("YYYY-MM-DD") - 1
        || jm_keys_digits(value.data, 4, &year) != JM_OK
        || value.data[4] != '-'
        || jm_keys_digits(value.data + 5, 2, &month) != JM_OK
        || value.data[7] != '-'
        || jm_keys_digits(value.data + 8, 2, &day) != JM_OK
        || year < 1970 || month == 0 || month > 12 || day == 0)
    {
        goto invalid;
    }

    days = lengths[month - 1];

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        days++;
    }

    if (day > days) {
        goto invalid;
    }

    /* the other way round in jm_date(), where it is explained */

    if (month < 3) {
        year--;
        month += 12;
    }

    days = 365 * year + year / 4 - year / 100 + year / 400
           + (153 * (month - 3) + 2) / 5 + day - 1 - 719468;

    /* 0 is none, and that day is over */

    client->expires = days ? (int64_t) days * 86400 : 1;

    return NULL;

invalid:

    return "has an \"expires=\" that is not a day as \"2027-01-01\"";
}


/* takes a number off, 1 ... JM_KEYS_LIMIT */

static jm_rc_e
jm_keys_number(jm_str_t *value, uint64_t *n)
{
    size_t  len;

    for (len = 0; len < value->len; len++) {
        if (value->data[len] < '0' || value->data[len] > '9') {
            break;
        }
    }

    if (len == 0 || len > sizeof("1000000000") - 1
        || jm_keys_digits(value->data, len, n) != JM_OK
        || *n == 0 || *n > JM_KEYS_LIMIT)
    {
        return JM_INVALID;
    }

    value->data += len;
    value->len -= len;

    return JM_OK;
}


static jm_rc_e
jm_keys_digits(const uint8_t *p, size_t len, uint64_t *n)
{
    *n = 0;

    for ( /* void */ ; len != 0; len--, p++) {

        if (*p < '0' || *p > '9') {
            return JM_INVALID;
        }

        *n = *n * 10 + (uint64_t) (*p - '0');
    }

    return JM_OK;
}


static jm_rc_e
jm_keys_sort(jm_keys_t *keys, jm_client_t *clients, size_t n, jm_mem_t *mem,
    size_t *line, const char **why)
{
    size_t              i;
    const jm_client_t  *a, *b, **names;

    names = mem->alloc(mem->ctx, (n + 1) * sizeof(jm_client_t *));
    if (names == NULL) {
        return JM_ERROR;
    }

    qsort(clients, n, sizeof(jm_client_t), jm_keys_by_digest);

    for (i = 0; i < n; i++) {
        names[i] = &clients[i];
    }

    qsort(names, n, sizeof(jm_client_t *), jm_keys_by_name);

    for (i = 1; i < n; i++) {
        a = &clients[i - 1];
        b = &clients[i];

        if (memcmp(a->digest, b->digest, JM_DIGEST_LEN) == 0) {
            *why = "has a key that is another line's, too";
            goto duplicate;
        }

        a = names[i - 1];
        b = names[i];

        if (jm_keys_compare(a->name, b->name) == 0) {
            *why = "has a name that is another line's, too";
            goto duplicate;
        }
    }

    keys->clients = clients;
    keys->names = names;
    keys->n = n;

    return JM_OK;

duplicate:

    *line = jm_max(a->line, b->line);

    return JM_INVALID;
}


static int
jm_keys_by_digest(const void *one, const void *two)
{
    const jm_client_t  *a, *b;

    a = one;
    b = two;

    return memcmp(a->digest, b->digest, JM_DIGEST_LEN);
}


static int
jm_keys_by_name(const void *one, const void *two)
{
    const jm_client_t  *const *a, *const *b;

    a = one;
    b = two;

    return jm_keys_compare((*a)->name, (*b)->name);
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


/* the search looks at digests only: of what is looked for, and of the keys */

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
    int     rc;
    size_t  low, high, middle;

    low = 0;
    high = keys->n;

    while (low < high) {
        middle = low + (high - low) / 2;

        rc = jm_keys_compare(keys->names[middle]->name, name);

        if (rc == 0) {
            return keys->names[middle];
        }

        if (rc < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return NULL;
}


unsigned
jm_client_expired(const jm_client_t *client, int64_t now)
{
    return client->expires != 0 && now >= client->expires;
}


unsigned
jm_client_may(const jm_client_t *client, const jm_models_t *models,
    const jm_model_t *model)
{
    size_t             i;
    const jm_model_t  *row;

    if (client->models == NULL) {
        return 1;
    }

    for (i = 0; i < client->nmodels; i++) {
        row = jm_model_find(models, client->models[i]);

        if (row != NULL
            && jm_keys_compare(row->req_key, model->req_key) == 0)
        {
            return 1;
        }
    }

    return 0;
}


unsigned
jm_client_same_limits(const jm_client_t *a, const jm_client_t *b)
{
    return a->rate == b->rate && a->rate_period == b->rate_period
           && a->concurrency == b->concurrency
           && a->images == b->images
           && a->images_period == b->images_period;
}
