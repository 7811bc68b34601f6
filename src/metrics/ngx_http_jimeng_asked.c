
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What clients may ask for, and may be told of.
 */


#include "ngx_http_jimeng_metrics.h"


/* a location, and who asks there */

typedef struct {
    ngx_array_t                  *asked;
    ngx_http_jimeng_loc_conf_t   *jlcf;
    ngx_http_jimeng_keys_t       *keys;
    uint64_t                      accounts;
} ngx_http_jimeng_asking_t;


static uint64_t ngx_http_jimeng_asked_accounts(
    ngx_http_jimeng_main_conf_t *jmcf, ngx_http_jimeng_loc_conf_t *jlcf);
static ngx_int_t ngx_http_jimeng_asked_of(ngx_http_jimeng_asking_t *a);
static ngx_int_t ngx_http_jimeng_asked_keys(ngx_http_jimeng_asking_t *a);
static ngx_int_t ngx_http_jimeng_asked_model(ngx_http_jimeng_asking_t *a,
    const jm_model_t *model, ngx_uint_t named);


ngx_int_t
ngx_http_jimeng_asked_all(ngx_http_jimeng_main_conf_t *jmcf, ngx_array_t *asked)
{
    ngx_uint_t                    i, k;
    ngx_http_jimeng_asking_t      a;
    ngx_http_jimeng_loc_conf_t  **pass, *one, *other;

    a.asked = asked;
    pass = jmcf->passes.elts;

    for (i = 0; i < jmcf->passes.nelts; i++) {
        one = pass[i];

        for (k = 0; k < i; k++) {
            other = pass[k];

            if (one->keys == other->keys && one->dry_run == other->dry_run
                && one->models == other->models
                && one->accounts == other->accounts
                && one->default_model.data == other->default_model.data)
            {
                break;
            }
        }

        if (k < i) {
            continue;
        }

        a.jlcf = one;
        a.keys = one->keys;
        a.accounts = ngx_http_jimeng_asked_accounts(jmcf, one);

        if (ngx_http_jimeng_asked_of(&a) != NGX_OK) {
            return NGX_ERROR;
        }

        if (one->keys && one->dry_run) {
            a.keys = NULL;

            if (ngx_http_jimeng_asked_of(&a) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_asked_of(ngx_http_jimeng_asking_t *a)
{
    size_t                       i;
    jm_str_t                     name;
    jm_models_t                  built_in;
    const jm_model_t            *model;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = a->jlcf;

    ngx_memzero(&built_in, sizeof(jm_models_t));
    built_in.providers = jlcf->table.providers;

    ngx_http_jimeng_str(&name, &jlcf->default_model);

    model = jm_model_find(&jlcf->table, name);

    if (ngx_http_jimeng_asked_model(a, model, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < jlcf->table.n; i++) {
        model = &jlcf->table.rows[i];

        if (!(jlcf->table.providers & jm_provider_bit(model->provider))) {
            continue;
        }

        if (ngx_http_jimeng_asked_model(a, model, 1) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (a->keys && ngx_http_jimeng_asked_keys(a) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; (model = jm_model_list(&built_in, i)) != NULL; i++) {

        if (ngx_http_jimeng_asked_model(a, model, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a model that a client's line names is one of the configuration */

static ngx_int_t
ngx_http_jimeng_asked_keys(ngx_http_jimeng_asking_t *a)
{
    size_t              i, j;
    const jm_model_t   *model;
    const jm_client_t  *client;

    for (i = 0; i < a->keys->keys.nnames; i++) {
        client = a->keys->keys.names[i];

        for (j = 0; j <= client->nmodels; j++) {
            model = jm_model_find(&a->jlcf->table,
                                  (j < client->nmodels)
                                  ? client->models[j]
                                  : client->default_model);
            if (model && ngx_http_jimeng_asked_model(a, model, 1) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* requests are counted by the req_key, which several names may have */

static ngx_int_t
ngx_http_jimeng_asked_model(ngx_http_jimeng_asking_t *a,
    const jm_model_t *model, ngx_uint_t named)
{
    ngx_uint_t                i;
    ngx_http_jimeng_asked_t  *asked;

    asked = a->asked->elts;

    for (i = 0; i < a->asked->nelts; i++) {
        if (asked[i].keys == a->keys
            && asked[i].model->req_key.len == model->req_key.len
            && ngx_memcmp(asked[i].model->req_key.data, model->req_key.data,
                          model->req_key.len)
               == 0)
        {
            asked += i;
            goto found;
        }
    }

    asked = ngx_array_push(a->asked);
    if (asked == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(asked, sizeof(ngx_http_jimeng_asked_t));

    asked->keys = a->keys;
    asked->models = &a->jlcf->table;
    asked->model = model;

found:

    asked->accounts |= a->accounts;

    if (named) {
        asked->named = 1;
    }

    if (a->jlcf->dry_run) {
        asked->dry_run = 1;
    }

    if (model->takes & JM_MODEL_GPT) {
        asked->gpt = 1;

    } else {
        asked->plain = 1;
    }

    return NGX_OK;
}


static uint64_t
ngx_http_jimeng_asked_accounts(ngx_http_jimeng_main_conf_t *jmcf,
    ngx_http_jimeng_loc_conf_t *jlcf)
{
    uint64_t                      accounts;
    ngx_uint_t                    i, k, n;
    ngx_http_jimeng_account_t   **all, **some;

    accounts = 0;

    all = jmcf->accounts.elts;
    n = ngx_min(jmcf->accounts.nelts, JM_QUEUE_ACCOUNTS);
    some = jlcf->accounts->elts;

    for (i = 0; i < n; i++) {
        for (k = 0; k < jlcf->accounts->nelts; k++) {
            if (some[k] == all[i]) {
                accounts |= (uint64_t) 1 << i;
            }
        }
    }

    return accounts;
}
