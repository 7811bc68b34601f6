
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The store has clients by digests, of which the names of the configuration are
 * known.  A name that "jimeng_client" took from a variable is not: what is made
 * for it is counted, but without a name in the log and the metrics of who saw
 * its end.
 */


#include "ngx_http_jimeng_store.h"


typedef struct {
    uint64_t                      digest;
    jm_str_t                      name;
} ngx_http_jimeng_name_t;


/* of one worker */

struct ngx_http_jimeng_names_s {
    ngx_array_t                  *clients;  /* of pointers to jm_client_t */
    ngx_http_jimeng_name_t       *sorted;   /* by digests */
    ngx_uint_t                    made;
    u_char                        salt[JM_STATE_SALT];  /* of the digests */
};


static void ngx_http_jimeng_names_make(ngx_http_jimeng_names_t *names,
    const jm_redis_t *redis);
static int ngx_http_jimeng_names_compare(const void *one, const void *two);


/* clients stay the caller's, for as long as the pool */

ngx_http_jimeng_names_t *
ngx_http_jimeng_names_create(ngx_pool_t *pool, ngx_array_t *clients)
{
    ngx_http_jimeng_names_t  *names;

    names = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_names_t));
    if (names == NULL) {
        return NULL;
    }

    names->clients = clients;

    names->sorted = ngx_palloc(pool, ngx_max(clients->nelts, 1)
                                     * sizeof(ngx_http_jimeng_name_t));
    if (names->sorted == NULL) {
        return NULL;
    }

    return names;
}


/* the name that has the digest, or an empty one */

jm_str_t
ngx_http_jimeng_names_find(ngx_http_jimeng_names_t *names,
    const jm_redis_t *redis, uint64_t digest)
{
    ngx_http_jimeng_name_t  key, *found;

    static const jm_str_t  nobody = jm_null_string;

    if (!names->made
        || ngx_memcmp(names->salt, redis->salt, JM_STATE_SALT) != 0)
    {
        ngx_http_jimeng_names_make(names, redis);
    }

    key.digest = digest;
    key.name = nobody;

    found = bsearch(&key, names->sorted, names->clients->nelts,
                    sizeof(ngx_http_jimeng_name_t),
                    ngx_http_jimeng_names_compare);

    return found ? found->name : nobody;
}


/* when it is needed first: few workers ever see the end of another's task */

static void
ngx_http_jimeng_names_make(ngx_http_jimeng_names_t *names,
    const jm_redis_t *redis)
{
    ngx_uint_t           i;
    const jm_client_t  **client;

    client = names->clients->elts;

    for (i = 0; i < names->clients->nelts; i++) {
        names->sorted[i].digest = jm_redis_digest(redis, client[i]->name);
        names->sorted[i].name = client[i]->name;
    }

    ngx_qsort(names->sorted, names->clients->nelts,
              sizeof(ngx_http_jimeng_name_t), ngx_http_jimeng_names_compare);

    ngx_memcpy(names->salt, redis->salt, JM_STATE_SALT);
    names->made = 1;
}


static int
ngx_http_jimeng_names_compare(const void *one, const void *two)
{
    const ngx_http_jimeng_name_t *a = one;
    const ngx_http_jimeng_name_t *b = two;

    return (a->digest > b->digest) - (a->digest < b->digest);
}
