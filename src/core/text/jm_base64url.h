
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Base64 that goes into URLs (RFC 4648, section 5), without padding, of which
 * there is one text for the same bytes.
 */


#ifndef _JM_BASE64URL_H_INCLUDED_
#define _JM_BASE64URL_H_INCLUDED_


#include "jm_base.h"


/* characters of len bytes, and bytes at most of len characters */

#define jm_base64url_encoded(len)  (((len) * 4 + 2) / 3)
#define jm_base64url_decoded(len)  ((len) * 3 / 4)


/*
 * Writes bytes as jm_base64url_encoded(bytes.len) characters to dst, and
 * returns how many that are.
 */
size_t jm_base64url_encode(uint8_t *dst, jm_str_t bytes);

/*
 * Reads what jm_base64url_encode() writes: up to jm_base64url_decoded(text.len)
 * bytes to dst, *n of them.  Returns JM_INVALID for any other text, one in the
 * other alphabet, with padding, or with bits at its end that make no byte.
 */
jm_rc_e jm_base64url_decode(uint8_t *dst, size_t *n, jm_str_t text);


#endif /* _JM_BASE64URL_H_INCLUDED_ */
