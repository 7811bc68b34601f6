
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_keys_option.h"
#include "jm_text.h"


typedef const char *(*jm_keys_option_t)(jm_client_t *client, jm_str_t value,
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


const char  jm_keys_no_memory[] = "";


const char *
jm_keys_option(jm_client_t *client, jm_str_t word, unsigned *seen,
    jm_mem_t *mem)
{
    size_t    i;
    jm_str_t  name, value;

    for (i = 0; i < jm_nitems(jm_keys_known); i++) {
        name = jm_keys_known[i].name;

        if (word.len < name.len
            || memcmp(word.data, name.data, name.len) != 0)
        {
            continue;
        }

        if (*seen & 1u << i) {
            return "has an option twice";
        }

        *seen |= 1u << i;

        value.data = word.data + name.len;
        value.len = word.len - name.len;

        return jm_keys_known[i].read(client, value, mem);
    }

    return "has an option that is none of \"rate=\", \"concurrency=\", "
           "\"images=\", \"models=\" and \"expires=\"";
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

    /* clients are told of them, in JSON */

    if (jm_utf8_length(value, &n) != JM_OK) {
        return "has a \"models=\" that is not UTF-8";
    }

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

    /* 0 means that there is no limit, and 1970-01-01 is over anyway */

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
