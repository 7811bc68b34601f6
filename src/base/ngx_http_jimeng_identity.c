
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"

#include "jm_text.h"


#define NGX_HTTP_JIMENG_CLIENT_LEN  16

/* bytes of a model's name in a message */

#define NGX_HTTP_JIMENG_MODEL_ECHO  64


static ngx_int_t ngx_http_jimeng_key(ngx_http_request_t *r, jm_str_t *key);
static ngx_int_t ngx_http_jimeng_client_find(ngx_http_request_t *r,
    const jm_client_t **client);
static ngx_int_t ngx_http_jimeng_identify(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx);
static ngx_int_t ngx_http_jimeng_key_refused(ngx_http_request_t *r,
    ngx_uint_t invalid);


/* the first of a header's values, and how many there are */

ngx_str_t *
ngx_http_jimeng_header(ngx_http_request_t *r, char *name, ngx_uint_t *n)
{
    size_t            len;
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    *n = 0;
    value = NULL;
    len = ngx_strlen(name);

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return value;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            if (value == NULL) {
                value = &h[i].value;
            }

            (*n)++;
        }
    }
}


/* the first of these that has a value */

ngx_str_t *
ngx_http_jimeng_key_header(ngx_http_request_t *r, ngx_uint_t *n)
{
    char       **name;
    ngx_str_t   *value;

    static char  *names[] = { "GeekAI-API-Key", "api-key", "x-api-key", NULL };

    for (name = names; *name; name++) {
        value = ngx_http_jimeng_header(r, *name, n);

        if (value && value->len) {
            return value;
        }
    }

    return NULL;
}


/*
 * Of several keys that of Authorization counts, then that of the first header
 * above.  NGX_DECLINED: the client has sent none, or two in that header.
 */

static ngx_int_t
ngx_http_jimeng_key(ngx_http_request_t *r, jm_str_t *key)
{
    u_char      *p, *last;
    ngx_str_t   *value;
    ngx_uint_t   n;

    value = ngx_http_jimeng_header(r, "Authorization", &n);

    if (n > 1) {
        return NGX_DECLINED;
    }

    if (value && value->len > 6
        && ngx_strncasecmp(value->data, (u_char *) "Bearer", 6) == 0
        && (value->data[6] == ' ' || value->data[6] == '\t'))
    {
        p = value->data + 6;
        last = value->data + value->len;

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        key->len = last - p;
        key->data = p;

        return key->len ? NGX_OK : NGX_DECLINED;
    }

    value = ngx_http_jimeng_key_header(r, &n);

    if (value == NULL || n > 1) {
        return NGX_DECLINED;
    }

    key->len = value->len;
    key->data = value->data;

    return NGX_OK;
}


/* sets *client, or NULL where the key is not known here; _DECLINED: no key */

static ngx_int_t
ngx_http_jimeng_client_find(ngx_http_request_t *r, const jm_client_t **client)
{
    u_char                       digest[JM_DIGEST_LEN];
    jm_str_t                     key;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    *client = NULL;

    if (ngx_http_jimeng_key(r, &key) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_digest(r, digest, &key, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    *client = jm_keys_find(&jlcf->keys->keys, digest);

    return NGX_OK;
}


/* NGX_DECLINED: *e says why the client may not be served */

ngx_int_t
ngx_http_jimeng_keys_check(ngx_http_request_t *r, jm_error_t *e)
{
    ngx_int_t                    rc;
    const char                  *why;
    const jm_client_t           *client;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->keys == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_client_find(r, &client);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    why = (rc == NGX_DECLINED) ? "there is no key"
          : (client == NULL) ? "the key is not known"
          : jm_client_expired(client, ngx_time()) ? "the key has expired"
          : NULL;

    if (why == NULL || jlcf->dry_run) {
        ctx->client = client;
    }

    if (why == NULL) {
        return NGX_OK;
    }

    if (jlcf->dry_run) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "jimeng: dry run: %s", why);
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "jimeng: %s", why);

    jm_error_set(e, JM_CAUSE_INVALID_KEY, NULL,
                 client ? "The API key has expired; ask the operator of this "
                          "service for a new one."
                        : NULL);

    return ngx_http_jimeng_key_refused(r, rc == NGX_OK);
}


/* RFC 6750, section 3.1: who has sent no key is told no error */

static ngx_int_t
ngx_http_jimeng_key_refused(ngx_http_request_t *r, ngx_uint_t invalid)
{
    ngx_str_t  challenge;

    if (invalid) {
        ngx_str_set(&challenge, "Bearer error=\"invalid_token\"");

    } else {
        ngx_str_set(&challenge, "Bearer");
    }

    if (ngx_http_jimeng_reply_header(r, "WWW-Authenticate", challenge.data,
                                     challenge.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


/* NGX_DECLINED: the client may not use the model */

ngx_int_t
ngx_http_jimeng_keys_model(ngx_http_request_t *r, const jm_model_t *model,
    jm_error_t *e)
{
    jm_str_t                     asked, good;
    ngx_str_t                    name;
    ngx_uint_t                   level;
    const jm_client_t           *client;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    client = ctx ? ctx->client : NULL;

    if (client == NULL || jm_client_may(client, &jlcf->table, model)) {
        return NGX_OK;
    }

    name.len = client->name.len;
    name.data = (u_char *) client->name.data;

    level = jlcf->dry_run ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(level, r->connection->log, 0,
                  "jimeng: %sclient \"%V\" may not use the model \"%*s\"",
                  jlcf->dry_run ? "dry run: " : "", &name, model->name.len,
                  model->name.data);

    if (jlcf->dry_run) {
        return NGX_OK;
    }

    asked = jm_utf8_prefix(model->name, NGX_HTTP_JIMENG_MODEL_ECHO);
    good = jm_utf8_prefix(client->models[0], NGX_HTTP_JIMENG_MODEL_ECHO);

    jm_error_set(e, JM_CAUSE_PERMISSION, "model",
                 "The model \"%.*s\" is not one that you may use here; use "
                 "\"%.*s\", or ask the operator of this service.",
                 (int) asked.len, asked.data, (int) good.len, good.data);

    return NGX_DECLINED;
}


/*
 * What tells clients apart, of JM_DIGEST_LEN bytes: by name, or by what they
 * send; zeros for one that has not said who it is.
 */

ngx_int_t
ngx_http_jimeng_identity(ngx_http_request_t *r, u_char *id)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* the ledger asks for it, and each of the tasks */

    if (!ctx->identified) {

        if (ngx_http_jimeng_identify(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->identified = 1;
    }

    ngx_memcpy(id, ctx->identity, JM_DIGEST_LEN);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_identify(ngx_http_request_t *r, ngx_http_jimeng_ctx_t *ctx)
{
    u_char      *p;
    u_char       name[sizeof("client ") + JM_KEYS_NAME];
    jm_str_t     text;
    ngx_str_t   *value;
    ngx_uint_t   n;

    if (ctx->client) {

        /* what is sent as a header has no zero in it */

        p = ngx_cpymem(name, "client", sizeof("client"));
        p = ngx_cpymem(p, ctx->client->name.data, ctx->client->name.len);

        text.len = p - name;
        text.data = name;

    } else if (ngx_http_jimeng_key(r, &text) != NGX_OK) {

        /* no good key, but perhaps a password, or a key that is there twice */

        value = ngx_http_jimeng_header(r, "Authorization", &n);

        if (value == NULL) {
            value = ngx_http_jimeng_key_header(r, &n);
        }

        if (value == NULL) {
            ngx_memzero(ctx->identity, JM_DIGEST_LEN);
            return NGX_OK;
        }

        ngx_http_jimeng_str(&text, value);
    }

    return ngx_http_jimeng_digest(r, ctx->identity, &text, 1);
}


/* the SHA-256 of n parts, JM_DIGEST_LEN bytes */

ngx_int_t
ngx_http_jimeng_digest(ngx_http_request_t *r, u_char *dst, jm_str_t *parts,
    ngx_uint_t n)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    return jm_digest_from(&jmcf->sha256, dst, parts, n) == JM_OK ? NGX_OK
                                                                 : NGX_ERROR;
}


/* whose tasks are these: the name of a client, or empty */

void
ngx_http_jimeng_owner(ngx_http_request_t *r, jm_str_t *owner)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    jm_str_set(owner, "");

    if (ctx && ctx->client) {
        *owner = ctx->client->name;
    }
}


/* in any phase, for limit_req_zone and the like: what was sent is looked at */

ngx_int_t
ngx_http_jimeng_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    u_char                       digest[JM_DIGEST_LEN];
    jm_str_t                     key;
    const jm_client_t           *client;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = r->main;
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = 0;
    v->data = (u_char *) "";

    if (jlcf->keys) {

        if (ngx_http_jimeng_client_find(r, &client) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (client && !jm_client_expired(client, ngx_time())) {
            v->len = client->name.len;
            v->data = (u_char *) client->name.data;
        }

        return NGX_OK;
    }

    if (ngx_http_jimeng_key(r, &key) != NGX_OK) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_JIMENG_CLIENT_LEN);

    if (p == NULL || ngx_http_jimeng_digest(r, digest, &key, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    jm_hex(p, digest, NGX_HTTP_JIMENG_CLIENT_LEN / 2);

    v->len = NGX_HTTP_JIMENG_CLIENT_LEN;
    v->data = p;

    return NGX_OK;
}
