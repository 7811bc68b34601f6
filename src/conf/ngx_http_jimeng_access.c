
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_conf.h"

#include "jm_text.h"


/* characters of a key's digest in $jimeng_client, without a file of keys */

#define NGX_HTTP_JIMENG_CLIENT_LEN  16

/* bytes of nginx's $request_id, which are written in hex */

#define NGX_HTTP_JIMENG_REQUEST_ID  16

/* bytes of a model's name in a message */

#define NGX_HTTP_JIMENG_MODEL_ECHO  64


static ngx_int_t ngx_http_jimeng_client_find(ngx_http_request_t *r,
    const jm_client_t **client);
static ngx_int_t ngx_http_jimeng_key_refused(ngx_http_request_t *r,
    ngx_uint_t invalid);


/* *client is NULL if its key is not known here.  NGX_DECLINED: it sent none */

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

    if (ngx_http_jimeng_digest(digest, &key, 1) != NGX_OK) {
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


/* RFC 6750, section 3.1: a client that sent no key is told no error code */

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
 * $jimeng_client, in any phase, as for limit_req_zone: the key is looked up, as
 * the context may not have its client yet.
 */

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

    if (p == NULL || ngx_http_jimeng_digest(digest, &key, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    jm_hex(p, digest, NGX_HTTP_JIMENG_CLIENT_LEN / 2);

    v->len = NGX_HTTP_JIMENG_CLIENT_LEN;
    v->data = p;

    return NGX_OK;
}


char *
ngx_http_jimeng_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    dry_run;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (jlcf->keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    dry_run = (cf->args->nelts == 3);

    if (dry_run
        && (ngx_strcmp(value[1].data, "off") == 0
            || ngx_strcmp(value[2].data, "dry_run") != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"jimeng_keys\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        jlcf->keys = NULL;
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    jlcf->dry_run = dry_run;
    jlcf->keys = ngx_http_jimeng_keys_file(cf, &jmcf->keys, &value[0],
                                           &value[1]);

    return jlcf->keys ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * The value of $request_id, set before anybody asks for it: nginx would call
 * OpenSSL's generator for each.
 */

ngx_http_variable_value_t *
ngx_http_jimeng_request_id(ngx_http_request_t *r)
{
    u_char                       *p;
    u_char                        id[NGX_HTTP_JIMENG_REQUEST_ID];
    ngx_http_variable_value_t    *vv;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    vv = &r->variables[jmcf->request_id];

    if (vv->valid) {
        return vv;
    }

    p = ngx_pnalloc(r->pool, 2 * sizeof(id));

    if (p == NULL
        || ngx_http_jimeng_random(id, NGX_HTTP_JIMENG_REQUEST_ID,
                                  r->connection->log)
           != NGX_OK)
    {
        return NULL;
    }

    jm_hex(p, id, NGX_HTTP_JIMENG_REQUEST_ID);

    vv->len = 2 * sizeof(id);
    vv->data = p;
    vv->valid = 1;
    vv->no_cacheable = 0;
    vv->not_found = 0;

    return vv;
}
