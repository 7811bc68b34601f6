
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


#include "ngx_http_jimeng_metrics.h"

#include "jm_metrics_series.h"
#include "jm_metrics_tally.h"


/* series that are looked for, or made, with the zone locked once */

#define NGX_HTTP_JIMENG_SERIES_PIECE  32

/* in a column, at most */

#define NGX_HTTP_JIMENG_SERIES_MAX    ngx_max(JM_METRICS_REQUESTS,            \
                                              JM_METRICS_IMAGES)


/* what is counted with the series of a column */

typedef enum {
    NGX_HTTP_JIMENG_NAMED,      /* requests for models of the configuration */
    NGX_HTTP_JIMENG_UNNAMED,    /* for built-in models that it does not have */
    NGX_HTTP_JIMENG_NO_MODEL,   /* requests whose model is not known */
    NGX_HTTP_JIMENG_IMAGES,     /* pictures of models of the configuration */
    NGX_HTTP_JIMENG_OTHER_IMAGES,   /* and of those that it does not have */
    NGX_HTTP_JIMENG_TASKS       /* tasks of accounts */
} ngx_http_jimeng_counted_e;


typedef struct {
    ngx_http_jimeng_counted_e     of;
    jm_cause_e                    result;
} ngx_http_jimeng_column_t;


typedef struct {
    ngx_http_jimeng_zone_t       *zone;
    ngx_array_t                   asked;    /* ngx_http_jimeng_asked_t */
    jm_series_id_t               *ids;      /* of one column */
    size_t                        n;
    size_t                        max;
    ngx_uint_t                    nobody;   /* what has no client's name */
} ngx_http_jimeng_series_t;


static void ngx_http_jimeng_series_columns(ngx_http_jimeng_series_t *s);
static jm_series_e ngx_http_jimeng_series_kind(
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_column(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_models(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_model_accounts(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, ngx_http_jimeng_asked_t *asked);
static void ngx_http_jimeng_series_model_clients(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, ngx_http_jimeng_asked_t *asked,
    jm_str_t account);
static ngx_uint_t ngx_http_jimeng_series_named(
    const ngx_http_jimeng_column_t *column);
static unsigned ngx_http_jimeng_series_quarters(
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_clients(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_accounts(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column);
static void ngx_http_jimeng_series_add(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, jm_str_t name, jm_str_t model,
    jm_str_t account);
static void ngx_http_jimeng_series_groups(ngx_http_jimeng_series_t *s);
static void ngx_http_jimeng_series_group(ngx_http_jimeng_zone_t *zone,
    jm_group_e kind, jm_str_t a, jm_str_t b);
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
    { NGX_HTTP_JIMENG_UNNAMED, JM_CAUSE_PERMISSION },

    { NGX_HTTP_JIMENG_OTHER_IMAGES, JM_CAUSE_NONE }
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
    s.ids = ngx_palloc(pool, NGX_HTTP_JIMENG_SERIES_MAX
                         * sizeof(jm_series_id_t));

    if (s.ids == NULL
        || ngx_array_init(&s.asked, pool, 16, sizeof(ngx_http_jimeng_asked_t))
           != NGX_OK
        || ngx_http_jimeng_asked_all(jmcf, &s.asked) != NGX_OK)
    {
        goto done;
    }

    rc = NGX_OK;

    ngx_http_jimeng_series_groups(&s);

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
    case NGX_HTTP_JIMENG_OTHER_IMAGES:
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
    case NGX_HTTP_JIMENG_IMAGES:
    case NGX_HTTP_JIMENG_OTHER_IMAGES:
        ngx_http_jimeng_series_models(s, column);
        break;

    case NGX_HTTP_JIMENG_NO_MODEL:
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
    jm_str_t                  none = jm_null_string;
    ngx_uint_t                i;
    ngx_http_jimeng_asked_t  *asked;

    asked = s->asked.elts;

    for (i = 0; i < s->asked.nelts; i++) {

        if (asked[i].named != ngx_http_jimeng_series_named(column)
            || (asked[i].keys == NULL) != s->nobody
            || (column->result == JM_CAUSE_MODERATION && !asked[i].gpt)
            || (column->result == JM_CAUSE_CONTENT_POLICY && !asked[i].plain))
        {
            continue;
        }

        if (ngx_http_jimeng_series_kind(column) == JM_SERIES_IMAGES) {
            ngx_http_jimeng_series_model_accounts(s, column, &asked[i]);

        } else {
            ngx_http_jimeng_series_model_clients(s, column, &asked[i], none);
        }
    }
}


static ngx_uint_t
ngx_http_jimeng_series_named(const ngx_http_jimeng_column_t *column)
{
    return column->of == NGX_HTTP_JIMENG_NAMED
           || column->of == NGX_HTTP_JIMENG_IMAGES;
}


/* how many of four series a kind may have with this column */

static unsigned
ngx_http_jimeng_series_quarters(const ngx_http_jimeng_column_t *column)
{
    switch (column->of) {

    case NGX_HTTP_JIMENG_UNNAMED:
        return 2;

    case NGX_HTTP_JIMENG_OTHER_IMAGES:
        return 1;

    default:
        return 3;
    }
}


static void
ngx_http_jimeng_series_model_accounts(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, ngx_http_jimeng_asked_t *asked)
{
    jm_str_t                      name;
    ngx_uint_t                    i;
    ngx_http_jimeng_account_t   **account;

    account = s->zone->jmcf->accounts.elts;

    for (i = 0; i < JM_QUEUE_ACCOUNTS && s->n <= s->max; i++) {

        if (asked->accounts & ((uint64_t) 1 << i)) {
            ngx_http_jimeng_str(&name, &account[i]->name);

            ngx_http_jimeng_series_model_clients(s, column, asked, name);
        }
    }
}


static void
ngx_http_jimeng_series_model_clients(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, ngx_http_jimeng_asked_t *asked,
    jm_str_t account)
{
    size_t              i;
    jm_str_t            none = jm_null_string;
    unsigned            may;
    const jm_client_t  *client;

    if (s->nobody) {

        if (column->result != JM_CAUSE_PERMISSION) {
            ngx_http_jimeng_series_add(s, column, none, asked->model->req_key,
                                       account);
        }

        return;
    }

    for (i = 0; i < asked->keys->keys.nnames && s->n <= s->max; i++) {
        client = asked->keys->keys.names[i];

        may = jm_client_may(client, asked->models, asked->model);

        if (column->result == JM_CAUSE_PERMISSION
            ? !may : (may || asked->dry_run))
        {
            ngx_http_jimeng_series_add(s, column, client->name,
                                       asked->model->req_key, account);
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
        ngx_http_jimeng_series_add(s, column, none, none, none);
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
        ngx_http_jimeng_series_add(s, column, client[i]->name, none, none);
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

        ngx_http_jimeng_series_add(s, column, name, none, none);
    }
}


/* a client of several keys has as many places beside one another */

static void
ngx_http_jimeng_series_add(ngx_http_jimeng_series_t *s,
    const ngx_http_jimeng_column_t *column, jm_str_t name, jm_str_t model,
    jm_str_t account)
{
    jm_series_id_t  *id;

    if (s->n > s->max) {
        return;
    }

    if (s->n != 0) {
        id = &s->ids[s->n - 1];

        if (id->names[0].len == name.len && id->names[1].data == model.data
            && id->names[2].data == account.data
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
    id->names[2] = account;
}


/*
 * Each has some hundred lines, so that there are none for models that nobody
 * has named.
 */

static void
ngx_http_jimeng_series_groups(ngx_http_jimeng_series_t *s)
{
    jm_str_t                      name, none = jm_null_string;
    ngx_uint_t                    i, k;
    ngx_http_jimeng_asked_t      *asked;
    ngx_http_jimeng_account_t   **account;

    asked = s->asked.elts;
    account = s->zone->jmcf->accounts.elts;

    for (i = 0; i < s->zone->jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_str(&name, &account[i]->name);

        ngx_http_jimeng_series_group(s->zone, JM_GROUP_ACCOUNT, name, none);

        for (k = 0; k < s->asked.nelts && i < JM_QUEUE_ACCOUNTS; k++) {
            if (asked[k].named && (asked[k].accounts & ((uint64_t) 1 << i))) {
                ngx_http_jimeng_series_group(s->zone, JM_GROUP_TIMES,
                                             asked[k].model->req_key, name);
            }
        }
    }
}


static void
ngx_http_jimeng_series_group(ngx_http_jimeng_zone_t *zone, jm_group_e kind,
    jm_str_t a, jm_str_t b)
{
    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_begin_group(&zone->metrics, kind, a, b);

    ngx_http_jimeng_zone_unlock(zone);
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
                               ngx_http_jimeng_series_quarters(column));

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
