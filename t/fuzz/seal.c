
/*
 * Sealed ids.  The first byte of the input says what the rest is: a text that
 * pretends to be an id; or the inside of one, sealed with the right key, as
 * only a holder of the secret could; or the fields of a ticket.  What opens is
 * sealed again into the same text, no changed text opens, and what is written
 * is read again.
 */


#include "fuzz.h"
#include "ticket.h"
#include "jm_base64.h"
#include "jm_seal.h"


static const uint8_t  nonce[JM_CRYPT_NONCE] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
};


/* the second of two keys, so that the first is always tried in vain */

static const jm_seal_key_t *
keys(void)
{
    static unsigned       derived;
    static jm_seal_key_t  pair[JM_SEAL_KEYS];

    if (!derived) {
        check(jm_seal_derive(&pair[0], str("the secret of this week"))
              == JM_OK);
        check(jm_seal_derive(&pair[1], str("0123456789abcdef")) == JM_OK);
        derived = 1;
    }

    return pair;
}


static void
seal_again(const jm_ticket_t *t, jm_str_t text)
{
    size_t       n;
    uint8_t      bytes[jm_base64_decoded(JM_SEAL_MAX)], again[JM_SEAL_MAX];
    jm_buf_t     b;
    jm_base64_t  d;

    jm_base64_init(&d, 0);
    check(jm_base64_decode(&d, text, bytes, &n) == JM_OK);

    jm_buf_fixed(&b, again, sizeof(again));
    check(jm_seal(&b, &keys()[1], bytes + 1, t) == JM_OK);
    check(same_string(jm_buf_view(&b), text));
}


static void
fuzz_text(jm_str_t text)
{
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_ticket_t  t;

    tap_mem_init(&m, 0);

    rc = jm_unseal(&t, keys(), JM_SEAL_KEYS, text, &m.mem);
    check(rc == JM_OK || rc == JM_INVALID);

    if (rc == JM_OK) {
        seal_again(&t, text);
    }

    tap_mem_done(&m);
}


/* the first byte is the version */

static void
fuzz_inside(jm_str_t plain)
{
    size_t               i, n;
    uint8_t              bytes[jm_base64_decoded(JM_SEAL_MAX)];
    uint8_t              text[JM_SEAL_MAX + 4];
    jm_rc_e              rc;
    jm_str_t             s;
    tap_mem_t            m, r;
    jm_ticket_t          t, u;
    jm_base64_encoder_t  e;

    if (plain.len == 0 || plain.len - 1 > JM_TICKET_MAX) {
        return;
    }

    bytes[0] = *plain.data++;
    plain.len--;
    memcpy(bytes + 1, nonce, JM_CRYPT_NONCE);

    s.len = 1;
    s.data = bytes;

    check(jm_crypt_seal(&keys()[1].crypt, bytes + 1 + JM_CRYPT_NONCE, nonce, s,
                        plain)
          == JM_OK);

    s.len = 1 + JM_CRYPT_NONCE + plain.len + JM_CRYPT_TAG;

    jm_base64_encoder_init(&e);
    n = jm_base64_encode(&e, s, text);
    n += jm_base64_encode_end(&e, text + n);

    for (i = 0; i < n && text[i] != '='; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    s.len = i;
    s.data = text;

    tap_mem_init(&m, 0);
    tap_mem_init(&r, 0);

    rc = jm_unseal(&t, keys(), JM_SEAL_KEYS, s, &m.mem);

    check(rc == (bytes[0] == 1 ? jm_ticket_read(&u, plain, &r.mem)
                               : JM_INVALID));
    check(rc != JM_OK || same_ticket(&t, &u));

    tap_mem_done(&m);
    tap_mem_done(&r);

    /* some change of it */

    text[plain.len % i] ^= (uint8_t) (1 << i % 8);

    tap_mem_init(&m, 0);
    check(jm_unseal(&t, keys(), JM_SEAL_KEYS, s, &m.mem) == JM_INVALID);
    tap_mem_done(&m);
}


static jm_str_t
take(jm_str_t *in, size_t most)
{
    jm_str_t  s;

    s.len = 0;
    s.data = in->data;

    if (in->len != 0) {
        s.len = jm_min(jm_min(*in->data, most), in->len - 1);
        s.data++;
        in->data += s.len + 1;
        in->len -= s.len + 1;
    }

    return s;
}


static uint64_t
number(jm_str_t *in)
{
    jm_str_t  s;
    uint64_t  value;

    value = 0;

    for (s = take(in, sizeof(value)); s.len != 0; s.len--) {
        value = value << 8 | *s.data++;
    }

    return value;
}


static void
fuzz_fields(jm_str_t in)
{
    size_t       i;
    uint8_t      form[1024], text[JM_SEAL_MAX];
    unsigned     fits;
    jm_buf_t     b, f;
    tap_mem_t    m;
    jm_ticket_t  t, got;

    t.n = (size_t) number(&in) % JM_TICKET_TASKS + 1;
    t.created = (int64_t) (number(&in) & INT64_MAX);
    t.size.width = (uint32_t) number(&in);
    t.size.height = (uint32_t) number(&in);
    t.size.area = (uint32_t) number(&in);
    t.size.named = t.size.area & 1;
    t.max_images = (uint32_t) number(&in);
    t.b64 = number(&in) & 1;
    t.gpt = number(&in) & 1;
    t.jpeg = t.gpt ^ 1;
    t.quality = (jm_quality_e) (number(&in) % (JM_QUALITY_LOW + 1));
    t.req_key = take(&in, 255);
    t.account = take(&in, 255);
    t.owner = take(&in, 255);

    jm_buf_fixed(&f, form, sizeof(form));
    jm_buf_literal(&f, "{\"return_url\":true");
    jm_buf_str(&f, take(&in, 255));
    jm_buf_literal(&f, "}");
    t.req_json = jm_buf_view(&f);

    for (i = 0; i < t.n; i++) {
        t.ids[i] = take(&in, JM_VISUAL_TASK_ID);
    }

    t.entry = number(&in) & INT64_MAX;

    tap_mem_init(&m, 0);
    jm_buf_fixed(&b, text, sizeof(text));
    fits = jm_ticket_fits(&t);

    check(fits && jm_seal(&b, &keys()[1], nonce, &t) == JM_OK);
    check(jm_unseal(&got, keys(), JM_SEAL_KEYS, jm_buf_view(&b), &m.mem)
          == JM_OK);
    check(same_ticket(&got, &t));

    tap_mem_done(&m);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jm_str_t  rest;

    if (size == 0) {
        return 0;
    }

    rest.len = size - 1;
    rest.data = data + 1;

    switch (data[0] % 3) {

    case 0:
        fuzz_text(rest);
        break;

    case 1:
        fuzz_inside(rest);
        break;

    default:
        fuzz_fields(rest);
        break;
    }

    return 0;
}
