
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Amounts of money, in millionths of whatever currency the operator's prices
 * are in.
 */


#ifndef _JM_MONEY_H_INCLUDED_
#define _JM_MONEY_H_INCLUDED_


#include "jm_json.h"


#define JM_MONEY            1000000
#define JM_MONEY_PLACES     6

/* of what is read: a million, so that no sum of costs ever overflows */

#define JM_MONEY_MAX        ((uint64_t) 1000000 * JM_MONEY)

/* bytes of any amount as text */

#define JM_MONEY_LEN        (sizeof("18446744073709.551615") - 1)


/*
 * Reads an amount like "0.22" or "50".  Returns JM_INVALID for what is no
 * decimal number, has more than six digits behind the point, is negative or
 * above JM_MONEY_MAX.
 */
jm_rc_e jm_money_read(jm_str_t s, uint64_t *amount);

/*
 * Writes an amount to dst, with as many digits behind the point as it needs,
 * without a zero, and returns how many bytes, at most JM_MONEY_LEN: it is a
 * number of JSON (RFC 8259, section 6).
 */
size_t jm_money_write(uint8_t *dst, uint64_t amount);

/* Appends that number as a value; an error is kept until jm_json_close(). */
void jm_money_json(jm_json_writer_t *w, uint64_t amount);


#endif /* _JM_MONEY_H_INCLUDED_ */
