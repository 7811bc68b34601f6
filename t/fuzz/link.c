
/*
 * Links to pictures.  The first byte of the input says what the rest is: a text
 * that pretends to be a link; or the inside of one, sealed with the right key,
 * as only a holder of the secret could; or a URL.  What opens is sealed again
 * into the same text, no changed text opens, and a URL that is listed has a
 * host of the list as its first and only one.
 */


#include "fuzz.h"
#include "jm_base64url.h"
#include "jm_host.h"
#include "jm_link.h"


static const uint8_t  nonce[JM_CRYPT_NONCE] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
};


static const jm_link_key_t *
keys(void)
{
    unsigned              i;
    static unsigned       derived;
    static jm_seal_key_t  seals[JM_SEAL_KEYS];
    static jm_link_key_t  pair[JM_SEAL_KEYS];

    if (!derived) {
        check(jm_seal_derive(&seals[0], str("the secret of this week"))
              == JM_OK);
        check(jm_seal_derive(&seals[1], str("0123456789abcdef")) == JM_OK);

        for (i = 0; i < JM_SEAL_KEYS; i++) {
            check(jm_link_key_init(&pair[i], &seals[i]) == JM_OK);
        }

        derived = 1;
    }

    return pair;
}


static void
fuzz_text(jm_str_t text)
{
    jm_rc_e    rc;
    uint8_t    room[JM_LINK_URL], again[JM_LINK_MAX];
    jm_buf_t   b;
    jm_link_t  link;

    rc = jm_link_open(&link, keys(), JM_SEAL_KEYS, text, room);
    check(rc == JM_OK || rc == JM_INVALID);

    if (rc == JM_OK) {
        jm_buf_fixed(&b, again, sizeof(again));
        check(jm_link_seal(&b, &keys()[1], &link) == JM_OK);
        check(same(jm_buf_view(&b), text));
    }
}


/* the first byte is the version, the last one tells the suffix */

static void
fuzz_inside(jm_str_t plain)
{
    size_t      n;
    uint8_t     bytes[4096], text[8192], room[JM_LINK_URL], version, last;
    jm_rc_e     rc;
    jm_str_t    s;
    jm_link_t   link;

    if (plain.len < 2 || plain.len > 2100) {
        return;
    }

    version = *plain.data++;
    plain.len -= 2;
    last = plain.data[plain.len];

    bytes[0] = version;
    memcpy(bytes + 1, nonce, JM_CRYPT_NONCE);

    s.len = 1;
    s.data = bytes;

    check(jm_crypt_seal(&keys()[1].crypt, bytes + 1 + JM_CRYPT_NONCE, nonce, s,
                        plain)
          == JM_OK);

    s.len = 1 + JM_CRYPT_NONCE + plain.len + JM_CRYPT_TAG;

    n = jm_base64url_encode(text, s);
    memcpy(text + n, last & 1 ? ".jpg" : ".png", 4);

    s.len = n + 4;
    s.data = text;

    rc = jm_link_open(&link, keys(), JM_SEAL_KEYS, s, room);
    check(rc == JM_OK || rc == JM_INVALID);

    if (rc == JM_OK) {
        check(version == 1);
        check(link.url.len != 0 && link.url.len <= JM_LINK_URL);
        check(link.end >= 0 && link.end >> 40 == 0);
        check(link.url.len < plain.len);
        check(memcmp(link.url.data, plain.data + plain.len - link.url.len,
                     link.url.len) == 0);
    }

    text[plain.len % s.len] ^= (uint8_t) (1 << plain.len % 8);
    check(jm_link_open(&link, keys(), JM_SEAL_KEYS, s, room) == JM_INVALID);
}


/* read in another way: by the first "/" behind "//" */

static void
fuzz_url(jm_str_t url)
{
    char         *host, *end;
    char          text[512];
    size_t        i;
    jm_host_t     hosts[2];

    check(jm_host_read(&hosts[0], str("*.byteimg.com")) == JM_OK);
    check(jm_host_read(&hosts[1], str("127.0.0.1:8080")) == JM_OK);

    if (url.len >= sizeof(text) || !jm_host_lists(hosts, 2, url)) {
        return;
    }

    for (i = 0; i < url.len; i++) {
        check(url.data[i] > ' ' && url.data[i] < 0x7f && url.data[i] != '\\'
              && url.data[i] != '#' && url.data[i] != '"');

        text[i] = (char) (url.data[i] >= 'A' && url.data[i] <= 'Z'
                          ? url.data[i] | 0x20 : url.data[i]);
    }

    text[url.len] = '\0';

    host = strstr(text, "://");
    check(host == text + 4 || host == text + 5);

    host += 3;
    end = strchr(host, '/');
    check(end != NULL);
    *end = '\0';

    check(strcspn(host, "@?#%\\") == strlen(host));

    if (strcmp(host, "127.0.0.1:8080") == 0) {
        return;
    }

    host[strcspn(host, ":")] = '\0';
    i = strlen(host);

    check(i > 12 && strcmp(host + i - 12, ".byteimg.com") == 0);
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
        fuzz_url(rest);
        break;
    }

    return 0;
}
