
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_redis.h"


#define NGX_HTTP_JIMENG_REDIS_PORT         6379
#define NGX_HTTP_JIMENG_REDIS_TIMEOUT      1000
#define NGX_HTTP_JIMENG_REDIS_TIMEOUT_MIN  10
#define NGX_HTTP_JIMENG_REDIS_TIMEOUT_MAX  60000

#define NGX_HTTP_JIMENG_REDIS_PREFIX       64

/* digits of a database's number */

#define NGX_HTTP_JIMENG_REDIS_DB           5


typedef struct {
    ngx_str_t    name;          /* with its "=" */
    ngx_int_t  (*set)(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
                     ngx_str_t *value);
} ngx_http_jimeng_redis_param_t;


static ngx_int_t ngx_http_jimeng_redis_where(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_jimeng_redis_user(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *host);
static ngx_int_t ngx_http_jimeng_redis_host(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *host);
static u_char *ngx_http_jimeng_redis_last(ngx_str_t *s, u_char c);
static ngx_int_t ngx_http_jimeng_redis_db(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, u_char *p, u_char *last);
static ngx_int_t ngx_http_jimeng_redis_params(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis);
static ngx_int_t ngx_http_jimeng_redis_password(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_jimeng_redis_prefix(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_jimeng_redis_timeout(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_jimeng_redis_fallback(ngx_conf_t *cf,
    ngx_http_jimeng_redis_t *redis, ngx_str_t *value);


static ngx_http_jimeng_redis_param_t  ngx_http_jimeng_redis_known_params[] = {
    { ngx_string("password="), ngx_http_jimeng_redis_password },
    { ngx_string("prefix="), ngx_http_jimeng_redis_prefix },
    { ngx_string("timeout="), ngx_http_jimeng_redis_timeout },
    { ngx_string("fallback="), ngx_http_jimeng_redis_fallback },
    { ngx_null_string, NULL }
};


char *
ngx_http_jimeng_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    ngx_str_t                *value;
    ngx_http_jimeng_redis_t  *redis;

    if (jmcf->redis) {
        return "is duplicate";
    }

    value = cf->args->elts;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_redis_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    redis->conf.timeout = NGX_HTTP_JIMENG_REDIS_TIMEOUT;

    ngx_str_set(&redis->db, "0");
    ngx_str_set(&redis->prefix, "jimeng");

    if (ngx_http_jimeng_redis_where(cf, redis, &value[1]) != NGX_OK
        || ngx_http_jimeng_redis_params(cf, redis) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (redis->conf.user.len && redis->conf.password.len == 0) {
        return "names a user, and needs a \"password=file:...\"";
    }

    jmcf->redis = redis;

    return NGX_CONF_OK;
}


/* redis://[user@]host[:port][/db], or unix:path[:db] */

static ngx_int_t
ngx_http_jimeng_redis_where(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   host;

    host = *value;
    last = value->data + value->len;

    redis->conf.name = *value;

    if (ngx_strncmp(value->data, "unix:/", 6) == 0) {
        p = ngx_http_jimeng_redis_last(&host, ':');

        /* a colon with anything but digits after it is the path's own */

        if (p > value->data + 4
            && ngx_atoi(p + 1, last - p - 1) != NGX_ERROR)
        {
            host.len = p - host.data;

            if (ngx_http_jimeng_redis_db(cf, redis, p + 1, last) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        return ngx_http_jimeng_redis_host(cf, redis, &host);
    }

    if (ngx_strncmp(value->data, "redis://", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_store\" takes \"redis://host:port/db\" or "
                           "\"unix:/path\" of a Redis, or Valkey; TLS is for "
                           "stunnel");
        return NGX_ERROR;
    }

    host.data += 8;
    host.len -= 8;

    if (ngx_http_jimeng_redis_user(cf, redis, &host) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_strlchr(host.data, last, '/');

    if (p) {
        host.len = p - host.data;

        if (p + 1 < last
            && ngx_http_jimeng_redis_db(cf, redis, p + 1, last) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_jimeng_redis_host(cf, redis, &host);
}


/* what may be a password is not shown */

static ngx_int_t
ngx_http_jimeng_redis_user(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *host)
{
    u_char  *p;

    p = ngx_http_jimeng_redis_last(host, '@');

    if (p == NULL) {
        return NGX_OK;
    }

    redis->conf.user.data = host->data;
    redis->conf.user.len = p - host->data;

    if (ngx_strlchr(host->data, p, ':')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_store\" takes no password in its URL, but "
                           "in a file: \"password=file:path\"");
        return NGX_ERROR;
    }

    if (redis->conf.user.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_store\" has an empty user in \"%V\"",
                           &redis->conf.name);
        return NGX_ERROR;
    }

    host->len -= p + 1 - host->data;
    host->data = p + 1;

    return NGX_OK;
}


/* a name is resolved here, once, as proxy_pass does it */

static ngx_int_t
ngx_http_jimeng_redis_host(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *host)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *host;
    u.default_port = NGX_HTTP_JIMENG_REDIS_PORT;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\" of "
                           "\"jimeng_store\"",
                           u.err ? u.err : "wrong address",
                           &redis->conf.name);
        return NGX_ERROR;
    }

    redis->conf.addrs = u.addrs;
    redis->conf.naddrs = u.naddrs;

    return NGX_OK;
}


static u_char *
ngx_http_jimeng_redis_last(ngx_str_t *s, u_char c)
{
    u_char  *p;

    for (p = s->data + s->len; p > s->data; /* void */ ) {
        if (*--p == c) {
            return p;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_jimeng_redis_db(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    u_char *p, u_char *last)
{
    ngx_int_t  n;

    n = NGX_ERROR;

    if (last - p <= NGX_HTTP_JIMENG_REDIS_DB) {
        n = ngx_atoi(p, last - p);
    }

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_store\" takes the number of a database, "
                           "not what \"%V\" ends with", &redis->conf.name);
        return NGX_ERROR;
    }

    redis->db.data = ngx_pnalloc(cf->pool, NGX_INT_T_LEN + 1);
    if (redis->db.data == NULL) {
        return NGX_ERROR;
    }

    redis->db.len = ngx_sprintf(redis->db.data, "%i%Z", n) - redis->db.data - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_redis_params(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis)
{
    ngx_str_t                       value, *arg;
    ngx_uint_t                      i, n, seen;
    ngx_http_jimeng_redis_param_t  *param;

    arg = cf->args->elts;
    param = ngx_http_jimeng_redis_known_params;

    seen = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        for (n = 0; param[n].name.len; n++) {
            if (ngx_strncmp(arg[i].data, param[n].name.data,
                            param[n].name.len)
                == 0)
            {
                break;
            }
        }

        if (param[n].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"jimeng_store\", "
                               "which takes \"password=\", \"prefix=\", "
                               "\"timeout=\" and \"fallback=\"", &arg[i]);
            return NGX_ERROR;
        }

        if (seen & ((ngx_uint_t) 1 << n)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"%V\" in \"jimeng_store\"",
                               &param[n].name);
            return NGX_ERROR;
        }

        seen |= (ngx_uint_t) 1 << n;

        value.data = arg[i].data + param[n].name.len;
        value.len = arg[i].len - param[n].name.len;

        if (param[n].set(cf, redis, &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_redis_password(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *value)
{
    static ngx_str_t  name = ngx_string("jimeng_store");

    if (ngx_strncmp(value->data, "file:", 5) != 0
        && ngx_strncmp(value->data, "env:", 4) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password=\" in \"jimeng_store\" takes "
                           "\"file:path\" or \"env:name\", not the password "
                           "itself");
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_credential(cf, &name, value, &redis->conf.password)
        != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_redis_prefix(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *value)
{
    u_char      c;
    ngx_uint_t  i;

    if (value->len == 0 || value->len > NGX_HTTP_JIMENG_REDIS_PREFIX) {
        goto invalid;
    }

    for (i = 0; i < value->len; i++) {
        c = ngx_tolower(value->data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && ngx_strchr("-_.:", c) == NULL)
        {
            goto invalid;
        }
    }

    redis->prefix = *value;

    return NGX_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"prefix=\" in \"jimeng_store\" takes up to %d "
                       "letters, digits, \"-\", \"_\", \".\" and \":\", not "
                       "\"%V\"",
                       NGX_HTTP_JIMENG_REDIS_PREFIX, value);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_jimeng_redis_timeout(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *value)
{
    ngx_int_t  timeout;

    timeout = ngx_parse_time(value, 0);

    if (timeout == NGX_ERROR
        || timeout < NGX_HTTP_JIMENG_REDIS_TIMEOUT_MIN
        || timeout > NGX_HTTP_JIMENG_REDIS_TIMEOUT_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"timeout=\" in \"jimeng_store\" takes a time from "
                           "10ms to 60s, not \"%V\"", value);
        return NGX_ERROR;
    }

    redis->conf.timeout = (ngx_msec_t) timeout;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_redis_fallback(ngx_conf_t *cf, ngx_http_jimeng_redis_t *redis,
    ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "refuse") == 0) {
        redis->fallback = NGX_HTTP_JIMENG_REDIS_REFUSE;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "local") == 0) {
        redis->fallback = NGX_HTTP_JIMENG_REDIS_LOCAL;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"fallback=\" in \"jimeng_store\" is \"refuse\" or "
                       "\"local\", not \"%V\"", value);
    return NGX_ERROR;
}
