
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_conf.h"

#include "jm_request.h"
#include "jm_text.h"


/* a query's body has room for it */

#define NGX_HTTP_JIMENG_REQ_KEY_MAX  256

/* 14 hours in minutes: no place on earth is further from UTC */

#define NGX_HTTP_JIMENG_TIMEZONE_MAX  840


static char *ngx_http_jimeng_model_provider(ngx_conf_t *cf,
    jm_provider_e *provider);
static jm_model_t *ngx_http_jimeng_model_push(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_str_t *name,
    jm_provider_e provider);
static char *ngx_http_jimeng_model_option(ngx_conf_t *cf, jm_model_t *model,
    ngx_str_t *value);
static char *ngx_http_jimeng_model_area(ngx_conf_t *cf, jm_model_t *model,
    u_char *p, u_char *last);


char *
ngx_http_jimeng_model(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    char           *rv;
    size_t          n;
    jm_str_t        name, req_key;
    ngx_str_t      *value;
    ngx_uint_t      i;
    const char     *why;
    jm_model_t     *model;
    jm_provider_e   provider;

    value = cf->args->elts;

    if (value[1].len == 0 || value[2].len == 0) {
        return "needs a name and a req_key";
    }

    if (value[2].len > NGX_HTTP_JIMENG_REQ_KEY_MAX) {
        return "has a req_key that is too long";
    }

    ngx_http_jimeng_str(&name, &value[1]);

    ngx_http_jimeng_str(&req_key, &value[2]);

    if (jm_utf8_length(name, &n) != JM_OK
        || jm_utf8_length(req_key, &n) != JM_OK)
    {
        return "needs a name and a req_key in UTF-8";
    }

    rv = ngx_http_jimeng_model_provider(cf, &provider);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    model = ngx_http_jimeng_model_push(cf, jlcf, &value[1], provider);
    if (model == NULL) {
        return NGX_CONF_ERROR;
    }

    jm_model_init(model, name, req_key, provider);

    for (i = 3; i < cf->args->nelts; i++) {
        rv = ngx_http_jimeng_model_option(cf, model, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (jm_model_check(model, &why) != JM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "model \"%V\" can never work: \"%V\" %s",
                           &value[1], &value[2], why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* what else a row says changes what its provider's rows have */

static char *
ngx_http_jimeng_model_provider(ngx_conf_t *cf, jm_provider_e *provider)
{
    jm_str_t     req_key;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    ngx_http_jimeng_str(&req_key, &value[2]);

    *provider = jm_model_provider(req_key);

    for (i = 3; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "provider=", 9) != 0) {
            continue;
        }

        if (ngx_strcmp(value[i].data + 9, "ark") == 0) {
            *provider = JM_PROVIDER_ARK;

        } else if (ngx_strcmp(value[i].data + 9, "visual") == 0) {
            *provider = JM_PROVIDER_VISUAL;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"provider=\" in \"jimeng_model\" is "
                               "\"visual\" or \"ark\", not \"%s\"",
                               value[i].data + 9);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static jm_model_t *
ngx_http_jimeng_model_push(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *jlcf,
    ngx_str_t *name, jm_provider_e provider)
{
    ngx_uint_t   i;
    jm_model_t  *model;

    if (jlcf->models == NGX_CONF_UNSET_PTR) {
        jlcf->models = ngx_array_create(cf->pool, 4, sizeof(jm_model_t));
        if (jlcf->models == NULL) {
            return NULL;
        }
    }

    model = jlcf->models->elts;

    for (i = 0; i < jlcf->models->nelts; i++) {
        if (model[i].provider == provider
            && model[i].name.len == name->len
            && ngx_memcmp(model[i].name.data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate model \"%V\"", name);
            return NULL;
        }
    }

    return ngx_array_push(jlcf->models);
}


static char *
ngx_http_jimeng_model_option(ngx_conf_t *cf, jm_model_t *model,
    ngx_str_t *value)
{
    jm_str_t   price;
    ngx_int_t  n;

    if (ngx_strncmp(value->data, "provider=", 9) == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "price=", 6) == 0) {
        price.len = value->len - 6;
        price.data = value->data + 6;

        if (jm_money_read(price, &model->price) != JM_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"price=\" in \"jimeng_model\" takes the price "
                               "of a picture, as \"price=0.22\", not \"%V\"",
                               value);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "images=", 7) == 0) {
        n = ngx_atoi(value->data + 7, value->len - 7);

        if (n == NGX_ERROR || n > JM_REQUEST_IMAGES) {
            goto invalid;
        }

        model->images = (uint32_t) n;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "area=", 5) == 0) {
        return ngx_http_jimeng_model_area(cf, model, value->data + 5,
                                          value->data + value->len);
    }

    if (ngx_strcmp(value->data, "response_format=url") == 0) {
        model->takes &= ~JM_MODEL_DATA;
        model->takes |= JM_MODEL_URL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "response_format=b64_json") == 0) {
        model->takes &= ~JM_MODEL_URL;
        model->takes |= JM_MODEL_DATA;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=fraction") == 0) {
        model->scale = JM_SCALE_FRACTION;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=percent") == 0) {
        model->scale = JM_SCALE_PERCENT;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=detail") == 0) {
        model->scale = JM_SCALE_DETAIL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=none") == 0) {
        model->scale = JM_SCALE_NONE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "watermark=on") == 0) {
        model->watermark = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "watermark=off") == 0) {
        model->watermark = 0;
        return NGX_CONF_OK;
    }

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"jimeng_model\"", value);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_jimeng_model_area(ngx_conf_t *cf, jm_model_t *model, u_char *p,
    u_char *last)
{
    u_char     *dash;
    ngx_int_t   min, max;

    dash = ngx_strlchr(p, last, '-');

    if (dash) {
        min = ngx_atoi(p, dash - p);
        max = ngx_atoi(dash + 1, last - dash - 1);

        if (min > 0 && max >= min && max <= NGX_MAX_INT32_VALUE) {
            model->min_area = (uint32_t) min;
            model->max_area = (uint32_t) max;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"area=\" in \"jimeng_model\" takes two numbers of "
                       "pixels, as \"area=1048576-16777216\"");
    return NGX_CONF_ERROR;
}


char *
ngx_http_jimeng_timezone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    u_char     *p;
    ngx_int_t   hours, minutes;
    ngx_str_t  *value;

    if (jmcf->timezone != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    p = value[1].data;

    if (value[1].len != sizeof("+HH:MM") - 1
        || (p[0] != '+' && p[0] != '-') || p[3] != ':')
    {
        goto invalid;
    }

    hours = ngx_atoi(p + 1, 2);
    minutes = ngx_atoi(p + 4, 2);

    if (hours == NGX_ERROR || minutes == NGX_ERROR || minutes > 59
        || hours * 60 + minutes > NGX_HTTP_JIMENG_TIMEZONE_MAX)
    {
        goto invalid;
    }

    jmcf->timezone = (hours * 60 + minutes) * (p[0] == '-' ? -60 : 60);

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"jimeng_timezone\" takes a difference from UTC of 14 "
                       "hours at most, as \"+08:00\" or \"-03:30\", not "
                       "\"%V\"", &value[1]);
    return NGX_CONF_ERROR;
}
