
/*
 * The signature: vectors that others made (A, B, C published ones; D by dummy
 * credentials; E by the vendor's own SDK, @volcengine/openapi), and what the
 * canonical forms are made of.
 *
 * EVP_DigestFinal_ex() is replaced by one that does the same and can be told to
 * fail, and counts: that the day's key is kept is tested by what it saves.
 */


#define _GNU_SOURCE

#include <dlfcn.h>

#include <openssl/evp.h>

#include "tap.h"
#include "jm_sign.h"


#define BODY_S  "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":"                 \
                "\"\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8c\xab\"}"
#define BODY_G  "{\"req_key\":\"jimeng_t2i_v40\","                            \
                "\"task_id\":\"15977608121972527084\","                       \
                "\"req_json\":\"{\\\"return_url\\\":true}\"}"

#define EMPTY_HASH  "e3b0c44298fc1c149afbf4c8996fb924"                        \
                    "27ae41e4649b934ca495991b7852b855"

/* hashes that are made: two an HMAC, of which a day's key needs four */

#define FINALS_SIGN  3
#define FINALS_KEY   8


typedef struct {
    const char      *name;
    const char      *access_key;
    const char      *secret_key;
    const char      *region;
    const char      *service;
    const char      *method;
    const char      *query[8][2];
    const char      *date;
    const char      *host;
    const char      *content_type;
    const char      *token;
    const char      *body;
    const char      *headers;       /* as SignedHeaders has them */
    const char      *signature;
} vector_t;


#define DUMMY   "AKLTexampleexampleexample",                                  \
                "c2VjcmV0LWV4YW1wbGUtbm90LXJlYWw=="
#define SUBMIT  { { "Version", "2022-08-31" },                                \
                  { "Action", "CVSync2AsyncSubmitTask" } }
#define QUERY   { { "Version", "2022-08-31" },                                \
                  { "Action", "CVSync2AsyncGetResult" } }
#define VISUAL  "20260101T000000Z", "visual.volcengineapi.com",               \
                "application/json"
#define TOKEN   "STSexampletoken"


static const vector_t  vectors[] = {

    { "A", "AKLTtest", "secretkey", "cn-beijing", "ark", "POST",
      { { "Version", "2024-01-01" }, { "Region", "cn-beijing" },
        { "Action", "GetAFPUsage" } },
      "20240621T000000Z", "ark.cn-beijing.volcengineapi.com",
      "application/json; charset=utf-8", "", "",
      "host;x-date;x-content-sha256;content-type",
      "a5b46dd59b06e917a352e9679ea8f88c39efe8a258f3cc8b9f49e39e3d1de401" },

    { "B", "test-access-key-id-not-a-secret",
      "test-secret-access-key-not-a-secret", "cn-beijing", "billing", "POST",
      { { "Version", "2022-01-01" }, { "Action", "ListBill" } },
      "20250329T180937Z", "billing.volcengineapi.com", "", "",
      "{\"Limit\":10,\"BillPeriod\":\"2023-08\"}", "host;x-date",
      "23c760c81af856b1cc3d978f7c66ad90c097abc2add030c36a35193e133a5a0e" },

    { "C", "AKLTtestkey", "testsecretkey", "cn-beijing", "ark", "GET",
      { { "Version", "2024-01-01" }, { "Action", "GetCodingPlanUsage" } },
      "20260819T100000Z", "open.volcengineapi.com", "", "", "",
      "host;x-content-sha256;x-date",
      "ba4bbf8452b3d7d19e166f4c5979f3e8fdcc97a82a913f00658dd8697b9c5cb8" },

    { "D1", DUMMY, "cn-north-1", "cv", "POST", SUBMIT, VISUAL, "", BODY_S,
      "content-type;host;x-content-sha256;x-date",
      "005facd904efdd455a11d892406f370298fe67e57ed2bd40a22cabb3038312a5" },

    { "D2", DUMMY, "cn-north-1", "cv", "POST", QUERY, VISUAL, "", BODY_G,
      "content-type;host;x-content-sha256;x-date",
      "6b1d042313a10e25b9a6ce6df0d88aa0f7776712d6fde903da628708a17b5542" },

    { "D3", DUMMY, "cn-north-1", "cv", "POST", SUBMIT, VISUAL, TOKEN, BODY_S,
      "content-type;host;x-content-sha256;x-date;x-security-token",
      "081ab410c31b6bcdce7f2fd5eaf8d07f004625d0e3c181897747d57549131cc1" },

    { "D4", DUMMY, "cn-north-1", "cv", "POST", SUBMIT, VISUAL, "", BODY_S,
      "host;x-date",
      "1484654f6856d271545680c4f5863dc000b8f06c35a7351093a06babd6640a93" },

    { "E1", DUMMY, "cn-north-1", "cv", "POST", SUBMIT, VISUAL, "", BODY_S,
      "host;x-content-sha256;x-date",
      "7210cff997594327a2bb530c186fe1aebdae8217017e8506f49c7d77da1f8494" },

    { "E2", DUMMY, "cn-north-1", "cv", "POST", SUBMIT, VISUAL, TOKEN, BODY_S,
      "host;x-content-sha256;x-date;x-security-token",
      "6c137444871db1f4d1e7ae706f00aca6c346bd34d77d81ac440dffa9855dbfa3" },

    { "E3", DUMMY, "cn-north-1", "iam", "GET",
      { { "lower", "1" },
        { "k y", "a b+c/d*e~f'(g)!h=\xe4\xb8\xad" },
        { "Z", "a" }, { "Z", "b" }, { "Version", "2018-01-01" },
        { "Empty", "" }, { "Action", "ListUsers" } },
      "20260101T000000Z", "iam.volcengineapi.com", "", "", "",
      "host;x-date",
      "4b7ed418dbf3e8c1d0ba2829717cff08ad01efa16cff78b4addcdc5747c41643" }
};


static unsigned  finals, failing;


int
EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *n)
{
    int  (*next)(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *n);

    if (++finals == failing) {
        return 0;
    }

    *(void **) &next = dlsym(RTLD_NEXT, "EVP_DigestFinal_ex");

    return next(ctx, md, n);
}


/* a whole request of a vector; its views stay good with it */

typedef struct {
    jm_sign_request_t  request;
    jm_credential_t    credential;
    jm_signer_t        signer;
    jm_pair_t          headers[8];
    uint8_t            hash[JM_DIGEST_HEX_LEN];
    uint8_t            query[512];
} call_t;


static void
make_call(call_t *c, const vector_t *v)
{
    size_t       n;
    uint8_t      digest[JM_DIGEST_LEN];
    jm_buf_t     b;
    jm_str_t     body;
    jm_pair_t    params[8], *h;
    const char  *p;

    memset(c, 0, sizeof(call_t));

    c->credential.access_key = str(v->access_key);
    c->credential.secret_key = str(v->secret_key);
    c->credential.region = str(v->region);
    c->credential.service = str(v->service);

    for (n = 0; v->query[n][0] != NULL; n++) {
        params[n].name = str(v->query[n][0]);
        params[n].value = str(v->query[n][1]);
    }

    jm_buf_fixed(&b, c->query, sizeof(c->query));
    jm_sign_query(&b, params, n);
    c->request.query = jm_buf_view(&b);

    body = str(v->body);

    if (jm_digest(digest, NULL, &body, 1) != JM_OK) {
        abort();
    }

    jm_hex(c->hash, digest, JM_DIGEST_LEN);

    c->request.method = str(v->method);
    c->request.uri = str("/");
    c->request.date = str(v->date);
    c->request.body_hash.data = c->hash;
    c->request.body_hash.len = JM_DIGEST_HEX_LEN;
    c->request.headers = c->headers;

    for (p = v->headers; *p != '\0'; p += strspn(p, ";")) {
        h = &c->headers[c->request.nheaders++];
        h->name.data = (const uint8_t *) p;
        h->name.len = strcspn(p, ";");
        p += h->name.len;

        if (jm_str_eq(&h->name, "host")) {
            h->value = str(v->host);

        } else if (jm_str_eq(&h->name, "x-date")) {
            h->value = str(v->date);

        } else if (jm_str_eq(&h->name, "content-type")) {
            h->value = str(v->content_type);

        } else if (jm_str_eq(&h->name, "x-security-token")) {
            h->value = str(v->token);

        } else {
            h->value = c->request.body_hash;
        }
    }
}


static jm_rc_e
sign_by(jm_signer_t *signer, const call_t *c, char *out, size_t size)
{
    jm_rc_e   rc;
    jm_buf_t  b;

    jm_buf_fixed(&b, out, size - 1);
    rc = jm_sign(&b, &c->request, &c->credential, signer);
    out[b.len] = '\0';

    return rc;
}


static jm_rc_e
sign(call_t *c, char *out, size_t size)
{
    return sign_by(&c->signer, c, out, size);
}


static void
test_hash(void)
{
    uint8_t      hash[JM_DIGEST_HEX_LEN + 1];
    jm_str_t     s;
    jm_digest_t  d;

    s.data = hash;
    s.len = JM_DIGEST_HEX_LEN;
    hash[JM_DIGEST_HEX_LEN] = '#';

    is_int(jm_digest_init(&d, NULL), JM_OK, "a digest");

    is_int(jm_digest_hex(&d, hash, str(NULL)), JM_OK,
           "SHA-256 of nothing");
    is_str(s, EMPTY_HASH, "is the one everybody knows");

    jm_digest_hex(&d, hash, str(BODY_S));
    is_str(s, "bd3d463a0f82af44b7c9709777ef246c"
              "c1ebc9fb04e116d28d1fda308d076fcb", "SHA-256 of a submit");

    jm_digest_hex(&d, hash, str(BODY_G));
    is_str(s, "3564537731d5e4efec5e9ce2150b4fc7"
              "80f40d2ff18aa76e4fe99675d564748a", "SHA-256 of a query");

    ok(hash[JM_DIGEST_HEX_LEN] == '#', "no zero is written");

    finals = 0;
    failing = 1;
    is_int(jm_digest_hex(&d, hash, str("")), JM_ERROR,
           "libcrypto fails");
    failing = 0;

    jm_digest_free(&d);
}


static void
test_vectors(void)
{
    char             out[1024], expected[1024];
    size_t           i;
    call_t           c;
    const vector_t  *v;

    for (i = 0; i < jm_nitems(vectors); i++) {
        v = &vectors[i];

        make_call(&c, v);

        snprintf(expected, sizeof(expected),
                 "HMAC-SHA256 Credential=%s/%.8s/%s/%s/request, "
                 "SignedHeaders=%s, Signature=%s", v->access_key, v->date,
                 v->region, v->service, v->headers, v->signature);

        is_int(sign(&c, out, sizeof(out)), JM_OK, "vector %s is signed",
               v->name);
        is_cstr(out, expected, "Authorization of vector %s", v->name);
        is_int(sign(&c, out, sizeof(out)), JM_OK, "and once more");
        is_cstr(out, expected, "with the key that is cached");

        jm_signer_free(&c.signer);
    }
}


static void
test_day_key(void)
{
    char      first[512], out[512];
    call_t    c;
    jm_str_t  s;

    make_call(&c, &vectors[3]);

    finals = 0;
    sign(&c, first, sizeof(first));
    is_int(finals, FINALS_KEY + FINALS_SIGN, "the key, and the signature");

    s.data = c.signer.day;
    s.len = JM_DAY_LEN;
    is_str(s, "20260101", "the key is the day's");

    finals = 0;
    sign(&c, out, sizeof(out));
    is_int(finals, FINALS_SIGN, "the second time only the signature is made");
    is_cstr(out, first, "which is the same");

    c.request.date = str("20260101T235959Z");
    finals = 0;
    sign(&c, out, sizeof(out));
    is_int(finals, FINALS_SIGN, "and so at the end of the day");

    c.request.date = str(vectors[3].date);
    c.credential.secret_key = str("another");
    sign(&c, out, sizeof(out));
    is_cstr(out, first, "until then nobody looks at the secret");

    c.request.date = str("20260102T000000Z");
    finals = 0;
    sign(&c, out, sizeof(out));
    is_int(finals, FINALS_KEY + FINALS_SIGN,
           "another day derives another key");
    is_str(s, "20260102", "that is the day's");

    c.request.date = str(vectors[3].date);
    sign(&c, out, sizeof(out));
    ok(strcmp(out, first) != 0, "of the secret as it is then");

    c.credential.secret_key = str(vectors[3].secret_key);
    c.request.date = str("20260102T000000Z");
    sign(&c, out, sizeof(out));

    c.request.date = str(vectors[3].date);
    sign(&c, out, sizeof(out));
    is_cstr(out, first, "and a clock set back gets its own again");

    jm_signer_free(&c.signer);
    ok(c.signer.key.state == NULL && c.signer.day[0] == 0,
       "nothing is left of a signer that is freed");
}


/* D1 and D2 begin differently, D1 and D3 alike, and E3 is another's */

static void
test_head(void)
{
    char             out[1024];
    size_t           i;
    call_t           c;
    jm_signer_t      signer;
    const vector_t  *v;

    static const size_t  turns[] = { 3, 3, 4, 5, 3, 9, 4 };

    memset(&signer, 0, sizeof(jm_signer_t));

    for (i = 0; i < jm_nitems(turns); i++) {
        v = &vectors[turns[i]];
        make_call(&c, v);

        /* of another service, it has another key */

        if (i != 0 && strcmp(v->service, vectors[turns[i - 1]].service) != 0) {
            memset(signer.day, 0, JM_DAY_LEN);
        }

        is_int(sign_by(&signer, &c, out, sizeof(out)), JM_OK,
               "vector %s, in turn", v->name);
        ok(strstr(out, v->signature) != NULL,
           "has its signature, whatever was signed before");
    }

    jm_signer_free(&signer);
}


/* a canonical request that is shorter than a head is hashed as it is */

static void
test_short(void)
{
    char         out[512], expected[JM_DIGEST_HEX_LEN + 1];
    size_t       i;
    call_t       c;
    uint8_t      key[JM_DIGEST_LEN], hex[JM_DIGEST_HEX_LEN];
    jm_buf_t     b;
    jm_str_t     k, part, steps[4];
    static char  text[512];

    make_call(&c, &vectors[3]);
    c.request.query = str("");
    c.request.nheaders = 0;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 0);
    ok(b.len < JM_SIGN_HEAD, "a short request");

    part = jm_buf_view(&b);
    (void) jm_digest(key, NULL, &part, 1);
    jm_hex(hex, key, JM_DIGEST_LEN);

    jm_buf_fixed(&b, text, sizeof(text));
    jm_buf_literal(&b, "HMAC-SHA256\n20260101T000000Z\n"
                       "20260101/cn-north-1/cv/request\n");
    jm_buf_add(&b, hex, JM_DIGEST_HEX_LEN);

    steps[0] = str("20260101");
    steps[1] = str("cn-north-1");
    steps[2] = str("cv");
    steps[3] = str("request");
    k = c.credential.secret_key;

    for (i = 0; i < jm_nitems(steps); i++) {
        (void) jm_digest(key, &k, &steps[i], 1);
        k.data = key;
        k.len = JM_DIGEST_LEN;
    }

    part = jm_buf_view(&b);
    (void) jm_digest(key, &k, &part, 1);
    jm_hex((uint8_t *) expected, key, JM_DIGEST_LEN);
    expected[JM_DIGEST_HEX_LEN] = '\0';

    is_int(sign(&c, out, sizeof(out)), JM_OK, "is signed");
    ok(strstr(out, expected) != NULL, "with the signature of all of it");

    jm_signer_free(&c.signer);
}


static void
test_failures(void)
{
    char      out[512];
    size_t    size;
    call_t    c;
    unsigned  n;
    jm_buf_t  b;

    for (n = 1; n <= FINALS_KEY + FINALS_SIGN; n++) {
        make_call(&c, &vectors[3]);

        finals = 0;
        failing = n;
        is_int(sign(&c, out, sizeof(out)), JM_ERROR, "hash %u fails", n);
        is_cstr(out, "", "nothing is written");

        if (n <= FINALS_KEY) {
            ok(c.signer.key.state == NULL && c.signer.day[0] == 0,
               "and half a key is not kept");
        }

        failing = 0;
        is_int(sign(&c, out, sizeof(out)), JM_OK, "and works the next time");

        jm_signer_free(&c.signer);
    }

    make_call(&c, &vectors[3]);
    sign(&c, out, sizeof(out));
    size = strlen(out);

    is_int(sign(&c, out, size + 1), JM_OK, "a buffer that just fits");
    is_int(sign(&c, out, size), JM_ERROR, "a buffer one byte short");

    jm_buf_fixed(&b, out, sizeof(out));
    b.rc = JM_ERROR;
    is_int(jm_sign(&b, &c.request, &c.credential, &c.signer), JM_ERROR,
           "a buffer with an error");

    c.request.date = str("20260101");
    is_int(sign(&c, out, sizeof(out)), JM_INVALID, "a date without a time");
    c.request.date = str(NULL);
    is_int(sign(&c, out, sizeof(out)), JM_INVALID, "no date");

    jm_signer_free(&c.signer);
}


static void
test_limit(void)
{
    char           out[512];
    size_t         len;
    call_t         c;
    jm_buf_t       b;
    static char    text[JM_SIGN_MAX + 1];
    static char    value[JM_SIGN_MAX];

    make_call(&c, &vectors[5]);
    memset(value, 'x', sizeof(value));

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 0);
    len = JM_SIGN_MAX - b.len;

    c.headers[4].value.data = (uint8_t *) value;
    c.headers[4].value.len = sizeof(TOKEN) - 1 + len;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 0);
    is_int((int64_t) b.len, JM_SIGN_MAX, "a canonical request of JM_SIGN_MAX");
    is_int(sign(&c, out, sizeof(out)), JM_OK, "is signed");

    c.headers[4].value.len++;
    is_int(sign(&c, out, sizeof(out)), JM_ERROR, "one byte more is not");

    jm_signer_free(&c.signer);
}


static void
test_canonical(void)
{
    char       text[1024];
    call_t     c;
    jm_buf_t   b;

    make_call(&c, &vectors[5]);

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 0);
    is_str(jm_buf_view(&b),
           "POST\n"
           "/\n"
           "Action=CVSync2AsyncSubmitTask&Version=2022-08-31\n"
           "content-type:application/json\n"
           "host:visual.volcengineapi.com\n"
           "x-content-sha256:bd3d463a0f82af44b7c9709777ef246c"
               "c1ebc9fb04e116d28d1fda308d076fcb\n"
           "x-date:20260101T000000Z\n"
           "x-security-token:STSexampletoken\n"
           "\n"
           "content-type;host;x-content-sha256;x-date;x-security-token\n"
           "bd3d463a0f82af44b7c9709777ef246cc1ebc9fb04e116d28d1fda308d076fcb",
           "the canonical request");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 1);
    text[b.len] = '\0';
    ok(strstr(text, TOKEN) == NULL, "its masked form has no token");
    ok(strstr(text, "\nx-security-token:***\n") != NULL, "but says so");
    ok(strstr(text, "\nx-date:20260101T000000Z\n") != NULL,
       "and has the rest");

    c.headers[0].value = str(" \t a  b\tc \t");
    c.headers[1].value = str(" \t ");
    c.headers[2].value = str(NULL);
    c.request.nheaders = 3;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 0);
    text[b.len] = '\0';
    ok(strstr(text, "\ncontent-type:a  b\tc\nhost:\nx-content-sha256:\n\n")
       != NULL, "blanks around a value go, blanks within stay");

    c.request.nheaders = 0;
    c.request.query = str("");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, &c.request, 0);
    is_str(jm_buf_view(&b),
           "POST\n/\n\n\n\n"
           "bd3d463a0f82af44b7c9709777ef246cc1ebc9fb04e116d28d1fda308d076fcb",
           "with no query and no headers");

    jm_signer_free(&c.signer);
}


static void
test_query(void)
{
    size_t     i;
    char       text[512];
    jm_buf_t   b;
    jm_pair_t  params[7];

    static const char  *const pairs[][2] = {
        { "ab", "1" }, { "a", "2" }, { "b", "3" }, { "a", "1" },
        { "", "x" }, { "\xff", "y" }, { "B", "&=%" }
    };

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_query(&b, NULL, 0);
    is_str(jm_buf_view(&b), "", "no parameters");

    for (i = 0; i < jm_nitems(pairs); i++) {
        params[i].name = str(pairs[i][0]);
        params[i].value = str(pairs[i][1]);
    }

    params[4].name = str(NULL);

    jm_sign_query(&b, params, jm_nitems(pairs));
    is_str(jm_buf_view(&b), "=x&B=%26%3D%25&a=2&a=1&ab=1&b=3&%FF=y",
           "by the bytes of their names, equal names in their order");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_query(&b, params, 1);
    is_str(jm_buf_view(&b), "=x", "one parameter");

    jm_buf_fixed(&b, text, sizeof(text));
    params[0].name = str("k y");
    params[0].value = str("a b+c/d*e~f'(g)!h=\xe4\xb8\xad");
    jm_sign_query(&b, params, 1);
    is_str(jm_buf_view(&b),
           "k%20y=a%20b%2Bc%2Fd%2Ae~f%27%28g%29%21h%3D%E4%B8%AD",
           "names and values are escaped");
}


int
main(void)
{
    test_hash();
    test_vectors();
    test_day_key();
    test_head();
    test_short();
    test_failures();
    test_limit();
    test_canonical();
    test_query();

    return done_testing();
}
