
/*
 * The signer's canonical forms.  A line of input is a field: method, URI,
 * token, access key, secret; then pairs of lines, parameters of the query in
 * front of an empty line, headers behind it.
 */


#include "fuzz.h"
#include "jm_sign.h"


#define PAIRS   16
#define SPACE   65536


typedef struct {
    jm_str_t         rest;
} lines_t;


static jm_str_t next_line(lines_t *lines);
static size_t next_pairs(lines_t *lines, jm_pair_t *pairs);
static void check_query(const jm_pair_t *pairs, size_t n, jm_str_t query);
static size_t decode(jm_str_t query, jm_pair_t *pairs, uint8_t *space);
static jm_str_t decode_part(jm_str_t *query, uint8_t end, uint8_t **space);
static void check_sign(const jm_sign_request_t *sr,
    const jm_credential_t *credential, size_t canonical);
static int compare(jm_str_t a, jm_str_t b);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              i, n, len;
    uint8_t             digest[JM_DIGEST_LEN], hash[JM_DIGEST_HEX_LEN];
    lines_t             lines;
    jm_str_t            token;
    jm_buf_t            b;
    jm_pair_t           given[PAIRS], params[PAIRS], headers[PAIRS + 2];
    jm_credential_t     credential;
    jm_sign_request_t   sr;
    static uint8_t      query[SPACE], text[SPACE], masked[SPACE];

    if (size > 4096) {
        return 0;
    }

    lines.rest.data = data;
    lines.rest.len = size;

    memset(&sr, 0, sizeof(jm_sign_request_t));

    sr.method = next_line(&lines);
    sr.uri = next_line(&lines);
    token = next_line(&lines);
    credential.access_key = next_line(&lines);
    credential.secret_key = next_line(&lines);
    jm_str_set(&credential.region, "cn-north-1");
    jm_str_set(&credential.service, "cv");
    jm_str_set(&sr.date, "20260101T000000Z");

    n = next_pairs(&lines, given);
    memcpy(params, given, sizeof(given));

    jm_buf_fixed(&b, query, SPACE);
    jm_sign_query(&b, params, n);
    check(b.rc == JM_OK);
    sr.query = jm_buf_view(&b);
    check_query(given, n, sr.query);

    check(jm_digest(digest, NULL, &lines.rest, 1) == JM_OK);
    jm_hex(hash, digest, JM_DIGEST_LEN);
    sr.body_hash.data = hash;
    sr.body_hash.len = JM_DIGEST_HEX_LEN;

    n = next_pairs(&lines, headers);
    headers[n].name = str("x-date");
    headers[n++].value = sr.date;
    headers[n].name = str("x-security-token");
    headers[n++].value = token;
    sr.headers = headers;
    sr.nheaders = n;

    jm_buf_fixed(&b, text, SPACE);
    jm_sign_canonical(&b, &sr, 0);
    check(b.rc == JM_OK);
    len = b.len;

    /* blanks around a value make no difference, once they are gone */

    for (i = 0; i < n; i++) {
        while (headers[i].value.len != 0
               && strchr(" \t", headers[i].value.data[0]) != NULL
               && headers[i].value.data[0] != '\0')
        {
            headers[i].value.data++;
            headers[i].value.len--;
        }
    }

    jm_buf_fixed(&b, masked, SPACE);
    jm_sign_canonical(&b, &sr, 0);
    check(b.len == len && memcmp(masked, text, len) == 0);

    /* the masked form is the same whatever the token */

    jm_buf_fixed(&b, masked, SPACE);
    jm_sign_canonical(&b, &sr, 1);
    len = b.len;

    headers[n - 1].value = str("STSanothertoken");
    jm_buf_fixed(&b, text, SPACE);
    jm_sign_canonical(&b, &sr, 1);
    check(b.len == len && memcmp(masked, text, len) == 0);

    headers[n - 1].value = token;
    jm_buf_fixed(&b, text, SPACE);
    jm_sign_canonical(&b, &sr, 0);
    check_sign(&sr, &credential, b.len);

    return 0;
}


static jm_str_t
next_line(lines_t *lines)
{
    jm_str_t        line;
    const uint8_t  *end;

    line = lines->rest;

    if (line.len == 0) {
        return line;
    }

    end = memchr(line.data, '\n', line.len);

    if (end == NULL) {
        lines->rest.data += line.len;
        lines->rest.len = 0;

    } else {
        line.len = (size_t) (end - line.data);
        lines->rest.data = end + 1;
        lines->rest.len -= line.len + 1;
    }

    return line;
}


static size_t
next_pairs(lines_t *lines, jm_pair_t *pairs)
{
    size_t  n;

    for (n = 0; n < PAIRS && lines->rest.len != 0; n++) {
        pairs[n].name = next_line(lines);

        if (pairs[n].name.len == 0) {
            break;
        }

        pairs[n].value = next_line(lines);
    }

    return n;
}


static void
check_query(const jm_pair_t *pairs, size_t n, jm_str_t query)
{
    size_t          i, j, found;
    jm_buf_t        b;
    jm_pair_t       decoded[PAIRS];
    static uint8_t  parts[SPACE], again[SPACE];

    for (i = 0; i < query.len; i++) {
        check(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789-_.~%&=", query.data[i], 69)
              != NULL);
    }

    check(decode(query, decoded, parts) == n);

    for (i = 1; i < n; i++) {
        check(compare(decoded[i - 1].name, decoded[i].name) <= 0);
    }

    /* what was given is there, in its order where names are equal */

    for (i = 0; i < n; i++) {
        for (found = 0, j = 0; j < i; j++) {
            found += same(pairs[j].name, pairs[i].name);
        }

        for (j = 0; j < n; j++) {
            if (same(decoded[j].name, pairs[i].name) && found-- == 0) {
                break;
            }
        }

        check(j < n && same(decoded[j].value, pairs[i].value));
    }

    jm_buf_fixed(&b, again, SPACE);
    jm_sign_query(&b, decoded, n);
    check(same(jm_buf_view(&b), query));
}


static size_t
decode(jm_str_t query, jm_pair_t *pairs, uint8_t *space)
{
    size_t  n;

    for (n = 0; query.len != 0 && n < PAIRS; n++) {
        pairs[n].name = decode_part(&query, '=', &space);
        pairs[n].value = decode_part(&query, '&', &space);
    }

    check(query.len == 0);

    return n;
}


static jm_str_t
decode_part(jm_str_t *query, uint8_t end, uint8_t **space)
{
    char      hex[3];
    size_t    i;
    jm_str_t  part;

    part.data = *space;
    part.len = 0;

    for (i = 0; i < query->len && query->data[i] != end; i++) {
        check(query->data[i] != '&' && query->data[i] != '=');

        if (query->data[i] != '%') {
            (*space)[part.len++] = query->data[i];
            continue;
        }

        check(query->len - i > 2);

        hex[0] = (char) query->data[i + 1];
        hex[1] = (char) query->data[i + 2];
        hex[2] = '\0';
        check(strspn(hex, "0123456789ABCDEF") == 2);

        (*space)[part.len++] = (uint8_t) strtoul(hex, NULL, 16);
        i += 2;
    }

    i += (i < query->len);
    query->data += i;
    query->len -= i;
    *space += part.len;

    return part;
}


static void
check_sign(const jm_sign_request_t *sr, const jm_credential_t *credential,
    size_t canonical)
{
    jm_rc_e         rc;
    jm_buf_t        b;
    jm_str_t        first;
    jm_signer_t     signer;
    static uint8_t  text[SPACE], again[SPACE];

    memset(&signer, 0, sizeof(jm_signer_t));

    jm_buf_fixed(&b, text, SPACE);
    rc = jm_sign(&b, sr, credential, &signer);
    check(rc == (canonical <= JM_SIGN_MAX ? JM_OK : JM_ERROR));

    if (rc != JM_OK) {
        check(b.len == 0);
        jm_signer_free(&signer);
        return;
    }

    first = jm_buf_view(&b);
    check(memcmp(first.data, "HMAC-SHA256 Credential=", 23) == 0);
    check(memcmp(signer.day, "20260101", JM_DAY_LEN) == 0);

    jm_buf_fixed(&b, again, SPACE);
    check(jm_sign(&b, sr, credential, &signer) == JM_OK);
    check(same(jm_buf_view(&b), first));

    jm_signer_free(&signer);
}


static int
compare(jm_str_t a, jm_str_t b)
{
    size_t  i;

    for (i = 0; i < a.len && i < b.len; i++) {
        if (a.data[i] != b.data[i]) {
            return a.data[i] < b.data[i] ? -1 : 1;
        }
    }

    return (a.len > b.len) - (a.len < b.len);
}
