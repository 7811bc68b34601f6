
/*
 * The file of client keys: what is taken from a line, what is refused and
 * where, and whom a digest or a name finds.
 */


#include <arpa/inet.h>

#include "tap.h"

#include "jm_keys.h"


/* of "a", "b" and "c" */

#define A  "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define B  "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
#define C  "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6"

#define EMPTY                                                                 \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


static tap_mem_t  memory;


static void
digest_of(const char *key, uint8_t *digest)
{
    jm_digest_t  d;

    if (jm_digest_init(&d, NULL) != JM_OK
        || jm_digest_add(&d, str(key)) != JM_OK
        || jm_digest_end(&d, digest) != JM_OK)
    {
        abort();
    }

    jm_digest_free(&d);
}


static const jm_client_t *
find(const jm_keys_t *keys, const char *key)
{
    uint8_t  digest[JM_DIGEST_LEN];

    digest_of(key, digest);

    return jm_keys_find(keys, digest);
}


static jm_rc_e
parse(jm_keys_t *keys, const char *text, size_t *line, const char **why)
{
    memset(keys, 0, sizeof(jm_keys_t));

    *line = 0;
    *why = NULL;

    return jm_keys_parse(keys, str(text), &memory.mem, line, why);
}


static void
is_bad(const char *text, size_t line, const char *why)
{
    size_t       at;
    jm_keys_t    keys;
    const char  *said;

    is_int(parse(&keys, text, &at, &said), JM_INVALID, "refused: %s", why);
    is_int((int64_t) at, (int64_t) line, "the line");
    ok(said != NULL && strstr(said, why) != NULL, "the sentence: %s", said);
}


static void
test_file(void)
{
    size_t              line;
    jm_keys_t           keys;
    const char         *why;
    const jm_client_t  *client;

    is_int(parse(&keys,
                 "# who may\r\n"
                 "\n"
                 "\t " A "  alice\trate=60r/m concurrency=4 images=100/d "
                 "models=jimeng-4.0,jimeng_t2i_v31 expires=2027-01-01 # her\n"
                 B " bob@example.org#1\r\n"
                 "   # nobody\n", &line, &why),
           JM_INVALID, "a name with a comment's sign in it");
    is_int((int64_t) line, 4, "the line");

    is_int(parse(&keys,
                 "# who may\r\n"
                 "\n"
                 "\t " A "  alice\trate=60r/m concurrency=4 images=100/d "
                 "models=jimeng-4.0,jimeng_t2i_v31 expires=2027-01-01 # her\n"
                 B " bob@example.org\r\n"
                 "   # nobody\n"
                 C " Az09._@-", &line, &why),
           JM_OK, "three clients");
    is_int((int64_t) keys.n, 3, "so many are there");

    client = find(&keys, "a");

    ok(client != NULL, "one is found by its key");

    if (client == NULL) {
        return;
    }

    is_str(client->name, "alice", "its name");
    is_int((int64_t) client->rate, 60, "requests");
    is_int((int64_t) client->rate_period, 60000, "in a minute");
    is_int(client->concurrency, 4, "at a time");
    is_int((int64_t) client->images, 100, "pictures");
    is_int((int64_t) client->images_period, 86400, "in a day");
    is_int(client->expires, 1798761600, "until then");
    is_int((int64_t) client->nmodels, 2, "two models");
    is_str(client->models[0], "jimeng-4.0", "the first");
    is_str(client->models[1], "jimeng_t2i_v31", "the second");
    is_int((int64_t) client->line, 3, "its line");

    ok(jm_keys_named(&keys, str("alice")) == client, "it is found by its name");
    ok(!jm_client_expired(client, 1798761599), "it is good until that day");
    is_int(jm_client_expired(client, 1798761600), 1, "and not on it");

    client = find(&keys, "b");

    is_str(client->name, "bob@example.org", "one without options");
    ok(client->rate == 0 && client->concurrency == 0 && client->images == 0
       && client->models == NULL && client->expires == 0, "has no limits");
    ok(!jm_client_expired(client, INT64_MAX), "and is good for ever");

    is_str(find(&keys, "c")->name, "Az09._@-", "the last");
    ok(find(&keys, "d") == NULL, "no other key");
    ok(find(&keys, "") == NULL, "no empty key");
    ok(jm_keys_named(&keys, str("ALICE")) == NULL, "no other name");
    ok(jm_keys_named(&keys, str("alic")) == NULL, "no shorter name");
    ok(jm_keys_named(&keys, str("alice2")) == NULL, "no longer name");

    is_int(parse(&keys, "", &line, &why), JM_OK, "an empty file");
    is_int((int64_t) keys.n, 0, "nobody");
    ok(find(&keys, "a") == NULL, "nobody is found");
    ok(jm_keys_named(&keys, str("alice")) == NULL, "by no name");
}


static void
test_periods(void)
{
    size_t       i, line;
    int64_t      got;
    jm_keys_t    keys;
    const char  *why;

    static const struct {
        const char  *text;
        int64_t      value;
        int          what;
    } good[] = {
        { A " a rate=1r/s", 1000, 0 },
        { A " a rate=1000000000r/m", 60000, 0 },
        { A " a rate=5r/h", 3600000, 0 },
        { A " a images=1/h", 3600, 1 },
        { A " a images=1/d", 86400, 1 },
        { A " a images=1/M", 31 * 86400, 1 },
        { A " a budget=50/M", 50000000, 3 },
        { A " a budget=0.000001/d", 1, 3 },
        { A " a budget=7.5/d", 7500000, 3 },
        { A " a budget=1000000/M", 1000000000000, 3 },
        { A " a budget=1/d", 86400, 4 },
        { A " a budget=1/M", 31 * 86400, 4 },
        { A " a expires=1970-01-01", 1, 2 },
        { A " a expires=1970-01-02", 86400, 2 },
        { A " a expires=2000-02-29", 951782400, 2 },
        { A " a expires=2000-03-01", 951868800, 2 },
        { A " a expires=2028-02-29", 1835395200, 2 },
        { A " a expires=2100-03-01", 4107542400, 2 },
        { A " a expires=2026-12-31", 1798675200, 2 },
        { A " a expires=9999-12-31", 253402214400, 2 },
    };

    for (i = 0; i < jm_nitems(good); i++) {
        is_int(parse(&keys, good[i].text, &line, &why), JM_OK, "%s",
               good[i].text + 65);

        got = good[i].what == 0 ? (int64_t) keys.clients->rate_period
              : good[i].what == 1 ? (int64_t) keys.clients->images_period
              : good[i].what == 2 ? keys.clients->expires
              : good[i].what == 3 ? (int64_t) keys.clients->budget
              : (int64_t) keys.clients->budget_period;

        is_int(got, good[i].value, "its value");
    }
}


static void
test_bad(void)
{
    size_t  i;
    char    text[256];

    static const char *const  rates[] = {
        "", "60", "r/m", "0r/m", "-1r/m", "+1r/m", "1.5r/m", "60r/d", "60r/",
        "60r/mm", "60/m", "60R/m", "1000000001r/m", "99999999999999999999r/m"
    };

    static const char *const  images[] = {
        "", "100", "0/d", "100/m", "100/", "x/d", "100/dd", "1000000001/d"
    };

    static const char *const  budgets[] = {
        "", "50", "0/d", "0.0/M", "50/", "/M", "x/d", "50/h", "50/MM", "50/m",
        "-1/d", "1.0000001/d", "1000000.1/M", "50/M/d", "50 /M"
    };

    static const char *const  days[] = {
        "", "2027", "2027-1-1", "2027-13-01", "2027-00-01", "2027-02-29",
        "2100-02-29", "2027-04-31", "2027-01-00", "2027-01-32", "27-01-01",
        "2027-01-01T", "2027/01/01", "1969-12-31", "never", "20x7-01-01"
    };

    is_bad("sk-in-clear alice", 1, "64 hex digits");
    is_bad(A "0 alice", 1, "64 hex digits");
    is_bad("g" B " alice", 1, "64 hex digits");
    is_bad(EMPTY " alice", 1, "empty key");
    is_bad("\n" A "\n", 2, "has no name");
    is_bad(A " # alice", 1, "has no name");
    is_bad(A " al/ice", 1, "other characters");
    is_bad(A " alice,", 1, "other characters");
    is_bad(A " alice speed=9", 1, "an option that is none of");
    is_bad(A " alice rate", 1, "an option that is none of");
    is_bad(A " alice RATE=1r/s", 1, "an option that is none of");
    is_bad(A " alice rate=1r/s rate=1r/s", 1, "an option twice");
    is_bad(A " alice budget=1/d budget=1/M", 1, "an option twice");
    is_bad(A " alice\n\n" A " bob", 3, "a key that is another");
    is_bad(A " alice rate=1r/s\n" B " bob\n" C " alice\n", 3,
           "other limits than another line of its name");
    is_bad(A " alice concurrency=0", 1, "greater than 0");
    is_bad(A " alice concurrency=1x", 1, "greater than 0");
    is_bad(A " alice models=", 1, "an empty name");
    is_bad(A " alice models=a,,b", 1, "an empty name");
    is_bad(A " alice models=a,", 1, "an empty name");
    is_bad(A " alice models=a,\xe6\xa8", 1, "not UTF-8");
    is_bad(A " alice default_model=", 1, "without a name");
    is_bad(A " alice default_model=a default_model=a", 1, "an option twice");
    is_bad("- alice from=10.0.0.0/8 from=::1", 1, "an option twice");
    is_bad("-", 1, "has no name");
    is_bad("- # alice", 1, "has no name");
    is_bad("- al*ice", 1, "other characters");
    is_bad("- *", 1, "other characters");
    is_bad(A " *", 1, "other characters");
    is_bad("-- alice", 1, "64 hex digits");
    is_bad("** rate=1r/s", 1, "64 hex digits");
    is_bad("* alice", 1, "an option that is none of");
    is_bad("*\n\n*", 3, "has a \"*\", as another line");
    is_bad("- alice\n" A " bob\n- alice", 3, "has no key, as another line");
    is_bad("- alice rate=1r/s\n" A " alice", 2, "other limits");

    for (i = 0; i < jm_nitems(rates); i++) {
        snprintf(text, sizeof(text), A " a rate=%s", rates[i]);
        is_bad(text, 1, "\"rate=\"");
    }

    for (i = 0; i < jm_nitems(images); i++) {
        snprintf(text, sizeof(text), A " a images=%s", images[i]);
        is_bad(text, 1, "\"images=\"");
    }

    for (i = 0; i < jm_nitems(budgets); i++) {
        snprintf(text, sizeof(text), A " a budget=%s", budgets[i]);
        is_bad(text, 1, "\"budget=\"");
    }

    for (i = 0; i < jm_nitems(days); i++) {
        snprintf(text, sizeof(text), A " a expires=%s", days[i]);
        is_bad(text, 1, "\"expires=\"");
    }

    memset(text, 'n', sizeof(text));
    memcpy(text, A " ", sizeof(A));
    text[sizeof(A) + JM_KEYS_NAME] = '\0';

    {
        size_t       line;
        jm_keys_t    keys;
        const char  *why;

        is_int(parse(&keys, text, &line, &why), JM_OK, "the longest name");
    }

    text[sizeof(A) + JM_KEYS_NAME] = 'n';
    text[sizeof(A) + JM_KEYS_NAME + 1] = '\0';
    is_bad(text, 1, "more than 64");
}


static void
is_at(const jm_client_t *client, const char *address, unsigned may)
{
    jm_str_t  s;
    uint8_t   bytes[16];

    s.data = bytes;
    s.len = 0;

    if (inet_pton(AF_INET, address, bytes) == 1) {
        s.len = 4;

    } else if (inet_pton(AF_INET6, address, bytes) == 1) {
        s.len = 16;
    }

    is_int(jm_client_from(client, s), may, "from %s", address);
}


static void
test_from(void)
{
    size_t       i, line;
    char         text[128];
    jm_keys_t    keys;
    const char  *why;

    static const char *const  bad[] = {
        "", ",", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,::1", "10.0.0/8",
        "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
        "10.0.0.0/0x8", "10.0.0.0/0008", "10.0.0.256", "2001:db8::/129", ":::",
        "2001:db8::g/32", "example.org", "unix:", "[::1]", "::1%lo",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"
    };

    (void) parse(&keys, A " a from=10.0.0.0/8,192.168.7.5,2001:db8::/33,"
                 "172.16.99.99/12", &line, &why);

    is_int((int64_t) keys.clients->nfrom, 4, "four of them");

    is_at(keys.clients, "10.0.0.0", 1);
    is_at(keys.clients, "10.255.255.255", 1);
    is_at(keys.clients, "11.0.0.0", 0);
    is_at(keys.clients, "9.255.255.255", 0);
    is_at(keys.clients, "192.168.7.5", 1);
    is_at(keys.clients, "192.168.7.4", 0);
    is_at(keys.clients, "172.16.0.0", 1);
    is_at(keys.clients, "172.31.255.255", 1);
    is_at(keys.clients, "172.32.0.0", 0);
    is_at(keys.clients, "2001:db8::1", 1);
    is_at(keys.clients, "2001:db8:7fff:ffff::", 1);
    is_at(keys.clients, "2001:db8:8000::", 0);
    is_at(keys.clients, "a00::", 0);
    is_at(keys.clients, "::ffff:10.1.2.3", 1);
    is_at(keys.clients, "::ffff:11.1.2.3", 0);
    is_at(keys.clients, "unix:", 0);

    (void) parse(&keys, A " a from=0.0.0.0/0", &line, &why);

    is_at(keys.clients, "203.0.113.7", 1);
    is_at(keys.clients, "::1", 0);
    is_at(keys.clients, "unix:", 0);

    (void) parse(&keys, A " a", &line, &why);

    is_at(keys.clients, "::1", 1);
    is_at(keys.clients, "unix:", 1);

    for (i = 0; i < jm_nitems(bad); i++) {
        snprintf(text, sizeof(text), "- a from=%s", bad[i]);
        is_bad(text, 1, "\"from=\"");
    }
}


static void
test_names(void)
{
    size_t              line;
    jm_keys_t           keys;
    const char         *why;
    const jm_client_t  *client;

    is_int(parse(&keys, "* rate=1r/m\n"
                 C " alice images=5/d\n"
                 "- bob images=100/d default_model=jimeng-4.6\n"
                 "-\tAlice\n"
                 A " alice images=5/d\n"
                 "- alice images=5/d expires=2027-01-01", &line, &why),
           JM_OK, "lines without a key");

    is_int((int64_t) keys.n, 2, "two have keys");
    is_int((int64_t) keys.nnames, 5, "five have names");
    is_int((int64_t) find(&keys, "a")->line, 5, "a key");
    is_int((int64_t) find(&keys, "c")->line, 2, "another");
    ok(find(&keys, "") == NULL && find(&keys, "b") == NULL, "no other");

    client = jm_keys_named(&keys, str("bob"));

    is_int((int64_t) client->line, 3, "a name");
    is_int(client->keyless, 1, "without a key");
    is_int(client->unlisted, 0, "which has a line");
    is_int((int64_t) client->images, 100, "its limit");
    is_str(client->default_model, "jimeng-4.6", "its model");

    is_int((int64_t) jm_keys_named(&keys, str("alice"))->line, 6,
           "the line without a key comes first");
    is_int((int64_t) jm_keys_named(&keys, str("Alice"))->line, 4,
           "another name");
    ok(jm_keys_named(&keys, str("*")) == NULL, "\"*\" is no name");
    ok(jm_keys_named(&keys, str("-")) == NULL, "nor is \"-\"");

    is_int(keys.others != NULL && keys.others->rate == 1
           && keys.others->unlisted, 1, "whoever has no line");

    (void) parse(&keys, B " carol\n" A " carol", &line, &why);

    is_int((int64_t) jm_keys_named(&keys, str("carol"))->line, 1,
           "of two keys the first line");
    ok(keys.others == NULL, "nobody else");

    is_int(parse(&keys, "*", &line, &why), JM_OK, "nobody has a line");
    is_int((int64_t) (keys.n + keys.nnames), 0, "nor a name");
    ok(keys.others != NULL, "but others may");
}


static void
test_models(void)
{
    size_t            line;
    jm_keys_t         keys;
    jm_model_t        row;
    const char       *why;
    jm_models_t       models;

    jm_model_init(&row, str("ours"), str("jimeng_t2i_v31"), JM_PROVIDER_VISUAL);

    models.rows = &row;
    models.n = 1;
    models.providers = jm_provider_bit(JM_PROVIDER_VISUAL);

    (void) parse(&keys, A " a models=ours,none", &line, &why);

    is_int(jm_client_may(keys.clients, &models, &row), 1, "by its name");
    is_int(jm_client_may(keys.clients, &models,
                     jm_model_find(NULL, str("jimeng_t2i_v31"))), 1,
       "by another name");
    ok(!jm_client_may(keys.clients, &models,
                      jm_model_find(NULL, str("jimeng_t2i_v40"))),
       "not another model");
    ok(!jm_client_may(keys.clients, NULL, &row), "nor one that is not there");

    (void) parse(&keys, A " a", &line, &why);

    is_int(jm_client_may(keys.clients, &models, &row), 1, "any");
}


static void
test_limits(void)
{
    size_t       i, line;
    jm_keys_t    one, other;
    const char  *why;

    static const char *const  others[] = {
        "rate=2r/s concurrency=2 images=3/d budget=5/M",
        "rate=1r/m concurrency=2 images=3/d budget=5/M",
        "rate=1r/s concurrency=3 images=3/d budget=5/M",
        "rate=1r/s concurrency=2 images=4/d budget=5/M",
        "rate=1r/s concurrency=2 images=3/h budget=5/M",
        "rate=1r/s concurrency=2 images=3/M budget=5/M",
        "rate=1r/s concurrency=2 images=3/d budget=5.01/M",
        "rate=1r/s concurrency=2 images=3/d budget=5/d",
        "rate=1r/s concurrency=2 images=3/d",
        "concurrency=2 images=3/d budget=5/M"
    };

    (void) parse(&one, A " a rate=1r/s concurrency=2 images=3/d budget=5/M",
                 &line, &why);
    (void) parse(&other, B " a expires=2027-01-01 images=3/d rate=1r/s "
                 "budget=5.0/M concurrency=2 models=x", &line, &why);

    is_int(jm_client_same_limits(one.clients, other.clients), 1,
           "the same limits");

    for (i = 0; i < jm_nitems(others); i++) {
        char  text[128];

        snprintf(text, sizeof(text), B " a %s", others[i]);
        (void) parse(&other, text, &line, &why);

        ok(!jm_client_same_limits(one.clients, other.clients), "not: %s",
           others[i]);
    }
}


static void
test_two_keys(void)
{
    size_t       line;
    jm_keys_t    keys;
    const char  *why;

    is_int(parse(&keys, A " alice rate=1r/s expires=2027-01-01\n"
                 B " bob\n" C " alice rate=1r/s\n", &line, &why), JM_OK,
           "a client with two keys");

    is_str(find(&keys, "a")->name, "alice", "the first");
    is_str(find(&keys, "c")->name, "alice", "the second");
    ok(jm_client_expired(find(&keys, "a"), 1798761600)
       && !jm_client_expired(find(&keys, "c"), 1798761600),
       "each has a time of its own");
    is_str(jm_keys_named(&keys, str("alice"))->name, "alice",
           "one of them is found");
}


static void
test_memory(void)
{
    size_t        n, line;
    jm_rc_e       rc;
    jm_keys_t     keys;
    tap_mem_t     mem;
    const char   *why;

    for (n = 1; n < 100; n++) {
        tap_mem_init(&mem, n);

        rc = jm_keys_parse(&keys, str(A " a models=x,y\n- b from=::1\n"),
                           &mem.mem, &line, &why);

        if (tap_mem_unfailed(&mem)) {
            break;
        }

        is_int(rc, JM_ERROR, "allocation %zu fails", n);
        tap_mem_done(&mem);
    }

    is_int(rc, JM_OK, "then there is enough");
    tap_mem_done(&mem);
}


int
main(void)
{
    tap_mem_init(&memory, 0);

    test_file();
    test_periods();
    test_bad();
    test_from();
    test_names();
    test_models();
    test_limits();
    test_two_keys();
    test_memory();

    tap_mem_done(&memory);

    return done_testing();
}
