
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_json.h"
#include "jm_quota.h"
#include "jm_text.h"


static void jm_quota_write_models(jm_json_writer_t *w,
    const jm_client_t *client);
static void jm_quota_write_requests(jm_json_writer_t *w,
    const jm_client_t *client, const jm_quota_rate_t *rate);
static void jm_quota_write_concurrency(jm_json_writer_t *w,
    const jm_quota_view_t *view);
static void jm_quota_write_images(jm_json_writer_t *w,
    const jm_client_t *client, const jm_quota_view_t *view);


jm_rc_e
jm_quota_write(jm_buf_t *out, const jm_client_t *client,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view)
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
