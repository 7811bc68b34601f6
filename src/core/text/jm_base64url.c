
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_base64url.h"


static uint32_t jm_base64url_value(uint8_t c);


static const char  jm_base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


size_t
jm_base64url_encode(uint8_t *dst, jm_str_t bytes)
{
    size_t    i, n;
    uint32_t  bits;
    unsigned  count;

    n = 0;
    bits = 0;
    count = 0;

    for (i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.data[i];
        count += 8;

        while (count >= 6) {
            count -= 6;
            dst[n++] = (uint8_t) jm_base64url_alphabet[bits >> count & 0x3f];
        }

        bits &= 0x3f;
    }

    if (count != 0) {
        dst[n++] = (uint8_t) jm_base64url_alphabet[bits << (6 - count) & 0x3f];
    }

    return n;
}


jm_rc_e
jm_base64url_decode(uint8_t *dst, size_t *n, jm_str_t text)
{
    size_t    i;
    uint32_t  bits, value;
    unsigned  count;

    *n = 0;
    bits = 0;
    count = 0;

    for (i = 0; i < text.len; i++) {
        value = jm_base64url_value(text.data[i]);

        if (value > 0x3f) {
            return JM_INVALID;
        }

        bits = bits << 6 | value;
        count += 6;

        if (count >= 8) {
            count -= 8;
            dst[(*n)++] = (uint8_t) (bits >> count);
            bits &= 0xff;
        }
    }

    /* a character alone in its group, and bits that would be another text's */

    if (count >= 6 || (bits & ((1U << count) - 1)) != 0) {
        return JM_INVALID;
    }

    return JM_OK;
}


/* 64 and more: it has none */

static uint32_t
jm_base64url_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t) (c - 'A');
    }

    if (c >= 'a' && c <= 'z') {
        return (uint32_t) (c - 'a') + 26;
    }

    if (c >= '0' && c <= '9') {
        return (uint32_t) (c - '0') + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : 64;
}
