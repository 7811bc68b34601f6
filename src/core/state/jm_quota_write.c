
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_json.h"
#include "jm_quota_usage.h"
#include "jm_text.h"


static void jm_quota_write_models(jm_json_writer_t *w,
    const jm_client_t *client);
static void jm_quota_write_requests(jm_json_writer_t *w,
    const jm_client_t *client, const jm_quota_rate_t *rate);
static void jm_quota_write_concurrency(jm_json_writer_t *w,
    const jm_quota_view_t *view);
static void jm_quota_write_images(jm_json_writer_t *w,
    const jm_client_t *client, const jm_quota_view_t *view);
static void jm_quota_write_budget(jm_json_writer_t *w,
    const jm_client_t *client, const jm_quota_budget_t *budget);
static void jm_quota_write_sums(jm_json_writer_t *w,
    const jm_quota_usage_t *usage, unsigned which, const jm_models_t *extra);
static const jm_model_t *jm_quota_write_model(const jm_models_t *extra,
    uint64_t hash);
static void jm_quota_write_sum(jm_json_writer_t *w, uint64_t images,
    uint64_t cost);


jm_rc_e
jm_quota_write(jm_buf_t *out, const jm_client_t *client,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view,
    const jm_quota_usage_t *usage, const jm_models_t *extra)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "object");
    jm_json_cstring(&w, "usage");

    jm_json_key(&w, "client");
    jm_json_string(&w, client->name);

    jm_json_key(&w, "models");
    jm_quota_write_models(&w, client);

    jm_json_key(&w, "expires_at");

    if (client->expires) {
        jm_json_int(&w, client->expires);

    } else {
        jm_json_null(&w);
    }

    jm_json_key(&w, "requests");
    jm_quota_write_requests(&w, client, rate);

    jm_json_key(&w, "concurrency");
    jm_quota_write_concurrency(&w, view);

    jm_json_key(&w, "images");
    jm_quota_write_images(&w, client, view);

    jm_json_key(&w, "budget");
    jm_quota_write_budget(&w, client, &view->budget);

    jm_json_key(&w, "day");
    jm_quota_write_sums(&w, usage, JM_QUOTA_DAY, extra);

    jm_json_key(&w, "month");
    jm_quota_write_sums(&w, usage, JM_QUOTA_MONTH, extra);

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


static void
jm_quota_write_models(jm_json_writer_t *w, const jm_client_t *client)
{
    size_t  i;

    if (client->models == NULL) {
        jm_json_null(w);
        return;
    }

    jm_json_array(w);

    for (i = 0; i < client->nmodels; i++) {
        jm_json_string(w, client->models[i]);
    }

    jm_json_end_array(w);
}


static void
jm_quota_write_requests(jm_json_writer_t *w, const jm_client_t *client,
    const jm_quota_rate_t *rate)
{
    uint8_t   text[JM_DURATION_LEN];
    jm_str_t  reset;

    if (rate->limit == 0) {
        jm_json_null(w);
        return;
    }

    reset.len = jm_duration(text, rate->reset);
    reset.data = text;

    jm_json_object(w);

    jm_json_key(w, "limit");
    jm_json_int(w, (int64_t) rate->limit);

    jm_json_key(w, "period");
    jm_json_cstring(w, client->rate_period == 1000 ? "1s"
                       : client->rate_period == 60000 ? "1m" : "1h");

    jm_json_key(w, "remaining");
    jm_json_int(w, (int64_t) rate->remaining);

    jm_json_key(w, "reset");
    jm_json_string(w, reset);

    jm_json_end_object(w);
}


static void
jm_quota_write_concurrency(jm_json_writer_t *w, const jm_quota_view_t *view)
{
    if (view->concurrency == 0) {
        jm_json_null(w);
        return;
    }

    jm_json_object(w);

    jm_json_key(w, "limit");
    jm_json_int(w, view->concurrency);

    jm_json_key(w, "used");
    jm_json_int(w, view->running);

    jm_json_end_object(w);
}


static void
jm_quota_write_images(jm_json_writer_t *w, const jm_client_t *client,
    const jm_quota_view_t *view)
{
    if (view->limit == 0) {
        jm_json_null(w);
        return;
    }

    jm_json_object(w);

    jm_json_key(w, "limit");
    jm_json_int(w, (int64_t) view->limit);

    jm_json_key(w, "period");
    jm_json_cstring(w, client->images_period == JM_CLIENT_HOUR ? "1h"
                       : client->images_period == JM_CLIENT_DAY ? "1d" : "1M");

    jm_json_key(w, "used");
    jm_json_int(w, (int64_t) view->used);

    jm_json_key(w, "reserved");
    jm_json_int(w, (int64_t) view->reserved);

    jm_json_key(w, "remaining");
    jm_json_int(w, (int64_t) view->remaining);

    jm_json_key(w, "reset_at");
    jm_json_int(w, view->reset);

    jm_json_end_object(w);
}


static void
jm_quota_write_budget(jm_json_writer_t *w, const jm_client_t *client,
    const jm_quota_budget_t *budget)
{
    if (budget->limit == 0) {
        jm_json_null(w);
        return;
    }

    jm_json_object(w);

    jm_json_key(w, "limit");
    jm_money_json(w, budget->limit);

    jm_json_key(w, "period");
    jm_json_cstring(w, client->budget_period == JM_CLIENT_DAY ? "1d" : "1M");

    jm_json_key(w, "spent");
    jm_money_json(w, budget->spent);

    jm_json_key(w, "reserved");
    jm_money_json(w, budget->reserved);

    jm_json_key(w, "remaining");
    jm_money_json(w, budget->remaining);

    jm_json_key(w, "reset_at");
    jm_json_int(w, budget->reset);

    jm_json_end_object(w);
}


/* models that nobody knows, or that have no counters of their own, are left */

static void
jm_quota_write_sums(jm_json_writer_t *w, const jm_quota_usage_t *usage,
    unsigned which, const jm_models_t *extra)
{
    size_t                 i;
    uint64_t               images, cost;
    const jm_model_t      *model;
    const jm_quota_sum_t  *sum;

    images = usage->all.images[which];
    cost = usage->all.cost[which];

    jm_json_object(w);

    jm_json_key(w, "images");
    jm_json_int(w, (int64_t) images);

    jm_json_key(w, "cost");
    jm_money_json(w, cost);

    jm_json_key(w, "models");
    jm_json_object(w);

    for (i = 0; i < usage->n; i++) {
        sum = &usage->models[i];
        model = jm_quota_write_model(extra, sum->model);

        if (model == NULL
            || (sum->images[which] == 0 && sum->cost[which] == 0))
        {
            continue;
        }

        images -= jm_min(sum->images[which], images);
        cost -= jm_min(sum->cost[which], cost);

        jm_json_named(w, model->req_key);
        jm_quota_write_sum(w, sum->images[which], sum->cost[which]);
    }

    if (images != 0 || cost != 0) {
        jm_json_key(w, "other");
        jm_quota_write_sum(w, images, cost);
    }

    jm_json_end_object(w);
    jm_json_end_object(w);
}


/* a row of the operator's may have taken the name of one that is built in */

static const jm_model_t *
jm_quota_write_model(const jm_models_t *extra, uint64_t hash)
{
    size_t             i;
    const jm_model_t  *model;

    for (i = 0; extra != NULL && i < extra->n; i++) {
        if (jm_model_hash(extra->rows[i].req_key) == hash) {
            return &extra->rows[i];
        }
    }

    for (i = 0; (model = jm_model_list(NULL, i)) != NULL; i++) {
        if (jm_model_hash(model->req_key) == hash) {
            return model;
        }
    }

    return NULL;
}


static void
jm_quota_write_sum(jm_json_writer_t *w, uint64_t images, uint64_t cost)
{
    jm_json_object(w);

    jm_json_key(w, "images");
    jm_json_int(w, (int64_t) images);

    jm_json_key(w, "cost");
    jm_money_json(w, cost);

    jm_json_end_object(w);
}
