
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_access.h"

#include "jm_text.h"


/* bytes of nginx's $request_id, which are written in hex */

#define NGX_HTTP_JIMENG_REQUEST_ID  16

/* bytes of a model's name in a message */

#define NGX_HTTP_JIMENG_MODEL_ECHO  64


static void ngx_http_jimeng_keys_log(ngx_http_request_t *r,
    ngx_http_jimeng_who_t *who);
static ngx_int_t ngx_http_jimeng_key_refused(ngx_http_request_t *r,
    ngx_uint_t invalid);


/* NGX_DECLINED: *e says why the client may not be served */

ngx_int_t
ngx_http_jimeng_keys_check(ngx_http_request_t *r, jm_error_t *e)
{
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_who_t        who;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->keys == NULL && jlcf->client == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_jimeng_ctx(r);

    if (ctx == NULL || ngx_http_jimeng_who(r, &who) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->known = 1;

    if (who.cause == JM_CAUSE_NONE || jlcf->dry_run) {
        ctx->key = who.key;

        if (ngx_http_jimeng_who_client(r, &who, &ctx->client) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (who.cause == JM_CAUSE_NONE) {
        return NGX_OK;
    }

    ngx_http_jimeng_keys_log(r, &who);

    if (jlcf->dry_run) {
        return NGX_OK;
    }

    jm_error_set(e, who.cause, NULL, who.message ? "%s" : NULL, who.message);

    return (who.cause == JM_CAUSE_INVALID_KEY)
           ? ngx_http_jimeng_key_refused(r, who.sent) : NGX_DECLINED;
}


static void
ngx_http_jimeng_keys_log(ngx_http_request_t *r, ngx_http_jimeng_who_t *who)
{
    jm_str_t                     name;
    ngx_uint_t                   level;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    jm_str_set(&name, "");

    if (who->name.len) {
        name = who->name;

    } else if (who->line) {
        name = who->line->name;
    }

    /* that a name is of no use is nothing that its client has done */

    level = jlcf->dry_run ? NGX_LOG_WARN
            : (who->cause == JM_CAUSE_PERMISSION && name.len == 0)
              ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, r->connection->log, 0, "jimeng: %s%s%s%*s%s",
                  jlcf->dry_run ? "dry run: " : "", who->why,
                  name.len ? ": client \"" : "", name.len, name.data,
                  name.len ? "\"" : "");
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
