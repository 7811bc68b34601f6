
/*
 * A signer whose memory libcrypto is not given, at each allocation: what it
 * keeps of a day and of a request's head is whole, or is not there.
 */


#include "tap.h"
#include "crypto_memory.h"
#include "jm_sign.h"


#define HASH    "e3b0c44298fc1c149afbf4c8996fb924"                            \
                "27ae41e4649b934ca495991b7852b855"


static const jm_credential_t  credential = {
    jm_string("AKLTexampleexampleexample"),
    jm_string("c2VjcmV0LWV4YW1wbGUtbm90LXJlYWw=="),
    jm_string("cn-north-1"),
    jm_string("cv")
};

static const jm_pair_t  headers[] = {
    { jm_string("host"), jm_string("visual.volcengineapi.com") },
    { jm_string("x-content-sha256"), jm_string(HASH) },
    { jm_string("x-date"), jm_string("20260101T000000Z") }
};

static const jm_sign_request_t  submit = {
    jm_string("POST"), jm_string("/"),
    jm_string("Action=CVSync2AsyncSubmitTask&Version=2022-08-31"),
    jm_string("20260101T000000Z"), jm_string(HASH), headers,
    jm_nitems(headers)
};

static const jm_sign_request_t  query = {
    jm_string("POST"), jm_string("/"),
    jm_string("Action=CVSync2AsyncGetResult&Version=2022-08-31"),
    jm_string("20260101T000000Z"), jm_string(HASH), headers,
    jm_nitems(headers)
};


static jm_rc_e
sign(jm_signer_t *signer, const jm_sign_request_t *sr, char *out, size_t size)
{
    jm_rc_e   rc;
    jm_buf_t  b;

    jm_buf_fixed(&b, out, size - 1);
    rc = jm_sign(&b, sr, &credential, signer);
    out[b.len] = '\0';

    return rc;
}


/* sr is signed behind another, or nothing, with each allocation failing once */

static void
test_memory(const jm_sign_request_t *before, const jm_sign_request_t *sr,
    const char *name)
{
    char         first[512], out[512];
    size_t       n, bad, used, failed;
    jm_rc_e      rc;
    jm_signer_t  signer;

    memset(&signer, 0, sizeof(jm_signer_t));

    if (sign(&signer, sr, first, sizeof(first)) != JM_OK) {
        abort();
    }

    jm_signer_free(&signer);

    bad = 0;
    failed = 0;

    for (n = 1; /* void */; n++) {

        if (before != NULL
            && sign(&signer, before, out, sizeof(out)) != JM_OK)
        {
            abort();
        }

        calls = 0;
        failing = n;
        rc = sign(&signer, sr, out, sizeof(out));
        failing = 0;
        used = calls;

        failed += (rc != JM_OK);
        bad += (rc == JM_OK ? strcmp(out, first) != 0 : out[0] != '\0');

        bad += (sign(&signer, sr, out, sizeof(out)) != JM_OK
                || strcmp(out, first) != 0);

        jm_signer_free(&signer);

        if (used < n) {
            break;
        }
    }

    ok(failed != 0, "%s: %zu allocations, %zu that a signature needs", name,
       n - 1, failed);
    is_int((int64_t) bad, 0, "none makes a wrong signature, then or later");
}


int
main(void)
{
    if (!crypto_memory_init()) {
        return 1;
    }

    test_memory(NULL, &submit, "the first");
    test_memory(&submit, &submit, "one that begins like the last");
    test_memory(&submit, &query, "one that begins differently");

    return done_testing();
}
