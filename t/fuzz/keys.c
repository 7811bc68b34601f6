
/*
 * The file of client keys, with memory that runs out at a place the input
 * chooses.  What is taken is in order, each client is found by its digest, if
 * it has one, and by its name, and nothing is beyond its limits.
 */


#include "fuzz.h"

#include "jm_keys.h"
#include "jm_money.h"


static void
look_at(const jm_keys_t *keys, const jm_client_t *c, jm_str_t text)
{
    size_t              i;
    const jm_client_t  *named;

    if (!c->keyless) {
        check(jm_keys_find(keys, c->digest) == c);
    }

    if (!c->unlisted) {
        named = jm_keys_named(keys, c->name);

        check(named != NULL && same(named->name, c->name)
              && jm_client_same_limits(named, c)
              && named->keyless >= c->keyless);
    }

    check(c->name.len >= 1 && c->name.len <= JM_KEYS_NAME);
    check(c->name.data >= text.data
          && c->name.data + c->name.len <= text.data + text.len);

    check(c->rate <= JM_KEYS_LIMIT && c->concurrency <= JM_KEYS_LIMIT
          && c->images <= JM_KEYS_LIMIT);
    check((c->rate != 0) == (c->rate_period != 0));
    check((c->images != 0) == (c->images_period != 0));
    check(c->budget <= JM_MONEY_MAX);
    check(c->budget_period == 0 || c->budget_period == JM_CLIENT_DAY
          || c->budget_period == JM_CLIENT_MONTH);
    check((c->budget != 0) == (c->budget_period != 0));
    check(c->expires >= 0 && c->expires <= 253402214400);
    check((c->models != NULL) == (c->nmodels != 0));

    for (i = 0; i < c->nmodels; i++) {
        check(c->models[i].len != 0);
    }

    check((c->from != NULL) == (c->nfrom != 0));

    for (i = 0; i < c->nfrom; i++) {
        check(c->from[i].bits <= c->from[i].len * 8 && c->from[i].len <= 16);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       i, line, lines;
    jm_rc_e      rc;
    jm_str_t     text;
    jm_keys_t    keys;
    tap_mem_t    mem;
    const char  *why;

    if (size < 1) {
        return 0;
    }

    text.data = data + 1;
    text.len = size - 1;

    for (i = 0, lines = 1; i < text.len; i++) {
        lines += (text.data[i] == '\n');
    }

    tap_mem_init(&mem, data[0]);

    rc = jm_keys_parse(&keys, text, &mem.mem, &line, &why);

    switch (rc) {

    case JM_OK:
        check(keys.n <= keys.nnames && keys.nnames <= lines);

        for (i = 0; i < keys.nnames; i++) {
            look_at(&keys, keys.names[i], text);
        }

        if (keys.others != NULL) {
            look_at(&keys, keys.others, text);
        }

        for (i = 0; i < keys.n; i++) {
            check(i == 0 || memcmp(keys.clients[i - 1].digest,
                                   keys.clients[i].digest, JM_DIGEST_LEN)
                            < 0);
        }

        break;

    case JM_INVALID:
        check(line >= 1 && line <= lines);
        check(why != NULL && why[0] != '\0');
        break;

    default: /* JM_ERROR */
        check(mem.calls >= mem.fail && mem.fail != 0);
    }

    tap_mem_done(&mem);

    return 0;
}
