
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_money.h"
#include "jm_text.h"


jm_rc_e
jm_money_read(jm_str_t s, uint64_t *amount)
{
    size_t    i;
    int64_t   value;
    unsigned  exact;

    /* people write no "1e3", though JSON has it */

    for (i = 0; i < s.len; i++) {
        if (s.data[i] != '.' && (s.data[i] < '0' || s.data[i] > '9')) {
            return JM_INVALID;
        }
    }

    if (jm_decimal(s, JM_MONEY_PLACES, &value, &exact) != JM_OK || !exact
        || (uint64_t) value > JM_MONEY_MAX)
    {
        return JM_INVALID;
    }

    *amount = (uint64_t) value;

    return JM_OK;
}


size_t
jm_money_write(uint8_t *dst, uint64_t amount)
{
    size_t    n;
    uint8_t  *p, *end, digits[JM_DIGITS_MAX];
    uint64_t  rest;

    end = digits + JM_DIGITS_MAX;
    p = jm_digits(end, amount / JM_MONEY);
    n = (size_t) (end - p);

    memcpy(dst, p, n);

    rest = amount % JM_MONEY;

    if (rest == 0) {
        return n;
    }

    dst[n++] = '.';

    for (rest *= 10; rest != 0; rest = rest % JM_MONEY * 10) {
        dst[n++] = (uint8_t) ('0' + rest / JM_MONEY);
    }

    return n;
}


void
jm_money_json(jm_json_writer_t *w, uint64_t amount)
{
    uint8_t   text[JM_MONEY_LEN];
    jm_str_t  value;

    value.len = jm_money_write(text, amount);
    value.data = text;

    jm_json_raw(w, value);
}
