
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_request.h"

#include "jm_ark.h"


/* a submit's body, less the pictures in it: a prompt, some URLs, escaped */

#define NGX_HTTP_JIMENG_SUBMIT_MAX  1048576


static ngx_int_t ngx_http_jimeng_order_begin(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_order_inline(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_order_next(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_order_picture(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_order_until(ngx_http_jimeng_input_t *in,
    size_t at);
static ngx_int_t ngx_http_jimeng_order_make(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_order_data(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static uint32_t ngx_http_jimeng_order_most(jm_request_t *params);
static jm_picture_type_e ngx_http_jimeng_order_type(jm_request_t *params);
static ngx_int_t ngx_http_jimeng_order_bodies(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_order_fingerprint(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, u_char *fingerprint);
static ngx_int_t ngx_http_jimeng_order_submit(ngx_http_jimeng_input_t *in);
static ngx_int_t ngx_http_jimeng_order_form(ngx_http_jimeng_input_t *in,
    ngx_uint_t urls, ngx_str_t *text);
static ngx_int_t ngx_http_jimeng_order_waited(ngx_http_jimeng_input_t *in,
    jm_error_t *e);


/*
 * The last step of the body itself: the parameters were read, or rc says why
 * not.  Returns what a step does.
 */

ngx_int_t
ngx_http_jimeng_order_read(ngx_http_jimeng_input_t *in, jm_rc_e rc,
    jm_error_t *e)
{
    if (rc != JM_OK) {
        return rc == JM_INVALID ? NGX_DECLINED : NGX_ERROR;
    }

    return ngx_http_jimeng_order_begin(in, e);
}


/*
 * It is known, of several services, which one the body is to be read for, or in
 * whose words an earlier try of it was.  The next step is set.
 */

void
ngx_http_jimeng_order_served(ngx_http_jimeng_input_t *in)
{
    u_char                      *buffer;
    const jm_model_t            *row;
    ngx_http_jimeng_service_t   *s;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    s = in->service;

    if (in->open.rc == NGX_BUSY) {
        in->open.rc = NGX_OK;

        s->op.service = (in->open.op.service != s->op.kinds[0]);

    } else {
        ngx_http_jimeng_service_log(s);

        if (s->op.service == 0 && s->good) {
            in->step = ngx_http_jimeng_order_begin;
            return;
        }
    }

    row = s->rows[s->op.service];

    jlcf = ngx_http_get_module_loc_conf(in->request, ngx_http_jimeng_module);

    s->table = jlcf->table;
    s->table.providers = jm_provider_bit(row->provider);

    /* nothing stays of what was made in other words */

    buffer = in->picture.buffer;

    ngx_memzero(&in->picture, sizeof(ngx_http_jimeng_picture_t));
    ngx_memzero(&in->order, sizeof(ngx_http_jimeng_order_t));

    in->rules.models = &s->table;
    in->picture.buffer = buffer;
    in->image = 0;
    in->at = NULL;
    in->written = 0;
    in->step = in->again;
}


/* next come the pictures, if there are any, and then the order */

static ngx_int_t
ngx_http_jimeng_order_begin(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    size_t                       i;
    ngx_int_t                    may;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    /* who may have the one that was named gets what stands in for it, too */

    may = ngx_http_jimeng_keys_model(in->request,
                                     in->service ? in->service->rows[0]
                                                 : in->params.model, e);

    if (may != NGX_OK) {
        return may;
    }

    for (i = 0; i < in->params.nimages; i++) {
        if (in->params.images[i].type != JM_IMAGE_URL) {
            goto pictures;
        }
    }

    return ngx_http_jimeng_order_make(in, e);

pictures:

    /* pictures of a request that is refused are not stored */

    if (ngx_http_jimeng_rate_check(in->request, e) != NGX_OK) {
        return NGX_DECLINED;
    }

    in->picture.body = &in->body;

    if (ngx_http_jimeng_picture_create(&in->picture, in->pool) != NGX_OK) {
        return NGX_ERROR;
    }

    if (in->params.model->takes & JM_MODEL_BASE64) {
        return ngx_http_jimeng_order_inline(in, e);
    }

    jlcf = ngx_http_get_module_loc_conf(in->request, ngx_http_jimeng_module);

    in->picture.store = ngx_http_jimeng_store_create(jlcf->upload, in->pool,
                                                in->request->connection->log);
    if (in->picture.store == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_order_next(in, e);
}


/* pictures that go into the submit itself, which is in a file then */

static ngx_int_t
ngx_http_jimeng_order_inline(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    in->at = ngx_palloc(in->pool, JM_REQUEST_IMAGES * sizeof(size_t));

    if (in->at == NULL || ngx_http_jimeng_order_submit(in) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a file of a form comes as it is, what is decoded is shorter */

    in->picture.writer = ngx_http_jimeng_payload_open(in->request,
                                                      &in->order.submit,
                                                      NGX_HTTP_JIMENG_PIECE,
                                                      in->pool);
    if (in->picture.writer == NULL) {
        return ngx_http_jimeng_picture_unstored(e);
    }

    return ngx_http_jimeng_order_next(in, e);
}


static ngx_int_t
ngx_http_jimeng_order_next(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_image_t                  *image;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    while (in->image < in->params.nimages
           && in->params.images[in->image].type == JM_IMAGE_URL)
    {
        in->image++;
    }

    if (in->image == in->params.nimages) {
        return ngx_http_jimeng_order_make(in, e);
    }

    jlcf = ngx_http_get_module_loc_conf(in->request, ngx_http_jimeng_module);

    if (in->picture.store
        ? ngx_http_jimeng_store_open(in->picture.store, jlcf->account)
          != NGX_OK
        : ngx_http_jimeng_order_until(in, in->at[in->image]) != NGX_OK)
    {
        return ngx_http_jimeng_picture_unstored(e);
    }

    image = &in->params.images[in->image];

    ngx_http_jimeng_picture_start(&in->picture, image, in->params.model);

    in->step = ngx_http_jimeng_order_picture;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_jimeng_order_picture(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    ngx_int_t    rc;
    jm_image_t  *image;

    rc = ngx_http_jimeng_picture_step(&in->picture, &in->used, e);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in->picture.store) {
        image = &in->params.images[in->image];

        rc = ngx_http_jimeng_store_end(in->picture.store,
                                       in->picture.picture.type, in->pool,
                                       &image->text);
        image->type = JM_IMAGE_URL;

    } else {
        rc = ngx_http_jimeng_payload_data_end(in->picture.writer);
    }

    if (rc != NGX_OK) {
        return ngx_http_jimeng_picture_unstored(e);
    }

    in->image++;

    return ngx_http_jimeng_order_next(in, e);
}


/* writes the submit up to where a picture goes */

static ngx_int_t
ngx_http_jimeng_order_until(ngx_http_jimeng_input_t *in, size_t at)
{
    jm_str_t  text;

    text.len = at - in->written;
    text.data = in->submit.data + in->written;

    in->written = at;

    return ngx_http_jimeng_payload_text(in->picture.writer, text);
}


static ngx_int_t
ngx_http_jimeng_order_make(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    uint64_t                  pixels;
    ngx_int_t                 rc;
    jm_request_t             *params;
    ngx_http_jimeng_order_t  *order;

    params = &in->params;
    order = &in->order;

    if (ngx_http_jimeng_order_data(in, e) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_http_jimeng_order_bodies(in, e);

    if (rc != NGX_OK) {
        return rc;
    }

    /* the names of the model table outlive the request */

    order->req_key.len = params->model->req_key.len;
    order->req_key.data = (u_char *) params->model->req_key.data;

    order->provider = params->model->provider;
    order->price = params->model->price;
    order->stream = params->stream;
    order->edit = in->rules.edit;
    order->gpt = (params->model->takes & JM_MODEL_GPT) ? 1 : 0;
    order->look.size = params->size;
    order->look.quality = params->quality;
    order->look.type = ngx_http_jimeng_order_type(params);
    order->n = params->n;

    pixels = params->size.area;

    if (pixels == 0) {
        pixels = (uint64_t) params->size.width * params->size.height;
    }

    order->kind = jm_schedule_class(params->model->req_key, pixels,
                                    (unsigned) params->nimages,
                                    !params->force_single);
    order->pictures = ngx_http_jimeng_order_most(params);
    order->retries = params->retries;
    order->max_images = params->max_images;
    order->ignored = params->ignored;
    order->async = params->async;

    if (!ngx_http_jimeng_ticket_fits(in->request, order)) {
        jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "aigc_meta",
                     "The fields \"aigc_meta\" and \"watermark\" are too long "
                     "together; shorten their texts.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Ark gives links alone: data are fetched by the location that shows them */

static ngx_int_t
ngx_http_jimeng_order_data(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(in->request, ngx_http_jimeng_module);

    if (!in->params.b64 || in->params.model->provider != JM_PROVIDER_ARK
        || jlcf->links->base.len)
    {
        return NGX_OK;
    }

    jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "response_format",
                 "The pictures of this model are links here, and no data; ask "
                 "for them with \"response_format\": \"url\".");

    return NGX_DECLINED;
}


/* pictures that its tasks bring, all together */

static uint32_t
ngx_http_jimeng_order_most(jm_request_t *params)
{
    if (params->force_single) {
        return params->n;
    }

    return (uint32_t) (params->model->provider == JM_PROVIDER_ARK
                       ? jm_ark_most(params)
                       : JM_REQUEST_GROUP - params->nimages);
}


/* of a picture that is a link, as far as it is known without its bytes */

static jm_picture_type_e
ngx_http_jimeng_order_type(jm_request_t *params)
{
    if (params->model->provider != JM_PROVIDER_ARK
        || (params->ark.output_format
            && ngx_strcmp(params->ark.output_format, "png") == 0))
    {
        return JM_PICTURE_PNG;
    }

    return JM_PICTURE_JPEG;
}


/* what a submit and its queries send; a submit with pictures is in a file */

static ngx_int_t
ngx_http_jimeng_order_bodies(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    ngx_http_jimeng_order_t  *order;

    order = &in->order;

    if (in->picture.writer) {

        if (ngx_http_jimeng_order_until(in, in->submit.len) != NGX_OK
            || ngx_http_jimeng_payload_end(in->picture.writer) != NGX_OK)
        {
            return ngx_http_jimeng_picture_unstored(e);
        }

    } else {
        if (ngx_http_jimeng_order_submit(in) != NGX_OK) {
            return NGX_ERROR;
        }

        order->submit.text = in->submit;
        order->submit.len = in->submit.len;
    }

    if (ngx_http_jimeng_order_form(in, 1, &order->req_json) != NGX_OK
        || (in->params.b64
            && ngx_http_jimeng_order_form(in, 0, &order->data_json)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * What makes two requests the same: not their bodies, a form has another
 * boundary each time, but all that was made of them.
 */

static ngx_int_t
ngx_http_jimeng_order_fingerprint(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, u_char *fingerprint)
{
    jm_str_t   space = jm_string(" ");
    jm_str_t   parts[9];
    uint32_t   numbers[6];
    ngx_str_t  path;

    numbers[0] = order->n;
    numbers[1] = order->retries;
    numbers[2] = order->max_images;
    numbers[3] = order->stream;
    numbers[4] = order->async ? 1 : 0;
    numbers[5] = (uint32_t) order->submit.len;

    ngx_http_jimeng_path(r, &path);

    ngx_http_jimeng_str(&parts[0], &r->method_name);
    parts[1] = space;
    ngx_http_jimeng_str(&parts[2], &path);
    parts[3] = space;
    parts[4].len = sizeof(numbers);
    parts[4].data = (uint8_t *) numbers;
    ngx_http_jimeng_str(&parts[5], &order->req_key);
    ngx_http_jimeng_str(&parts[6], &order->req_json);
    ngx_http_jimeng_str(&parts[7], &order->data_json);

    if (ngx_http_jimeng_payload_hash(&order->submit) != NGX_OK) {
        return NGX_ERROR;
    }

    parts[8].len = sizeof(order->submit.hash);
    parts[8].data = order->submit.hash;

    return ngx_http_jimeng_digest(fingerprint, parts, 9);
}


static ngx_int_t
ngx_http_jimeng_order_submit(ngx_http_jimeng_input_t *in)
{
    jm_rc_e   rc;
    jm_buf_t  b;
    jm_mem_t  mem;

    /* what is to be sent lives as long as the request */

    ngx_http_jimeng_mem(&mem, in->request->pool);

    /* a guess that is seldom too small; the buffer grows when it is */

    jm_buf_init(&b, &mem, ngx_min(in->body.len, 4096) + 128,
                NGX_HTTP_JIMENG_SUBMIT_MAX);

    rc = (in->params.model->provider == JM_PROVIDER_ARK)
         ? jm_ark_submit(&b, &in->params, !in->params.force_single, in->at)
         : jm_visual_submit(&b, &in->params, in->at);

    if (rc != JM_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(&in->submit, &b);

    return NGX_OK;
}


/* what a query asks for: URLs, or base64 */

static ngx_int_t
ngx_http_jimeng_order_form(ngx_http_jimeng_input_t *in, ngx_uint_t urls,
    ngx_str_t *text)
{
    jm_buf_t  b;
    jm_mem_t  mem;

    ngx_http_jimeng_mem(&mem, in->request->pool);
    jm_buf_init(&b, &mem, 64, JM_VISUAL_REQ_JSON);

    if (jm_visual_req_json(&b, &in->params, urls ? 1 : 0) != JM_OK) {
        return NGX_ERROR;
    }

    text->len = b.len;
    text->data = b.data;

    return NGX_OK;
}


/*
 * What was ordered before is not ordered again.  in->open.done is called when
 * that is known; with NGX_ERROR it is not.
 */

ngx_int_t
ngx_http_jimeng_order_open(ngx_http_jimeng_input_t *in)
{
    ngx_http_request_t      *r;
    ngx_http_jimeng_open_t  *open;

    r = in->request;
    open = &in->open;

    open->request = r;
    open->fingerprint = NULL;
    open->several = (in->service != NULL);
    open->n = in->order.n;
    open->most.model = jm_model_hash(in->params.model->req_key);
    open->most.images = in->order.pictures;
    open->most.cost = in->order.pictures * in->order.price;
    open->patient = !in->waited;
    open->waited = in->waited ? ngx_max(ngx_current_msec - in->since, 1) : 0;

    if (ngx_http_jimeng_ledger_kept(r)) {

        if (in->service) {
            in->fingerprint[JM_DIGEST_LEN - 1] = (u_char) in->order.provider;

        } else if (ngx_http_jimeng_order_fingerprint(r, &in->order,
                                                     in->fingerprint)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        open->fingerprint = in->fingerprint;
    }

    ngx_http_jimeng_open(open);

    return NGX_OK;
}


/* that is to be looked at once more a moment later, see JM_LEDGER_TWIN */

void
ngx_http_jimeng_order_again(ngx_http_jimeng_input_t *in)
{
    if (!in->waited) {
        ngx_log_error(NGX_LOG_INFO, in->request->connection->log, 0,
                      "jimeng: the same request of the same client is served, "
                      "it is seen whether it goes on");

        in->waited = 1;
        in->since = ngx_current_msec;
    }

    in->step = ngx_http_jimeng_order_waited;
}


static ngx_int_t
ngx_http_jimeng_order_waited(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    return NGX_OK;
}
