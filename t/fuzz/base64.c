
/*
 * Base64.  The first byte has the decoder's flags, the second says how the
 * rest, which is text as well as data, is cut.  Decoding must give what a
 * decoder gives that has all of the text before it; what is encoded must be as
 * OpenSSL encodes it, and decode to what it was.
 */


#include <openssl/evp.h>

#include "fuzz.h"
#include "jm_base64.h"


static jm_rc_e decode(jm_str_t text, unsigned flags, unsigned cut,
    uint8_t *dst, size_t *n);
static size_t next_cut(unsigned *cut, size_t len);
static jm_rc_e reference(jm_str_t text, unsigned flags, uint8_t *dst,
    size_t *n);
static jm_rc_e unescape(jm_str_t text, uint8_t *dst, size_t *n);
static jm_rc_e skip_front(jm_str_t *text);
static jm_rc_e decode_all(jm_str_t text, uint8_t *dst, size_t *n);
static void check_encode(jm_str_t data, unsigned cut);


#define MAX  4096


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          n, len;
    jm_rc_e         rc;
    jm_str_t        text;
    unsigned        flags;
    static uint8_t  expected[MAX + 8], got[MAX + 8];

    if (size < 2 || size > MAX) {
        return 0;
    }

    flags = data[0] & (JM_BASE64_URI | JM_BASE64_JSON);
    text.data = data + 2;
    text.len = size - 2;

    rc = reference(text, flags, expected, &len);

    check(decode(text, flags, 0, got, &n) == rc);
    check(rc != JM_OK || (n == len && memcmp(got, expected, n) == 0));

    check(decode(text, flags, data[1] + 1u, got, &n) == rc);
    check(rc != JM_OK || (n == len && memcmp(got, expected, n) == 0));

    check_encode(text, 0);
    check_encode(text, data[1] + 1u);

    return 0;
}


/* cut 0: in one piece */

static jm_rc_e
decode(jm_str_t text, unsigned flags, unsigned cut, uint8_t *dst, size_t *n)
{
    size_t       len;
    jm_rc_e      rc;
    uint8_t     *space;
    jm_str_t     piece;
    jm_base64_t  d;

    *n = 0;
    jm_base64_init(&d, flags);

    while (text.len != 0) {
        piece.data = text.data;
        piece.len = next_cut(&cut, text.len);

        space = malloc(jm_base64_decoded(piece.len));
        rc = jm_base64_decode(&d, piece, space, &len);
        check(len <= jm_base64_decoded(piece.len));
        memcpy(dst + *n, space, len);
        free(space);

        if (rc != JM_OK) {
            check(jm_base64_decode_end(&d, dst, &len) == rc && len == 0);
            return rc;
        }

        *n += len;
        text.data += piece.len;
        text.len -= piece.len;
    }

    space = malloc(JM_BASE64_REST);
    rc = jm_base64_decode_end(&d, space, &len);
    memcpy(dst + *n, space, len);
    *n += len;
    free(space);

    return rc;
}


/* pieces of 0 to 7 bytes, or, every now and then, of more */

static size_t
next_cut(unsigned *cut, size_t len)
{
    size_t  n;

    if (*cut == 0) {
        return len;
    }

    *cut = *cut * 1103515245 + 12345;
    n = *cut >> 16 & 7;

    if (n == 7) {
        n = *cut >> 20 & 255;
    }

    return jm_min(n, len);
}


static jm_rc_e
reference(jm_str_t text, unsigned flags, uint8_t *dst, size_t *n)
{
    jm_str_t        plain;
    static uint8_t  unescaped[MAX];

    plain = text;

    if (flags & JM_BASE64_JSON) {
        plain.data = unescaped;

        if (unescape(text, unescaped, &plain.len) != JM_OK) {
            return JM_INVALID;
        }
    }

    if ((flags & JM_BASE64_URI) && skip_front(&plain) != JM_OK) {
        return JM_INVALID;
    }

    return decode_all(plain, dst, n);
}


static jm_rc_e
unescape(jm_str_t text, uint8_t *dst, size_t *n)
{
    char         hex[5], *end;
    size_t       i;
    const char  *p;

    *n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < 0x20) {
            return JM_INVALID;
        }

        if (text.data[i] != '\\') {
            dst[(*n)++] = text.data[i];
            continue;
        }

        if (++i == text.len || text.data[i] == '\0') {
            return JM_INVALID;
        }

        if (text.data[i] != 'u') {
            p = strchr("/n\nr\rt\t", text.data[i]);
            if (p == NULL || text.data[i] < 0x20) {
                return JM_INVALID;
            }

            dst[(*n)++] = (uint8_t) (*p == '/' ? '/' : p[1]);
            continue;
        }

        if (text.len - i < 5) {
            return JM_INVALID;
        }

        memcpy(hex, text.data + i + 1, 4);
        hex[4] = '\0';

        if (strspn(hex, "0123456789abcdefABCDEF") != 4
            || strtoul(hex, &end, 16) > 0x7e)
        {
            return JM_INVALID;
        }

        dst[(*n)++] = (uint8_t) strtoul(hex, &end, 16);
        i += 4;
    }

    return JM_OK;
}


static jm_rc_e
skip_front(jm_str_t *text)
{
    size_t       i;
    char         front[MAX + 1];
    jm_str_t     s;

    s = *text;

    while (s.len != 0 && s.data[0] != '\0'
           && strchr(" \t\r\n", s.data[0]) != NULL)
    {
        s.data++;
        s.len--;
    }

    for (i = 0; i < s.len && s.data[i] != ','; i++) {
        front[i] = (char) (s.data[i] >= 'A' && s.data[i] <= 'Z'
                           ? s.data[i] + 0x20 : s.data[i]);
    }

    front[i] = '\0';

    if (strncmp(front, "data:", 5) != 0) {
        return JM_OK;
    }

    if (i == s.len || strlen(front) != i || i < 12
        || strcmp(front + i - 7, ";base64") != 0)
    {
        return JM_INVALID;
    }

    text->data = s.data + i + 1;
    text->len = s.len - i - 1;

    while (i-- != 0) {
        if (front[i] < 0x20 || front[i] > 0x7e) {
            return JM_INVALID;
        }
    }

    return JM_OK;
}


/* by OpenSSL, which wants padding and one alphabet, and no white space */

static jm_rc_e
decode_all(jm_str_t text, uint8_t *dst, size_t *n)
{
    int             rc;
    size_t          i, len, pad, blank;
    uint8_t         c;
    static uint8_t  plain[MAX + 4];

    len = 0;
    pad = 0;
    blank = 0;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            blank |= len != 0 && (c == ' ' || c == '\t');
            continue;
        }

        if (blank) {
            return JM_INVALID;
        }

        if (c == '=') {
            pad++;

        } else if (pad != 0
                   || !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                        || (c >= '0' && c <= '9') || c == '+' || c == '/'
                        || c == '-' || c == '_'))
        {
            return JM_INVALID;
        }

        plain[len++] = (uint8_t) (c == '-' ? '+' : c == '_' ? '/' : c);
    }

    if (pad > 2 || (pad != 0 && len % 4 != 0) || (len - pad) % 4 == 1) {
        return JM_INVALID;
    }

    for ( /* void */ ; len % 4 != 0; pad++) {
        plain[len++] = '=';
    }

    rc = EVP_DecodeBlock(dst, plain, (int) len);
    check(rc >= 0);
    *n = (size_t) rc - pad;

    return JM_OK;
}


static void
check_encode(jm_str_t data, unsigned cut)
{
    size_t               n, len;
    uint8_t             *space;
    jm_str_t             piece, rest, text;
    jm_base64_encoder_t  e;
    static uint8_t       got[MAX * 2], expected[MAX * 2];

    n = 0;
    jm_base64_encoder_init(&e);

    for (rest = data; rest.len != 0; rest.len -= piece.len) {
        piece.data = rest.data;
        piece.len = next_cut(&cut, rest.len);

        space = malloc(jm_base64_encoded(piece.len) + 1);
        len = jm_base64_encode(&e, piece, space);
        check(len <= jm_base64_encoded(piece.len) && len % 4 == 0);
        memcpy(got + n, space, len);
        free(space);

        n += len;
        rest.data += piece.len;
    }

    n += jm_base64_encode_end(&e, got + n);

    len = (size_t) EVP_EncodeBlock(expected, data.data, (int) data.len);
    check(n == len && memcmp(got, expected, len) == 0);

    text.data = expected;
    text.len = len;
    check(decode(text, 0, cut, got, &n) == JM_OK);
    check(n == data.len && memcmp(got, data.data, n) == 0);
}
