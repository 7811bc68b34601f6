
/*
 * Links to pictures: the same picture has the same link, what one key seals
 * opens with it alone, and not after any change.  The first link was also made
 * with node's crypto.
 */


#include <openssl/err.h>

#include "tap.h"
#include "jm_link.h"


static const char  picture[] =
    "https://p26-sign.byteimg.com/tos-cn-i/1f.image?x-expires=1795204361";


static jm_seal_key_t  seals[3];
static jm_link_key_t  keys[3];


static void
make_keys(void)
{
    size_t  i;

    static const char *const  secrets[] = {
        "0123456789abcdef", "the secret of last week", "another gateway's one"
    };

    for (i = 0; i < jm_nitems(secrets); i++) {
        if (jm_seal_derive(&seals[i], str(secrets[i])) != JM_OK
            || jm_link_key_init(&keys[i], &seals[i]) != JM_OK)
        {
            abort();
        }
    }
}


static void
free_keys(void)
{
    size_t  i;

    for (i = 0; i < jm_nitems(keys); i++) {
        jm_link_key_free(&keys[i]);
        jm_link_key_free(&keys[i]);
        jm_seal_key_free(&seals[i]);
    }
}


static void
set(jm_link_t *link, const char *url, int64_t end, const char *owner)
{
    memset(link, 0, sizeof(jm_link_t));

    link->url = str(url);
    link->end = end;

    if (owner != NULL) {
        link->owned = 1;
        memcpy(link->owner, owner, JM_LINK_OWNER);
    }
}


static jm_str_t
seal(uint8_t *dst, const jm_link_key_t *key, const jm_link_t *link)
{
    jm_buf_t  b;

    jm_buf_fixed(&b, dst, JM_LINK_MAX);

    if (jm_link_seal(&b, key, link) != JM_OK) {
        b.len = 0;
    }

    return jm_buf_view(&b);
}


static unsigned
opens(const jm_link_key_t *with, size_t n, jm_str_t text)
{
    jm_rc_e    rc;
    uint8_t    room[JM_LINK_URL];
    jm_link_t  link;

    text = exact(text);
    rc = jm_link_open(&link, with, n, text, room);
    exact_done(text);

    return rc != JM_INVALID;
}


static void
test_same(void)
{
    uint8_t    first[JM_LINK_MAX], second[JM_LINK_MAX];
    jm_str_t   a, b;
    jm_link_t  link;

    set(&link, picture, 1795204361, NULL);
    a = seal(first, &keys[0], &link);
    b = seal(second, &keys[0], &link);

    is_str(a, "AUmVNzFvxXii9u9tIOAhd7tHhmgxtfBncZBPOE0Mo66ZXHAWSDVET7o6p7vr"
           "w5At5Noi_LmFcGK2IeVS9lu4fRDQIoh8WtSt1BAeANv8BAkRNXTf6YEfXPw_"
           "rWvrm2AUfNdnp9Zr.png", "a link");
    is_bytes(b, a, "the same once more");

    link.end++;
    b = seal(second, &keys[0], &link);
    ok(b.len == a.len && memcmp(a.data + 2, b.data + 2, 16) != 0,
       "another end has another nonce");

    set(&link, picture, 1795204361, "alice           ");
    b = seal(second, &keys[0], &link);
    ok(memcmp(a.data + 2, b.data + 2, 16) != 0, "and so has an owner");

    set(&link, picture, 1795204361, NULL);
    b = seal(second, &keys[1], &link);
    ok(memcmp(a.data + 2, b.data + 2, 16) != 0, "and another key");
}


static void
test_round_trip(const char *url, int64_t end, const char *owner,
    const char *suffix)
{
    uint8_t    dst[JM_LINK_MAX], room[JM_LINK_URL], small[16];
    jm_buf_t   b;
    jm_str_t   text;
    jm_link_t  link, got;

    set(&link, url, end, owner);
    text = seal(dst, &keys[1], &link);

    ok(text.len > 4, "%.60s: %zu characters", url, text.len);
    ok(memcmp(text.data + text.len - 4, suffix, 4) == 0, "it ends in %s",
       suffix);

    is_int(jm_link_open(&got, keys, 2, text, room), JM_OK,
           "the second key opens it");
    is_bytes(got.url, link.url, "its URL");
    is_int(got.end, end, "its end");
    is_int(got.owned, owner != NULL, "whether it is owned");
    ok(owner == NULL || memcmp(got.owner, owner, JM_LINK_OWNER) == 0, "whose");

    ok(!opens(keys, 1, text), "the first does not open it");
    ok(!opens(&keys[2], 1, text), "nor does another");
    ok(!opens(NULL, 0, text), "nor none");

    jm_buf_fixed(&b, small, sizeof(small));
    is_int(jm_link_seal(&b, &keys[1], &link), JM_ERROR, "a small buffer");
    is_int((int64_t) b.len, 0, "has nothing of it");

    is_int((int64_t) ERR_peek_error(), 0, "no error is left in the queue");
}


/* one by one: every bit, the length, one more character */

static void
test_changed(const char *owner)
{
    size_t     i;
    uint8_t    dst[JM_LINK_MAX + 1];
    unsigned   bad;
    jm_str_t   text;
    jm_link_t  link;

    set(&link, picture, 1795204361, owner);
    text = seal(dst, &keys[0], &link);
    ok(opens(keys, 2, text) != 0, "a link opens");

    bad = 0;

    for (i = 0; i < 8 * text.len; i++) {
        dst[i / 8] ^= (uint8_t) (1 << i % 8);
        bad += opens(keys, 2, text);
        dst[i / 8] ^= (uint8_t) (1 << i % 8);
    }

    is_int(bad, 0, "not with any bit changed");

    bad = 0;
    text.len++;

    for (i = 0; i < 256; i++) {
        dst[text.len - 1] = (uint8_t) i;
        bad += opens(keys, 2, text);
    }

    is_int(bad, 0, "not with one more character");
    text.len--;

    memcpy(dst + text.len - 4, ".jpg", 4);
    ok(!opens(keys, 2, text), "not with the other suffix");
    memcpy(dst + text.len - 4, ".png", 4);

    for (bad = 0; text.len-- > 0; /* void */) {
        bad += opens(keys, 2, text);
    }

    is_int(bad, 0, "not cut anywhere");
}


static void
test_limits(void)
{
    char       url[JM_LINK_URL + 2];
    uint8_t    dst[JM_LINK_MAX];
    jm_link_t  link;

    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a/", 10);

    url[JM_LINK_URL] = '\0';
    test_round_trip(url, ((int64_t) 1 << 40) - 1, "0123456789abcdef", ".png");

    set(&link, url, 1, "0123456789abcdef");
    is_int((int64_t) seal(dst, &keys[0], &link).len, JM_LINK_MAX,
           "the longest link");

    url[JM_LINK_URL] = 'a';
    url[JM_LINK_URL + 1] = '\0';
    set(&link, url, 1, NULL);
    is_int((int64_t) seal(dst, &keys[0], &link).len, 0, "a longer URL");

    set(&link, "", 1, NULL);
    is_int((int64_t) seal(dst, &keys[0], &link).len, 0, "none");

    set(&link, "https://a/", (int64_t) 1 << 40, NULL);
    is_int((int64_t) seal(dst, &keys[0], &link).len, 0, "an end too far");

    set(&link, "https://a/", -1, NULL);
    is_int((int64_t) seal(dst, &keys[0], &link).len, 0, "before all time");
}


/* an id opens no link, and a link no ticket, though the secret is the same */

static void
test_apart(void)
{
    uint8_t      dst[JM_LINK_MAX];
    jm_str_t     text;
    tap_mem_t    m;
    jm_link_t    link;
    jm_ticket_t  t;

    set(&link, picture, 1795204361, NULL);
    text = seal(dst, &keys[0], &link);
    text.len -= 4;

    tap_mem_init(&m, 0);
    is_int(jm_unseal(&t, seals, 2, text, &m.mem), JM_INVALID,
           "a link is no id");
    tap_mem_done(&m);
}


static void
test_end(void)
{
    int64_t  now;

    is_int(jm_link_end(0, 30), 30, "half a minute");
    is_int(jm_link_end(1, 86400), 89280, "a day, in parts of 48 minutes");
    is_int(jm_link_end(1, 1), 2, "a second");

    for (now = 1795204361; now < 1795204361 + 86400; now += 977) {
        if (jm_link_end(now, 2592000) < now + 2592000
            || jm_link_end(now, 2592000) >= now + 2592000 + 86400
            || jm_link_end(now, 2592000) % 86400 != 0)
        {
            break;
        }
    }

    ok(now >= 1795204361 + 86400, "a month, to the end of a day");
}


int
main(void)
{
    make_keys();

    test_same();
    test_round_trip(picture, 1795204361, NULL, ".png");
    test_round_trip(picture, 0, "0123456789abcdef", ".png");
    test_round_trip("https://a/b.jpeg?c.png", 1, NULL, ".jpg");
    test_round_trip("https://a/b.jpg", 1, NULL, ".jpg");
    test_round_trip("https://a/b?c.jpg", 1, NULL, ".png");
    test_round_trip("https://a/b.JPG", 1, NULL, ".png");
    test_changed(NULL);
    test_changed("0123456789abcdef");
    test_limits();
    test_apart();
    test_end();

    free_keys();

    return done_testing();
}
