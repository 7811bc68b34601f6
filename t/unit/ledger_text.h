
/*
 * What the tests of what tasks have brought share: texts, each byte of which
 * tells whose it is and where.
 */


#ifndef _LEDGER_TEXT_H_INCLUDED_
#define _LEDGER_TEXT_H_INCLUDED_


#include "ledger.h"


static inline uint8_t
text_byte(uint64_t whose, size_t i)
{
    return (uint8_t) (whose * 31 + i * 7 + i / 256);
}


/* len bytes of somebody's; of the next call it is another's */

static inline jm_str_t
text_of(uint64_t whose, size_t len)
{
    size_t    i;
    jm_str_t  text;

    static uint8_t  bytes[JM_RESULT_MAX + 1];

    for (i = 0; i < len; i++) {
        bytes[i] = text_byte(whose, i);
    }

    text.len = len;
    text.data = bytes;

    return text;
}


/* how many bytes a task has brought, or 0: or it is not what it brought */

static inline size_t
text_length(jm_ledger_t *l, uint64_t serial, unsigned i, uint64_t now)
{
    size_t   n, len;

    static uint8_t  text[JM_RESULT_MAX];

    len = jm_ledger_result(l, serial, i, now, text, JM_RESULT_MAX);

    for (n = 0; n < len; n++) {

        if (text[n] != text_byte(serial + i, n)) {
            return 0;
        }
    }

    return len;
}


static inline void
is_text(jm_ledger_t *l, uint64_t serial, unsigned i, uint64_t now, size_t len)
{
    uint8_t  *exact;

    is_int((int64_t) text_length(l, serial, i, now), (int64_t) len,
           "its %zu bytes", len);

    /* room for just so many, and for one less */

    exact = malloc(len);
    is_int((int64_t) jm_ledger_result(l, serial, i, now, exact, len),
           (int64_t) len, "where there is room for just them");
    is_int(exact[len - 1], text_byte(serial + i, len - 1), "to the last");
    free(exact);

    exact = malloc(len);
    memset(exact, 0x5a, len);
    exact[0] = (uint8_t) ~text_byte(serial + i, 0);
    is_int((int64_t) jm_ledger_result(l, serial, i, now, exact, len - 1),
           (int64_t) len, "where there is less room it is told");
    ok(exact[0] != text_byte(serial + i, 0), "and nothing is copied");
    free(exact);
}


#endif /* _LEDGER_TEXT_H_INCLUDED_ */
