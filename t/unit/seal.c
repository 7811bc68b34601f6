
/*
 * Sealed ids: what one key seals opens with it and with no other, and not after
 * any change.  The key and the first id were also made with node's crypto.
 */


#include <openssl/err.h>

#include "ticket.h"
#include "jm_base64.h"
#include "jm_seal.h"
#include "jm_text.h"


static const uint8_t  nonce[JM_CRYPT_NONCE] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
};


/* each is made once, and kept until the end */

static jm_seal_key_t
derive(const char *secret)
{
    size_t  i;

    static jm_seal_key_t  keys[4];
    static const char    *secrets[4];

    for (i = 0; secrets[i] != NULL; i++) {
        if (strcmp(secrets[i], secret) == 0) {
            return keys[i];
        }
    }

    secrets[i] = secret;

    if (jm_seal_derive(&keys[i], str(secret)) != JM_OK) {
        abort();
    }

    return keys[i];
}


/* what comes of a text in memory of its own size */

static jm_rc_e
unseal(jm_ticket_t *t, const jm_seal_key_t *keys, size_t nkeys, jm_str_t text,
    tap_mem_t *m)
{
    jm_rc_e  rc;

    tap_mem_init(m, 0);

    text = exact(text);
    rc = jm_unseal(t, keys, nkeys, text, &m->mem);
    exact_done(text);

    return rc;
}


static unsigned
opens(const jm_seal_key_t *keys, size_t nkeys, jm_str_t text)
{
    unsigned     good;
    tap_mem_t    m;
    jm_ticket_t  t;

    good = (unseal(&t, keys, nkeys, text, &m) != JM_INVALID);
    tap_mem_done(&m);

    return good;
}


static jm_str_t
seal(const jm_ticket_t *t, const jm_seal_key_t *key, uint8_t *dst)
{
    jm_buf_t  b;

    jm_buf_fixed(&b, dst, JM_SEAL_MAX);

    if (jm_seal(&b, key, nonce, t) != JM_OK) {
        b.len = 0;
    }

    return jm_buf_view(&b);
}


static void
test_derive(void)
{
    jm_str_t       got;
    uint8_t        hex[2 * JM_CRYPT_KEY];
    jm_seal_key_t  key;

    key = derive("0123456789abcdef");
    jm_hex(hex, key.key, JM_CRYPT_KEY);

    got.len = sizeof(hex);
    got.data = hex;

    is_str(got, "d1695af1e5f4b533825"
           "5bcde4ac4bb1cab95ff556793cacbf516684624ad5970",
           "the key of a secret");

    is_int(jm_seal_derive(&key, str("0123456789abcde")), JM_INVALID,
           "a secret that is too short");
}


static void
test_ordinary(void)
{
    uint8_t        dst[JM_SEAL_MAX];
    jm_ticket_t    t;
    jm_seal_key_t  key;

    key = derive("0123456789abcdef");
    ordinary_ticket(&t);

    is_str(seal(&t, &key, dst),
           "AQABAgMEBQYHCAkKCwGmZYRl2X3sm6D6m0juXllhGzcoj4aNl5bp"
           "i-1aBPEMXJZ7lzJyT7Rg0yVhcAF0NYlXeeKdoD4hvOZ8MYSp",
           "an ordinary id, of a hundred characters");
}


static void
test_round_trip(const jm_ticket_t *t, const char *name)
{
    uint8_t        dst[JM_SEAL_MAX], small[16];
    jm_buf_t       b;
    jm_str_t       text;
    tap_mem_t      m;
    jm_ticket_t    got;
    jm_seal_key_t  keys[JM_SEAL_KEYS], other;

    keys[0] = derive("the secret of this week");
    keys[1] = derive("the secret of last week");
    other = derive("the secret of last year");

    text = seal(t, &keys[1], dst);

    is_int(unseal(&got, keys, 2, text, &m), JM_OK,
           "%s: the second key opens what it sealed, %zu characters", name,
           text.len);
    ok(same_ticket(&got, t) != 0, "as it was");
    tap_mem_done(&m);

    is_int(unseal(&got, keys + 1, 1, text, &m), JM_OK, "alone as well");
    tap_mem_done(&m);

    is_int(unseal(&got, keys, 1, text, &m), JM_INVALID,
           "the first does not");
    is_int((int64_t) m.calls, 0, "nor is any memory asked for");
    tap_mem_done(&m);

    ok(!opens(&other, 1, text), "nor does another");
    ok(!opens(NULL, 0, text), "nor none");

    tap_mem_init(&m, 1);
    is_int(jm_unseal(&got, keys, 2, text, &m.mem), JM_ERROR,
           "no memory to read it");
    tap_mem_done(&m);

    tap_mem_init(&m, 1);
    jm_buf_init(&b, &m.mem, 64, JM_SEAL_MAX);
    is_int(jm_seal(&b, keys, nonce, t), JM_ERROR, "none to write it");

    jm_buf_fixed(&b, small, sizeof(small));
    is_int(jm_seal(&b, keys, nonce, t), JM_ERROR, "a small buffer");
    is_int((int64_t) b.len, 0, "has nothing of it");

    is_int((int64_t) ERR_peek_error(), 0, "no error is left in the queue");
}


/* one by one: every bit of an id, its length, and every other last character */

static void
test_changed(const jm_ticket_t *t, const char *name)
{
    size_t         i;
    uint8_t        dst[JM_SEAL_MAX + 1], c;
    unsigned       bad;
    jm_str_t       text;
    jm_seal_key_t  keys[JM_SEAL_KEYS];

    keys[0] = derive("the secret of this week");
    keys[1] = derive("the secret of last week");

    text = seal(t, &keys[0], dst);
    ok(opens(keys, 2, text) != 0, "%s opens", name);

    bad = 0;

    for (i = 0; i < 8 * text.len; i++) {
        dst[i / 8] ^= (uint8_t) (1 << i % 8);
        bad += opens(keys, 2, text);
        dst[i / 8] ^= (uint8_t) (1 << i % 8);
    }

    is_int(bad, 0, "not with any bit changed");

    c = dst[text.len - 1];
    bad = 0;

    for (i = 0; i < 256; i++) {
        dst[text.len - 1] = (uint8_t) i;
        bad += opens(keys, 2, text);
    }

    is_int(bad, 1, "with the one last character only");

    dst[text.len - 1] = c;
    bad = 0;

    for (i = 0; i < 256; i++) {
        dst[text.len] = (uint8_t) i;
        text.len++;
        bad += opens(keys, 2, text);
        text.len--;
    }

    is_int(bad, 0, "not with one more");

    for (bad = 0; text.len-- > 0; /* void */) {
        bad += opens(keys, 2, text);
    }

    is_int(bad, 0, "not cut anywhere");
}


/* the same bytes, written in other ways: there is one id for each ticket */

static void
test_written(void)
{
    size_t         i;
    uint8_t        dst[JM_SEAL_MAX], padded[JM_SEAL_MAX];
    unsigned       minus, under;
    jm_str_t       text, other;
    jm_ticket_t    t;
    jm_seal_key_t  key;

    key = derive("0123456789abcdef");
    minus = 0;
    under = 0;

    full_ticket(&t);
    t.owner.len++;

    do {
        t.owner.len--;
        text = seal(&t, &key, dst);
    } while (text.len % 4 != 2);

    ok(opens(&key, 1, text) != 0, "an id whose last group is short");

    memcpy(padded, text.data, text.len);
    padded[text.len] = '=';
    padded[text.len + 1] = '=';

    other.data = padded;
    other.len = text.len + 2;
    ok(!opens(&key, 1, other), "is none with its padding");

    padded[text.len] = '\n';
    other.len = text.len + 1;
    ok(!opens(&key, 1, other), "nor with a line end");

    for (i = 0; i < text.len; i++) {
        other.len = text.len;
        memcpy(padded, text.data, text.len);

        if (padded[i] == '-') {
            padded[i] = '+';
            minus++;

        } else if (padded[i] == '_') {
            padded[i] = '/';
            under++;

        } else {
            continue;
        }

        if (opens(&key, 1, other)) {
            break;
        }
    }

    ok(i == text.len && minus != 0 && under != 0,
       "nor in the other alphabet");
}


/* what is sealed with the right key, by whoever has it, but is no ticket */

static void
test_authentic(uint8_t version, jm_str_t plain, jm_rc_e rc, const char *name)
{
    size_t               i, n;
    uint8_t              bytes[256], text[512];
    jm_str_t             s;
    tap_mem_t            m;
    jm_ticket_t          t;
    jm_seal_key_t        key;
    jm_base64_encoder_t  e;

    key = derive("0123456789abcdef");

    bytes[0] = version;
    memcpy(bytes + 1, nonce, JM_CRYPT_NONCE);

    s.len = 1;
    s.data = bytes;

    jm_crypt_seal(&key.crypt, bytes + 1 + JM_CRYPT_NONCE, nonce, s, plain);

    s.len = 1 + JM_CRYPT_NONCE + plain.len + JM_CRYPT_TAG;

    jm_base64_encoder_init(&e);
    n = jm_base64_encode(&e, s, text);
    n += jm_base64_encode_end(&e, text + n);

    for (i = 0; i < n && text[i] != '='; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    s.len = i;
    s.data = text;

    is_int(unseal(&t, &key, 1, s, &m), rc, "%s", name);
    tap_mem_done(&m);
}


static void
test_longest(void)
{
    size_t         len;
    uint8_t        dst[JM_SEAL_MAX], form[2 * JM_TICKET_MAX];
    jm_str_t       text;
    tap_mem_t      m;
    jm_ticket_t    t, got;
    jm_seal_key_t  key;

    key = derive("0123456789abcdef");
    ordinary_ticket(&t);

    memset(form, ' ', sizeof(form));
    memcpy(form, URL_JSON, sizeof(URL_JSON) - 2);
    t.req_json.data = form;

    len = sizeof(URL_JSON) - 1;

    do {
        form[len - 1] = ' ';
        t.req_json.len = ++len;
        form[len - 1] = '}';

        text = seal(&t, &key, dst);

    } while (text.len != 0 && text.len != JM_SEAL_MAX);

    is_int((int64_t) text.len, JM_SEAL_MAX, "the longest id");
    is_int(unseal(&got, &key, 1, text, &m), JM_OK, "opens");
    ok(same_ticket(&got, &t) != 0, "as it was");
    tap_mem_done(&m);

    form[len - 1] = ' ';
    t.req_json.len = len + 3;
    form[len + 2] = '}';

    is_int((int64_t) seal(&t, &key, dst).len, 0, "and no longer one");

    memset(form, 'A', JM_SEAL_MAX + 4);
    text.data = form;
    text.len = JM_SEAL_MAX;
    ok(!opens(&key, 1, text), "a text as long");

    text.len = JM_SEAL_MAX + 4;
    ok(!opens(&key, 1, text), "a text that is longer");
}


int
main(void)
{
    jm_ticket_t  t;

    test_derive();
    test_ordinary();

    ordinary_ticket(&t);
    test_round_trip(&t, "an ordinary ticket");
    test_changed(&t, "an ordinary id");

    full_ticket(&t);
    test_round_trip(&t, "a full ticket");
    test_changed(&t, "a full id");

    t.owner.len--;
    test_changed(&t, "one shorter by one");

    t.owner.len--;
    test_changed(&t, "by two");

    test_written();
    test_longest();

    test_authentic(1, (jm_str_t) jm_string("\0\0\0\0\0\0\0\0\0\0\1\0"), JM_OK,
                   "the smallest ticket there is");
    test_authentic(2, (jm_str_t) jm_string("\0\0\0\0\0\0\0\0\0\0\1\0"),
                   JM_INVALID, "of another version");
    test_authentic(1, (jm_str_t) jm_string("\0\0\0\0\0\0\0\0\0\0\1\0\0"),
                   JM_INVALID, "with something behind it");
    test_authentic(1, (jm_str_t) jm_null_string, JM_INVALID, "nothing");

    return done_testing();
}
