
/*
 * Copyright (C) Jimeng module authors
 */


#include <arpa/inet.h>

#include "jm_calendar.h"
#include "jm_keys_option.h"
#include "jm_money.h"
#include "jm_text.h"


typedef const char *(*jm_keys_option_t)(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);


static const char *jm_keys_rate(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_concurrency(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_images(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_budget(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_models(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_default_model(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static const char *jm_keys_from(jm_client_t *client, jm_str_t value,
    jm_mem_t *mem);
static jm_rc_e jm_keys_cidr(jm_cidr_t *cidr, jm_str_t text);
static jm_rc_e jm_keys_bits(jm_str_t text, unsigned most, unsigned *bits);
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
    { jm_string("budget="), jm_keys_budget },
    { jm_string("models="), jm_keys_models },
    { jm_string("default_model="), jm_keys_default_model },
    { jm_string("from="), jm_keys_from },
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
           "\"images=\", \"budget=\", \"models=\", \"default_model=\", "
           "\"from=\" and \"expires=\"";
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
            client->images_period = JM_CLIENT_HOUR;
            return NULL;
        }

        if (jm_str_eq(&value, "/d")) {
            client->images_period = JM_CLIENT_DAY;
            return NULL;
        }

        if (jm_str_eq(&value, "/M")) {
            client->images_period = JM_CLIENT_MONTH;
            return NULL;
        }
    }

    return "has an \"images=\" that is not one as \"100/d\", with /h, /d or "
           "/M";
}


static const char *
jm_keys_budget(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    jm_str_t  amount;

    (void) mem;

    amount = jm_keys_part(&value, '/');

    if (value.data != NULL && jm_money_read(amount, &client->budget) == JM_OK
        && client->budget != 0)
    {
        if (jm_str_eq(&value, "d")) {
            client->budget_period = JM_CLIENT_DAY;
            return NULL;
        }

        if (jm_str_eq(&value, "M")) {
            client->budget_period = JM_CLIENT_MONTH;
            return NULL;
        }
    }

    return "has a \"budget=\" that is not one as \"50/M\", an amount above 0 "
           "and at most a million, with /d or /M";
}


static const char *
jm_keys_models(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    size_t     n;
    jm_str_t  *models;

    /* clients are told of them, in JSON */

    if (jm_utf8_length(value, &n) != JM_OK) {
        return "has a \"models=\" that is not UTF-8";
    }

    models = mem->alloc(mem->ctx, jm_keys_parts(value, ',') * sizeof(jm_str_t));
    if (models == NULL) {
        return jm_keys_no_memory;
    }

    n = 0;

    do {
        models[n] = jm_keys_part(&value, ',');

        if (models[n].len == 0) {
            return "has a \"models=\" with an empty name in it";
        }

        n++;

    } while (value.data != NULL);

    client->models = models;
    client->nmodels = n;

    return NULL;
}


static const char *
jm_keys_default_model(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    (void) mem;

    if (value.len == 0) {
        return "has a \"default_model=\" without a name";
    }

    client->default_model = value;

    return NULL;
}


static const char *
jm_keys_from(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    size_t      n;
    jm_cidr_t  *from;

    from = mem->alloc(mem->ctx, jm_keys_parts(value, ',') * sizeof(jm_cidr_t));
    if (from == NULL) {
        return jm_keys_no_memory;
    }

    n = 0;

    do {
        if (jm_keys_cidr(&from[n], jm_keys_part(&value, ',')) != JM_OK) {
            return "has a \"from=\" with what is no address, as "
                   "\"10.0.0.0/8,2001:db8::/32\"";
        }

        n++;

    } while (value.data != NULL);

    client->from = from;
    client->nfrom = n;

    return NULL;
}


/* an address without a length is one only */

static jm_rc_e
jm_keys_cidr(jm_cidr_t *cidr, jm_str_t text)
{
    char            name[INET6_ADDRSTRLEN];
    size_t          len;
    unsigned        most;
    const uint8_t  *slash;

    slash = memchr(text.data, '/', text.len);
    len = slash ? (size_t) (slash - text.data) : text.len;

    if (len >= sizeof(name) || memchr(text.data, '\0', len) != NULL) {
        return JM_INVALID;
    }

    memcpy(name, text.data, len);
    name[len] = '\0';

    if (inet_pton(AF_INET, name, cidr->bytes) == 1) {
        cidr->len = sizeof(struct in_addr);

    } else if (inet_pton(AF_INET6, name, cidr->bytes) == 1) {
        cidr->len = sizeof(struct in6_addr);

    } else {
        return JM_INVALID;
    }

    most = (unsigned) cidr->len * 8;
    cidr->bits = most;

    if (slash == NULL) {
        return JM_OK;
    }

    text.data += len + 1;
    text.len -= len + 1;

    return jm_keys_bits(text, most, &cidr->bits);
}


static jm_rc_e
jm_keys_bits(jm_str_t text, unsigned most, unsigned *bits)
{
    uint64_t  n;

    if (text.len == 0 || text.len > 3
        || jm_keys_digits(text.data, text.len, &n) != JM_OK || n > most)
    {
        return JM_INVALID;
    }

    *bits = (unsigned) n;

    return JM_OK;
}


static const char *
jm_keys_expires(jm_client_t *client, jm_str_t value, jm_mem_t *mem)
{
    int64_t   number;
    uint64_t  year, month, day;
    jm_day_t  date, real;

    (void) mem;

    if (value.len != sizeof("YYYY-MM-DD") - 1
        || jm_keys_digits(value.data, 4, &year) != JM_OK
        || value.data[4] != '-'
        || jm_keys_digits(value.data + 5, 2, &month) != JM_OK
        || value.data[7] != '-'
        || jm_keys_digits(value.data + 8, 2, &day) != JM_OK
        || year < 1970 || month == 0 || month > 12 || day == 0 || day > 31)
    {
        goto invalid;
    }

    date.year = (int64_t) year;
    date.month = (int64_t) month;
    date.day = (int64_t) day;

    number = jm_day_number(&date);

    /* a day that a month does not have is one of the next month */

    jm_day_set(&real, number);

    if (real.month != date.month) {
        goto invalid;
    }

    /* 0 means that there is no limit, and 1970-01-01 is over anyway */

    client->expires = number ? number * 86400 : 1;

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


size_t
jm_keys_parts(jm_str_t text, uint8_t c)
{
    size_t  i, n;

    n = 1;

    for (i = 0; i < text.len; i++) {
        n += (text.data[i] == c);
    }

    return n;
}


jm_str_t
jm_keys_part(jm_str_t *text, uint8_t c)
{
    jm_str_t        part;
    const uint8_t  *end;

    part = *text;
    end = memchr(text->data, c, text->len);

    if (end == NULL) {
        text->data = NULL;
        text->len = 0;

    } else {
        part.len = (size_t) (end - text->data);

        text->data = end + 1;
        text->len -= part.len + 1;
    }

    return part;
}
