
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The series that the configuration names are there at 0 from the start, and
 * from a reload on: see jm_metrics_series.h.
 *
 * There are more combinations of names than there may be series.  So they come
 * in columns, one result each, the likely ones first.  A column is there for
 * all clients and models that may have it, or for none of them: half of it
 * would not add up to anything.  Three quarters of all series are spent on
 * columns, and only half on those of models that nobody has configured: the
 * rest is left to clients that a reload brings, and to what is counted without
 * a column.  So 40 clients and one model have all columns but the last ones,
 * 500 have the first three, and of 50,000 none is there before it is counted.
 * What has no client's name is there in any case.
 */


#include "ngx_http_jimeng_zone.h"

#include "jm_metrics_series.h"


/* series that are looked for, or made, with the zone locked once */

#define NGX_HTTP_JIMENG_SERIES_PIECE  32


/* what is counted with the series of a column */

typedef enum {
    NGX_HTTP_JIMENG_NAMED,      /* requests for models of the configuration */
    NGX_HTTP_JIMENG_UNNAMED,    /* for built-in models that it does not have */
    NGX_HTTP_JIMENG_NO_MODEL,   /* requests whose model is not known */
    NGX_HTTP_JIMENG_IMAGES,     /* pictures of clients */
    NGX_HTTP_JIMENG_TASKS       /* tasks of accounts */
} ngx_http_jimeng_counted_e;


typedef struct {
    ngx_http_jimeng_counted_e     of;
    jm_cause_e                    result;
} ngx_http_jimeng_column_t;


/* a model that clients may ask for, by some location's name for it */

typedef struct {
    ngx_http_jimeng_keys_t       *keys;     /* NULL: they have no names */
    const jm_models_t            *models;
    const jm_model_t             *model;
    unsigned                      named:1;
    unsigned                      dry_run:1;    /* for all, by some location */
    unsigned                      gpt:1;    /* some name of it is OpenAI's */
    unsigned                      plain:1;  /* and some is not */
} ngx_http_jimeng_asked_t;


typedef struct {
    ngx_http_jimeng_zone_t       *zone;
    ngx_array_t                   asked;    /* ngx_http_jimeng_asked_t */
    jm_series_id_t               *ids;      /* of one column */
    size_t                        n;
    size_t                        max;
    ngx_uint_t                    nobody;   /* what has no client's name */
} ngx_http_jimeng_series_t;


static ngx_int_t ngx_http_jimeng_series_asked(ngx_http_jimeng_series_t *s);
static ngx_int_t ngx_http_jimeng_series_location(ngx_http_jimeng_series_t *s,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_jimeng_keys_t *keys);
static ngx_int_t ngx_http_jimeng_series_keys(ngx_http_jimeng_series_t *s,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_jimeng_keys_t *keys);
static ngx_int_t ngx_http_jimeng_series_model(ngx_http_jimeng_series_t *s,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_jimeng_keys_t *keys,
    const jm_model_t *model, ngx_uint_t named);
static void ngx_http_jimeng_series_columns(ngx_http_jimeng_series_t *s);
static jm_series_e ngx_http_jimeng_series_kind(
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_column(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_models(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_clients(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_accounts(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_add(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, jm_str_t name, jm_str_t model);
static void ngx_http_jimeng_series_make(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);


/* a result that has another cause as well is that of the first of them */

static const ngx_http_jimeng_column_t  ngx_http_jimeng_columns[] = {

    { NGX_HTTP_JIMENG_IMAGES, JM_CAUSE_NONE },

    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_NONE },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_CONTENT_POLICY },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_MODERATION },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_BUSY },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_UPSTREAM },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_GENERATION_TIMEOUT },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_UPSTREAM_RATE_LIMITED },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_UPSTREAM_AUTH },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_CLIENT_LEFT },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_UNAVAILABLE },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_INVALID_REQUEST },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_TASK_NOT_FOUND },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_RATE_LIMITED },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_QUOTA },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_REQUEST_TIMEOUT },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_INVALID_KEY },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_INTERNAL },
    { NGX_HTTP_JIMENG_TASKS, JM_CAUSE_CANCELED },

    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_NONE },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_CONTENT_POLICY },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_UPSTREAM },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_MODERATION },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_BUSY },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_GENERATION_TIMEOUT },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_CLIENT_LEFT },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_INVALID_KEY },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_RATE_LIMITED },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_QUOTA },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_RATE_LIMITED },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_INVALID_REQUEST },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_NONE },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_INVALID_REQUEST },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_MODEL_NOT_FOUND },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_UNAVAILABLE },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_UPSTREAM_RATE_LIMITED },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_UPSTREAM_AUTH },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_UNAVAILABLE },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_INTERNAL },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_INTERNAL },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_NOT_FOUND },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_TASK_NOT_FOUND },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_CLIENT_LEFT },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_METHOD },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_REQUEST_TIMEOUT },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_REQUEST_TOO_LARGE },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_MEDIA_TYPE },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_PERMISSION },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_ADDRESS },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_PROMPT_TOO_LONG },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_PERMISSION },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_TASK_NOT_FOUND },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_KEY_REUSED },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_REQUEST_TOO_LARGE },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_REQUEST_TIMEOUT },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_INVALID_KEY },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_CANCELED },
    { NGX_HTTP_JIMENG_NAMED, JM_CAUSE_TASK_RUNNING },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_PROMPT_TOO_LONG },
    { NGX_HTTP_JIMENG_NO_MODEL, JM_CAUSE_TOO_EARLY },

    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_NONE },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_CONTENT_POLICY },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_UPSTREAM },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_BUSY },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_GENERATION_TIMEOUT },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_CLIENT_LEFT },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_QUOTA },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_RATE_LIMITED },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_INVALID_REQUEST },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_UPSTREAM_RATE_LIMITED },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_UPSTREAM_AUTH },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_UNAVAILABLE },
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_PERMISSION }
};


/* the configuration is good, and is used from now on */

ngx_int_t
ngx_http_jimeng_series_init_module(ngx_cycle_t *cycle)
{
    ngx_int_t                     rc;
    ngx_pool_t                   *pool;
    ngx_http_jimeng_series_t      s;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);

    if (jmcf == NULL || jmcf->zone == NULL) {
        return NGX_OK;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    s.zone = jmcf->zone;
    s.ids = ngx_palloc(pool, JM_METRICS_REQUESTS * sizeof(jm_series_id_t));

    if (s.ids == NULL
        || ngx_array_init(&s.asked, pool, 16, sizeof(ngx_http_jimeng_asked_t))
           != NGX_OK
        || ngx_http_jimeng_series_asked(&s) != NGX_OK)
    {
        goto done;
    }

    rc = NGX_OK;

    s.nobody = 1;
    ngx_http_jimeng_series_columns(&s);

    /* no column has room for so many, each of which would be looked at */

    if (jmcf->clients.nelts <= JM_METRICS_REQUESTS) {
        s.nobody = 0;
        ngx_http_jimeng_series_columns(&s);
    }

done:

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_int_t
ngx_http_jimeng_series_asked(ngx_http_jimeng_series_t *s)
{
    ngx_uint_t                    i, k;
    ngx_http_jimeng_loc_conf_t  **pass, *one, *other;

    pass = s->zone->jmcf->passes.elts;

    for (i = 0; i < s->zone->jmcf->passes.nelts; i++) {
        one = pass[i];

        for (k = 0; k < i; k++) {
            other = pass[k];

            if (one->keys == other->keys && one->dry_run == other->dry_run
                && one->models == other->models
                && one->default_model.data == other->default_model.data)
            {
                break;
            }
        }

        if (k < i) {
            continue;
        }

        if (ngx_http_jimeng_series_location(s, one, one->keys) != NGX_OK) {
            return NGX_ERROR;
        }

        if (one->keys && one->dry_run
            && ngx_http_jimeng_series_location(s, one, NULL) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_series_location(ngx_http_jimeng_series_t *s,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_jimeng_keys_t *keys)
{
    size_t             i;
    jm_str_t           name;
    const jm_model_t  *model;

    ngx_http_jimeng_str(&name, &jlcf->default_model);

    model = jm_model_find(&jlcf->table, name);

    if (ngx_http_jimeng_series_model(s, jlcf, keys, model, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < jlcf->table.n; i++) {
        model = &jlcf->table.rows[i];

        if (ngx_http_jimeng_series_model(s, jlcf, keys, model, 1) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (keys && ngx_http_jimeng_series_keys(s, jlcf, keys) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; (model = jm_model_list(NULL, i)) != NULL; i++) {

        if (ngx_http_jimeng_series_model(s, jlcf, keys, model, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a model that a client's line names is one of the configuration */

static ngx_int_t
ngx_http_jimeng_series_keys(ngx_http_jimeng_series_t *s,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_jimeng_keys_t *keys)
{
    size_t              i, j;
    const jm_model_t   *model;
    const jm_client_t  *client;

    for (i = 0; i < keys->keys.nnames; i++) {
        client = keys->keys.names[i];

        for (j = 0; j <= client->nmodels; j++) {
            model = jm_model_find(&jlcf->table,
                                  (j < client->nmodels)
                                  ? client->models[j]
                                  : client->default_model);
            if (model
                && ngx_http_jimeng_series_model(s, jlcf, keys, model, 1)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* requests are counted by the req_key, which several names may have */

static ngx_int_t
ngx_http_jimeng_series_model(ngx_http_jimeng_series_t *s,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_jimeng_keys_t *keys,
    const jm_model_t *model, ngx_uint_t named)
{
    ngx_uint_t                i;
    ngx_http_jimeng_asked_t  *asked;

    asked = s->asked.elts;

    for (i = 0; i < s->asked.nelts; i++) {
        if (asked[i].keys == keys
            && asked[i].model->req_key.len == model->req_key.len
            && ngx_memcmp(asked[i].model->req_key.data, model->req_key.data,
                          model->req_key.len)
               == 0)
        {
            asked += i;
            goto found;
        }
    }

    asked = ngx_array_push(&s->asked);
    if (asked == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(asked, sizeof(ngx_http_jimeng_asked_t));

    asked->keys = keys;
    asked->models = &jlcf->table;
    asked->model = model;

found:

    if (named) {
        asked->named = 1;
    }

    if (jlcf->dry_run) {
        asked->dry_run = 1;
    }

    if (model->takes & JM_MODEL_GPT) {
        asked->gpt = 1;

    } else {
        asked->plain = 1;
    }

    return NGX_OK;
}


static void
ngx_http_jimeng_series_columns(ngx_http_jimeng_series_t *s)
{
    ngx_uint_t                       i;
    const ngx_http_jimeng_column_t  *column;

    for (i = 0;
         i < sizeof(ngx_http_jimeng_columns) / sizeof(ngx_http_jimeng_column_t);
         i++)
    {
        column = &ngx_http_jimeng_columns[i];

        s->n = 0;
        s->max = jm_metrics_limit(ngx_http_jimeng_series_kind(column));

        ngx_http_jimeng_series_column(s, column);

        /* one more than there may be: it was not looked at to its end */

        if (s->n <= s->max) {
            ngx_http_jimeng_series_make(s, column);
        }
    }
}


static jm_series_e
ngx_http_jimeng_series_kind(const ngx_http_jimeng_column_t *column)
{
    switch (column->of) {

    case NGX_HTTP_JIMENG_IMAGES:
        return JM_SERIES_IMAGES;

    case NGX_HTTP_JIMENG_TASKS:
        return JM_SERIES_TASK;

    default:
        return JM_SERIES_REQUEST;
    }
}


static void
ngx_http_jimeng_series_column(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column)
{
    switch (column->of) {

    case NGX_HTTP_JIMENG_NAMED:
    case NGX_HTTP_JIMENG_UNNAMED:
        ngx_http_jimeng_series_models(s, column);
        break;

    case NGX_HTTP_JIMENG_NO_MODEL:
    case NGX_HTTP_JIMENG_IMAGES:
        ngx_http_jimeng_series_clients(s, column);
        break;

    default: /* NGX_HTTP_JIMENG_TASKS */
        ngx_http_jimeng_series_accounts(s, column);
    }
}


static void
ngx_http_jimeng_series_models(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column)
{
    size_t                     j;
    jm_str_t                   none = jm_null_string;
    unsigned                   may;
    ngx_uint_t                 i;
    const jm_client_t         *client;
    ngx_http_jimeng_asked_t   *asked;

    asked = s->asked.elts;

    for (i = 0; i < s->asked.nelts; i++) {

        if (asked[i].named != (column->of == NGX_HTTP_JIMENG_NAMED)
            || (asked[i].keys == NULL) != s->nobody
            || (column->result == JM_CAUSE_MODERATION && !asked[i].gpt)
            || (column->result == JM_CAUSE_CONTENT_POLICY && !asked[i].plain))
        {
            continue;
        }

        if (s->nobody) {

            if (column->result != JM_CAUSE_PERMISSION) {
                ngx_http_jimeng_series_add(s, column, none,
                                           asked[i].model->req_key);
            }

            continue;
        }

        for (j = 0; j < asked[i].keys->keys.nnames && s->n <= s->max; j++) {
            client = asked[i].keys->keys.names[j];

            may = jm_client_may(client, asked[i].models, asked[i].model);

            if (column->result == JM_CAUSE_PERMISSION
                ? !may : (may || asked[i].dry_run))
            {
                ngx_http_jimeng_series_add(s, column, client->name,
                                           asked[i].model->req_key);
            }
        }
    }
}


static void
ngx_http_jimeng_series_clients(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column)
{
    jm_str_t             none = jm_null_string;
    ngx_uint_t           i;
    const jm_client_t  **client;

    if (s->nobody) {
        ngx_http_jimeng_series_add(s, column, none, none);
        return;
    }

    /* who has a name was let in, until a model was known */

    if (column->result == JM_CAUSE_INVALID_KEY
        || column->result == JM_CAUSE_ADDRESS)
    {
        return;
    }

    client = s->zone->jmcf->clients.elts;

    for (i = 0; i < s->zone->jmcf->clients.nelts && s->n <= s->max; i++) {
        ngx_http_jimeng_series_add(s, column, client[i]->name, none);
    }
}


static void
ngx_http_jimeng_series_accounts(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column)
{
    jm_str_t                      name, none = jm_null_string;
    ngx_uint_t                    i;
    ngx_http_jimeng_asked_t      *asked;
    ngx_http_jimeng_account_t   **account;

    if (!s->nobody) {
        return;
    }

    if (column->result == JM_CAUSE_MODERATION) {
        asked = s->asked.elts;

        for (i = 0; i < s->asked.nelts && !asked[i].gpt; i++) { /* void */ }

        if (i == s->asked.nelts) {
            return;
        }
    }

    account = s->zone->jmcf->accounts.elts;

    for (i = 0; i < s->zone->jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_str(&name, &account[i]->name);

        ngx_http_jimeng_series_add(s, column, name, none);
    }
}


/* a client of several keys has as many places beside one another */

static void
ngx_http_jimeng_series_add(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, jm_str_t name, jm_str_t model)
{
    jm_series_id_t  *id;

    if (s->n > s->max) {
        return;
    }

    if (s->n != 0) {
        id = &s->ids[s->n - 1];

        if (id->names[0].len == name.len && id->names[1].data == model.data
            && ngx_memcmp(id->names[0].data, name.data, name.len) == 0)
        {
            return;
        }
    }

    if (s->n++ == s->max) {
        return;
    }

    id = &s->ids[s->n - 1];

    id->kind = ngx_http_jimeng_series_kind(column);
    id->result = column->result;
    id->names[0] = name;
    id->names[1] = model;
}


/* workers of the cycle before count meanwhile, so the lock is given up */

static void
ngx_http_jimeng_series_make(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column)
{
    size_t         i, n, missing;
    unsigned       fits;
    jm_metrics_t  *m;

    m = &s->zone->metrics;
    missing = 0;
    fits = 1;

    for (i = 0; i < s->n; i += n) {
        n = ngx_min(s->n - i, NGX_HTTP_JIMENG_SERIES_PIECE);

        ngx_http_jimeng_zone_lock(s->zone);

        missing += jm_metrics_missing(m, s->ids + i, n);

        fits = jm_metrics_fits(m, ngx_http_jimeng_series_kind(column), missing,
                               column->of == NGX_HTTP_JIMENG_UNNAMED ? 2 : 3);

        ngx_http_jimeng_zone_unlock(s->zone);
    }

    if (missing == 0 || !fits) {
        return;
    }

    for (i = 0; i < s->n; i += n) {
        n = ngx_min(s->n - i, NGX_HTTP_JIMENG_SERIES_PIECE);

        ngx_http_jimeng_zone_lock(s->zone);

        jm_metrics_begin(m, s->ids + i, n);

        ngx_http_jimeng_zone_unlock(s->zone);
    }
}
