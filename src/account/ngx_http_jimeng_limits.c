
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_account.h"


/* each slot and each place takes some of the zone from the start */

#define NGX_HTTP_JIMENG_COUNT_MAX  65535

#define NGX_HTTP_JIMENG_QUEUE      100


static ngx_int_t ngx_http_jimeng_limit_atoi(ngx_str_t *value);


/* "concurrency" and "weight" */

char *
ngx_http_jimeng_limit_count(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    ngx_uint_t *np = field;

    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (*np != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    n = ngx_http_jimeng_limit_atoi(&value[1]);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" takes a number from 1 to %d, not \"%V\"",
                           &value[0], NGX_HTTP_JIMENG_COUNT_MAX, &value[1]);
        return NGX_CONF_ERROR;
    }

    *np = n;

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_limit_queue(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    ngx_http_jimeng_limits_t *limits = field;

    ngx_int_t   n;
    ngx_str_t  *value, s;

    value = cf->args->elts;

    if (limits->queue != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (cf->args->nelts > 2) {
            return "takes nothing else with \"off\"";
        }

        limits->queue = 0;

        return NGX_CONF_OK;
    }

    n = ngx_http_jimeng_limit_atoi(&value[1]);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"queue\" takes a number from 1 to %d, or "
                           "\"off\", not \"%V\"",
                           NGX_HTTP_JIMENG_COUNT_MAX, &value[1]);
        return NGX_CONF_ERROR;
    }

    limits->queue = n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "timeout=", 8) == 0) {
        s.len = value[2].len - 8;
        s.data = value[2].data + 8;

        n = ngx_parse_time(&s, 0);

        if (n != NGX_ERROR && n != 0) {
            limits->timeout = n;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"queue\", it may be "
                       "\"timeout=\" and a time above 0", &value[2]);
    return NGX_CONF_ERROR;
}


char *
ngx_http_jimeng_limit_interval(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    ngx_msec_t *msec = field;

    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (*msec != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    n = ngx_parse_time(&value[1], 0);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"interval\" takes a time, as \"500ms\", not "
                           "\"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    *msec = n;

    return NGX_CONF_OK;
}


/* pictures a minute, as "500r/m" */

char *
ngx_http_jimeng_limit_rate(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    ngx_uint_t *rate = field;

    ngx_int_t   n;
    ngx_str_t  *value, s;

    value = cf->args->elts;

    if (*rate != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    n = NGX_ERROR;
    s = value[1];

    if (s.len > 3 && ngx_strncmp(s.data + s.len - 3, "r/m", 3) == 0) {
        s.len -= 3;
        n = ngx_http_jimeng_limit_atoi(&s);
    }

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"rate\" takes a number of pictures a minute, from "
                           "1r/m to %dr/m, not \"%V\"",
                           NGX_HTTP_JIMENG_COUNT_MAX, &value[1]);
        return NGX_CONF_ERROR;
    }

    *rate = n;

    return NGX_CONF_OK;
}


void
ngx_http_jimeng_limits_init(ngx_http_jimeng_limits_t *limits)
{
    limits->concurrency = NGX_CONF_UNSET_UINT;
    limits->queue = NGX_CONF_UNSET_UINT;
    limits->weight = NGX_CONF_UNSET_UINT;
    limits->interval = NGX_CONF_UNSET_MSEC;
    limits->rate = NGX_CONF_UNSET_UINT;
}


/* without slots nobody waits for one: such a line has been misunderstood */

char *
ngx_http_jimeng_limits_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    const char                *name;
    ngx_http_jimeng_limits_t  *limits;

    limits = &account->limits;

    if (limits->concurrency == NGX_CONF_UNSET_UINT) {

        name = (limits->queue != NGX_CONF_UNSET_UINT) ? "queue"
               : (limits->interval != NGX_CONF_UNSET_MSEC) ? "interval"
               : (limits->weight != NGX_CONF_UNSET_UINT) ? "weight"
               : (limits->rate != NGX_CONF_UNSET_UINT) ? "rate"
               : NULL;

        if (name) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\" of account \"%V\" needs "
                               "\"concurrency\"", name, &account->name);
            return NGX_CONF_ERROR;
        }
    }

    ngx_conf_init_uint_value(limits->concurrency, 0);
    ngx_conf_init_uint_value(limits->queue, NGX_HTTP_JIMENG_QUEUE);
    ngx_conf_init_uint_value(limits->weight, 1);
    ngx_conf_init_msec_value(limits->interval, 0);
    ngx_conf_init_uint_value(limits->rate, 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_limit_atoi(ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    return (n < 1 || n > NGX_HTTP_JIMENG_COUNT_MAX) ? NGX_ERROR : n;
}
