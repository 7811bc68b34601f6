
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_request.h"


/* a JSON body, less the strings that are longer than a prompt: pictures */

#define NGX_HTTP_JIMENG_REST_MAX  4194304


static ngx_int_t ngx_http_jimeng_input_first(ngx_http_jimeng_input_t *in,
    ngx_http_jimeng_ctx_t *ctx);
static ngx_int_t ngx_http_jimeng_input_text(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_skeleton(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_form(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_fields(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_value(ngx_http_jimeng_input_t *in,
    jm_multipart_part_t *part, size_t len, jm_str_t *value);
static ngx_int_t ngx_http_jimeng_input_piece(ngx_http_jimeng_input_t *in,
    jm_str_t *piece);
static ngx_int_t ngx_http_jimeng_input_read(ngx_http_jimeng_input_t *in,
    jm_rc_e rc, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_hash(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_part(ngx_http_jimeng_input_t *in,
    uint64_t *offset, uint64_t *len);
static ngx_int_t ngx_http_jimeng_input_hashed(ngx_http_jimeng_input_t *in);


/* a body that was read, and has its first step set; NULL: no memory */

ngx_http_jimeng_input_t *
ngx_http_jimeng_input_create(ngx_http_request_t *r)
{
    ngx_pool_t                  *pool;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_input_t     *in;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NULL;
    }

    pool = ngx_create_pool(8192, r->connection->log);
    if (pool == NULL) {
        return NULL;
    }

    in = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_input_t));
    if (in == NULL) {
        goto failed;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    in->request = r;
    in->pool = pool;

    ngx_http_jimeng_mem(&in->mem, pool);

    in->rules.models = &jlcf->table;
    ngx_http_jimeng_str(&in->rules.default_model, &jlcf->default_model);

    if (ctx->client && ctx->client->default_model.len) {
        in->rules.default_model = ctx->client->default_model;
    }

    in->rules.max_prompt = jlcf->max_prompt;
    in->rules.strict_size = (jlcf->size == NGX_HTTP_JIMENG_SIZE_STRICT);
    in->rules.format = (jm_format_e) jlcf->response_format;
    in->rules.edit = ctx->edit;
    in->rules.upload = (jlcf->upload != NULL);

    /* JSON may escape a character with twelve bytes, one of a URL with six */

    in->max_string = ngx_max(12 * jlcf->max_prompt,
                             (size_t) 6 * JM_REQUEST_URL);

    if (ngx_http_jimeng_body_open(r, &in->body) != NGX_OK
        || ngx_http_jimeng_input_first(in, ctx) != NGX_OK)
    {
        goto failed;
    }

    return in;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


/* a small body in memory, which most are, is read as it is */

static ngx_int_t
ngx_http_jimeng_input_first(ngx_http_jimeng_input_t *in,
    ngx_http_jimeng_ctx_t *ctx)
{
    if (!ctx->form && in->body.whole
        && in->body.len <= NGX_HTTP_JIMENG_SLICE)
    {
        in->step = ngx_http_jimeng_input_text;
        return NGX_OK;
    }

    if (!in->body.whole) {
        in->picture.buffer = ngx_palloc(in->pool, NGX_HTTP_JIMENG_PIECE);
        if (in->picture.buffer == NULL) {
            return NGX_ERROR;
        }
    }

    if (ctx->form) {
        in->step = ngx_http_jimeng_input_form;
        return NGX_OK;
    }

    in->skeleton = ngx_palloc(in->pool, sizeof(jm_skeleton_t));
    if (in->skeleton == NULL) {
        return NGX_ERROR;
    }

    jm_buf_init(&in->rest, &in->mem, 4096, NGX_HTTP_JIMENG_REST_MAX);
    jm_skeleton_init(in->skeleton, &in->rest, in->max_string);

    in->rules.skeleton = in->skeleton;
    in->step = ngx_http_jimeng_input_skeleton;

    return NGX_OK;
}


/*
 * A step takes a piece of the body, or of a picture in it.  It returns
 * NGX_AGAIN when it, or the one that it has set, is to be called again; NGX_OK
 * when the order is made; NGX_DECLINED and the client's error; NGX_DONE when it
 * is to be asked for which service the body is read; or NGX_ERROR.
 */

static ngx_int_t
ngx_http_jimeng_input_text(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_rc_e  rc;

    in->again = ngx_http_jimeng_input_text;

    rc = jm_request_read(&in->params, in->body.text, &in->rules, &in->mem, e);

    return ngx_http_jimeng_input_read(in, rc, e);
}


static ngx_int_t
ngx_http_jimeng_input_skeleton(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_rc_e   rc;
    jm_str_t  piece;

    if (in->offset == in->body.len) {
        in->again = ngx_http_jimeng_input_skeleton;

        rc = jm_request_read(&in->params, jm_buf_view(&in->rest), &in->rules,
                             &in->mem, e);

        return ngx_http_jimeng_input_read(in, rc, e);
    }

    if (ngx_http_jimeng_input_piece(in, &piece) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (jm_skeleton_add(in->skeleton, piece)) {

    case JM_OK:
        return NGX_AGAIN;

    case JM_INVALID:
        jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL,
                     "The request has more than %d long strings; send fewer "
                     "pictures.", JM_SKELETON_STRINGS);
        return NGX_DECLINED;

    default:
        jm_error_set(e, JM_CAUSE_REQUEST_TOO_LARGE, NULL,
                     "The JSON of the request is too large even without its "
                     "pictures; send a smaller one.");
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_jimeng_input_form(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_rc_e      rc;
    jm_str_t     piece;
    ngx_str_t   *type;
    const char  *why;

    if (in->form == NULL) {
        in->form = ngx_palloc(in->pool, sizeof(jm_multipart_t));
        if (in->form == NULL) {
            return NGX_ERROR;
        }

        type = &in->request->headers_in.content_type->value;

        ngx_http_jimeng_str(&piece, type);

        if (jm_multipart_init(in->form, piece) != JM_OK) {
            jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL,
                         "The Content-Type of the form has no valid "
                         "boundary.");
            return NGX_DECLINED;
        }
    }

    if (in->offset == in->body.len) {
        rc = jm_multipart_end(in->form, &why);

        if (rc == JM_OK) {
            return ngx_http_jimeng_input_fields(in, e);
        }

    } else {
        if (ngx_http_jimeng_input_piece(in, &piece) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = jm_multipart_add(in->form, piece, &why);

        if (rc == JM_OK) {
            return NGX_AGAIN;
        }
    }

    jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL, "The form %s.", why);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_jimeng_input_fields(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    size_t                i;
    jm_rc_e               rc;
    ngx_int_t             kept;
    jm_form_field_t      *field;
    jm_multipart_part_t  *part;

    in->again = ngx_http_jimeng_input_fields;

    field = ngx_pcalloc(in->pool, (in->form->nparts + 1)
                                  * sizeof(jm_form_field_t));
    if (field == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < in->form->nparts; i++) {
        part = &in->form->parts[i];

        field[i].name = part->name;
        field[i].file = part->file;
        field[i].unnamed = part->unnamed;
        field[i].foreign = part->foreign;
        field[i].offset = part->offset;
        field[i].len = part->len;

        if (part->file) {
            continue;
        }

        kept = part->len > in->max_string
               ? ngx_http_jimeng_input_value(in, part, JM_SKELETON_HEAD,
                                             &field[i].head)
               : ngx_http_jimeng_input_value(in, part, part->len,
                                             &field[i].value);

        if (kept != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = jm_request_read_form(&in->params, field, in->form->nparts,
                              &in->rules, &in->mem, e);

    return ngx_http_jimeng_input_read(in, rc, e);
}


/* the first len bytes of a part; value->data is set for an empty one, too */

static ngx_int_t
ngx_http_jimeng_input_value(ngx_http_jimeng_input_t *in,
    jm_multipart_part_t *part, size_t len, jm_str_t *value)
{
    u_char  *p;

    p = NULL;

    if (!in->body.whole || len == 0) {
        p = ngx_pnalloc(in->pool, len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    value->data = p;

    if (len == 0) {
        return NGX_OK;
    }

    return ngx_http_jimeng_body_read(&in->body, part->offset, len, p, value);
}


static ngx_int_t
ngx_http_jimeng_input_piece(ngx_http_jimeng_input_t *in, jm_str_t *piece)
{
    size_t  len;

    len = ngx_min(in->body.len - in->offset, NGX_HTTP_JIMENG_PIECE);

    if (ngx_http_jimeng_body_read(&in->body, in->offset, len,
                                  in->picture.buffer, piece)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    in->offset += len;
    in->used += len;

    return NGX_OK;
}


/*
 * The parameters were read, or rc says why not.  Of a model that both services
 * make it is asked next for which of them the body is to be read.
 */

static ngx_int_t
ngx_http_jimeng_input_read(ngx_http_jimeng_input_t *in, jm_rc_e rc,
    jm_error_t *e)
{
    const jm_model_t            *model, *other;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(in->request, ngx_http_jimeng_module);

    model = in->params.model;

    other = (model && rc != JM_ERROR && in->service == NULL)
            ? jm_model_other(&jlcf->table, model) : NULL;

    if (other == NULL) {
        return ngx_http_jimeng_order_read(in, rc, e);
    }

    in->service = ngx_http_jimeng_service_create(in->request, in->pool, model,
                                                 other);
    if (in->service == NULL) {
        return NGX_ERROR;
    }

    in->service->good = (rc == JM_OK);

    if (!ngx_http_jimeng_ledger_kept(in->request)) {
        return NGX_DONE;
    }

    in->step = ngx_http_jimeng_input_hash;

    return NGX_AGAIN;
}


/*
 * Digests a body that was read, for its request to be known by it, in whatever
 * words that is read then.
 */

static ngx_int_t
ngx_http_jimeng_input_hash(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    size_t                      n;
    uint64_t                    offset, len;
    jm_str_t                    piece;
    ngx_http_jimeng_service_t  *s;

    s = in->service;

    if (s->part == (in->form ? in->form->nparts : 1)) {
        return ngx_http_jimeng_input_hashed(in);
    }

    if (ngx_http_jimeng_input_part(in, &offset, &len) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_min(len - s->offset, NGX_HTTP_JIMENG_PIECE);

    if (ngx_http_jimeng_body_read(&in->body, offset + s->offset, n,
                                  in->picture.buffer, &piece)
        != NGX_OK
        || jm_digest_add(&s->digest, piece) != JM_OK)
    {
        return NGX_ERROR;
    }

    in->used += n;
    s->offset += n;

    if (s->offset == len) {
        s->offset = 0;
        s->part++;
    }

    return NGX_AGAIN;
}


/* JSON is one part; between those of a form is another text each time */

static ngx_int_t
ngx_http_jimeng_input_part(ngx_http_jimeng_input_t *in, uint64_t *offset,
    uint64_t *len)
{
    uint64_t                    head[3];
    jm_str_t                    text;
    jm_multipart_part_t        *part;
    ngx_http_jimeng_service_t  *s;

    s = in->service;

    if (in->form == NULL) {
        *offset = 0;
        *len = in->body.len;

        return NGX_OK;
    }

    part = &in->form->parts[s->part];

    *offset = part->offset;
    *len = part->len;

    if (s->offset) {
        return NGX_OK;
    }

    head[0] = part->name.len;
    head[1] = part->len;
    head[2] = part->file;

    text.len = sizeof(head);
    text.data = (u_char *) head;

    return jm_digest_add(&s->digest, text) == JM_OK
           && jm_digest_add(&s->digest, part->name) == JM_OK
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_jimeng_input_hashed(ngx_http_jimeng_input_t *in)
{
    u_char                      body[JM_DIGEST_LEN];
    jm_str_t                    parts[4];
    ngx_str_t                   path;
    ngx_http_request_t         *r;
    ngx_http_jimeng_service_t  *s;

    r = in->request;
    s = in->service;

    if (jm_digest_end(&s->digest, body) != JM_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_path(r, &path);

    ngx_http_jimeng_str(&parts[0], &r->method_name);
    jm_str_set(&parts[1], " ");
    ngx_http_jimeng_str(&parts[2], &path);

    parts[3].len = sizeof(body);
    parts[3].data = body;

    if (ngx_http_jimeng_digest(in->fingerprint, parts, 4) != NGX_OK) {
        return NGX_ERROR;
    }

    in->open.request = r;
    in->open.fingerprint = in->fingerprint;
    in->open.several = 1;

    /* what is wrong with its Idempotency-Key it is told when it is opened */

    s->op.kept = (ngx_http_jimeng_ledger_request(&in->open, &s->op.request)
                  == NGX_OK);

    return NGX_DONE;
}
