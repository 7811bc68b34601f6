
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_access.h"

#include "jm_text.h"


/* characters of a key's digest in $jimeng_client, without a file of keys */

#define NGX_HTTP_JIMENG_CLIENT_LEN  16


static ngx_int_t ngx_http_jimeng_who_name(ngx_http_request_t *r,
    ngx_http_jimeng_who_t *who);
static const char *ngx_http_jimeng_who_unfit(jm_str_t name);
static const jm_client_t *ngx_http_jimeng_who_line(ngx_http_request_t *r,
    jm_str_t name);
static ngx_int_t ngx_http_jimeng_who_key(ngx_http_request_t *r,
    ngx_http_jimeng_who_t *who);
static void ngx_http_jimeng_who_check(ngx_http_request_t *r,
    ngx_http_jimeng_who_t *who, const jm_client_t *line);
static void ngx_http_jimeng_who_address(ngx_http_request_t *r,
    jm_str_t *address);
static void ngx_http_jimeng_who_refused(ngx_http_jimeng_who_t *who,
    jm_cause_e cause, const char *why, const char *message);
static ngx_int_t ngx_http_jimeng_who_digest(ngx_http_request_t *r,
    ngx_http_variable_value_t *v);


/*
 * Sets *who to whom a request is of, as far as is known in the phase that it is
 * in.  A name says it, whatever the key is; a key that was sent has to be good
 * all the same.  But a file that has no keys cannot tell a good one: what was
 * sent is for whoever found the name, such as a login service.
 */

ngx_int_t
ngx_http_jimeng_who(ngx_http_request_t *r, ngx_http_jimeng_who_t *who)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ngx_memzero(who, sizeof(ngx_http_jimeng_who_t));

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->client && ngx_http_jimeng_who_name(r, who) != NGX_OK) {
        return NGX_ERROR;
    }

    if (who->cause != JM_CAUSE_NONE) {
        return NGX_OK;
    }

    if (jlcf->keys && (who->name.len == 0 || jlcf->keys->keys.n)
        && ngx_http_jimeng_who_key(r, who) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (who->line) {
        ngx_http_jimeng_who_check(r, who, who->line);
    }

    if (who->name.len == 0) {
        who->line = who->key;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_who_name(ngx_http_request_t *r, ngx_http_jimeng_who_t *who)
{
    jm_str_t                     name;
    ngx_str_t                    value;
    const char                  *why;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (ngx_http_complex_value(r, jlcf->client, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(&name, &value);

    if (name.len == 0) {
        return NGX_OK;
    }

    why = ngx_http_jimeng_who_unfit(name);

    if (why) {
        ngx_http_jimeng_who_refused(who, JM_CAUSE_PERMISSION, why,
                                    "The name by which this service knows you "
                                    "is not one that it can use: it has more "
                                    "than 64 bytes, or characters that no name "
                                    "has; ask the operator of this service.");
        return NGX_OK;
    }

    who->name = name;
    who->line = ngx_http_jimeng_who_line(r, name);

    return NGX_OK;
}


/* it is told in JSON, in labels of metrics and in the log */

static const char *
ngx_http_jimeng_who_unfit(jm_str_t name)
{
    size_t  i, n;

    if (name.len > JM_KEYS_NAME) {
        return "the name in \"jimeng_client\" has more than 64 bytes";
    }

    for (i = 0; i < name.len; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            return "the name in \"jimeng_client\" has a control character";
        }
    }

    if (jm_utf8_length(name, &n) != JM_OK) {
        return "the name in \"jimeng_client\" is not UTF-8";
    }

    return NULL;
}


/*
 * The line of a name, or what the file says of names without one.  As counters
 * go by names, one that has a line in another file is none of these.
 */

static const jm_client_t *
ngx_http_jimeng_who_line(ngx_http_request_t *r, jm_str_t name)
{
    const jm_client_t            *line;
    ngx_http_jimeng_loc_conf_t   *jlcf;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->keys == NULL) {
        return NULL;
    }

    line = jm_keys_named(&jlcf->keys->keys, name);

    if (line || jlcf->keys->keys.others == NULL) {
        return line;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    line = ngx_http_jimeng_keys_named(&jmcf->keys, name);

    return line ? line : jlcf->keys->keys.others;
}


static ngx_int_t
ngx_http_jimeng_who_key(ngx_http_request_t *r, ngx_http_jimeng_who_t *who)
{
    u_char                       digest[JM_DIGEST_LEN];
    jm_str_t                     key;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    if (ngx_http_jimeng_key(r, &key) != NGX_OK) {

        if (who->name.len == 0) {
            ngx_http_jimeng_who_refused(who, JM_CAUSE_INVALID_KEY,
                                        "there is no key", NULL);
        }

        return NGX_OK;
    }

    who->sent = 1;

    if (ngx_http_jimeng_digest(digest, &key, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    who->key = jm_keys_find(&jlcf->keys->keys, digest);

    if (who->key == NULL) {
        ngx_http_jimeng_who_refused(who, JM_CAUSE_INVALID_KEY,
                                    "the key is not known", NULL);
        return NGX_OK;
    }

    ngx_http_jimeng_who_check(r, who, who->key);

    return NGX_OK;
}


static void
ngx_http_jimeng_who_check(ngx_http_request_t *r, ngx_http_jimeng_who_t *who,
    const jm_client_t *line)
{
    jm_str_t  address;

    if (jm_client_expired(line, ngx_time())) {

        if (line == who->key) {
            ngx_http_jimeng_who_refused(who, JM_CAUSE_INVALID_KEY,
                                        "the key has expired",
                                        "The API key has expired; ask the "
                                        "operator of this service for a new "
                                        "one.");

        } else {
            ngx_http_jimeng_who_refused(who, JM_CAUSE_PERMISSION,
                                        "the line has expired",
                                        "Your time at this service is over; "
                                        "ask its operator for more.");
        }
    }

    ngx_http_jimeng_who_address(r, &address);

    if (!jm_client_from(line, address)) {
        ngx_http_jimeng_who_refused(who, JM_CAUSE_ADDRESS,
                                    "the line has no such address",
                                    NULL);
    }
}


/* the client's own, where nginx's realip module knows it */

static void
ngx_http_jimeng_who_address(ngx_http_request_t *r, jm_str_t *address)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        address->len = sizeof(struct in6_addr);
        address->data = (u_char *) &sin6->sin6_addr;
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        address->len = sizeof(in_addr_t);
        address->data = (u_char *) &sin->sin_addr;
        break;

    default: /* AF_UNIX */
        jm_str_set(address, "");
    }
}


/* the first reason is the one that counts */

static void
ngx_http_jimeng_who_refused(ngx_http_jimeng_who_t *who, jm_cause_e cause,
    const char *why, const char *message)
{
    if (who->cause == JM_CAUSE_NONE) {
        who->cause = cause;
        who->why = why;
        who->message = message;
    }
}


/*
 * Sets *client to whom a request counts for, or NULL.  A name without a line
 * has a client of its own, with what the file says of such names.
 */

ngx_int_t
ngx_http_jimeng_who_client(ngx_http_request_t *r, ngx_http_jimeng_who_t *who,
    const jm_client_t **client)
{
    jm_client_t  *own;

    *client = who->line;

    if (who->name.len == 0 || (who->line && !who->line->unlisted)) {
        return NGX_OK;
    }

    own = ngx_pcalloc(r->pool, sizeof(jm_client_t));
    if (own == NULL) {
        return NGX_ERROR;
    }

    if (who->line) {
        *own = *who->line;
    }

    own->name = who->name;
    own->unlisted = 1;

    *client = own;

    return NGX_OK;
}


/*
 * $jimeng_client, in any phase, as for limit_req_zone: until the module's own
 * handler has found the client, it is looked for each time, as an earlier phase
 * may have said since who it is.
 */

ngx_int_t
ngx_http_jimeng_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    jm_str_t                     name;
    ngx_http_jimeng_who_t        who;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    jm_str_set(&name, "");

    if (ctx && ctx->known) {
        ngx_http_jimeng_owner(r, &name);

    } else if (jlcf->keys || jlcf->client) {

        if (ngx_http_jimeng_who(r, &who) != NGX_OK) {
            return NGX_ERROR;
        }

        if (who.cause == JM_CAUSE_NONE) {
            name = who.name.len ? who.name
                   : who.line ? who.line->name : name;
        }
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = name.len;
    v->data = (u_char *) name.data;

    if (name.len || jlcf->keys) {
        return NGX_OK;
    }

    return ngx_http_jimeng_who_digest(r, v);
}


static ngx_int_t
ngx_http_jimeng_who_digest(ngx_http_request_t *r,
    ngx_http_variable_value_t *v)
{
    u_char    *p;
    u_char     digest[JM_DIGEST_LEN];
    jm_str_t   key;

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
