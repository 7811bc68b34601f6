
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_conf.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


static char *ngx_http_jimeng_secret_lines(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf, ngx_str_t *file, jm_str_t *text);
static ngx_http_jimeng_main_conf_t *ngx_http_jimeng_secret_old(
    ngx_cycle_t *cycle);


char *
ngx_http_jimeng_task_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    char       *rv;
    jm_str_t    text;
    ngx_str_t  *value;

    if (jmcf->nseal_keys) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rv = ngx_http_jimeng_credential_file(cf, &value[0], &value[1], &text);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_jimeng_secret_lines(cf, jmcf, &value[1], &text);

    /* the seal keys were made from it, and it is not needed any more */

    OPENSSL_cleanse((u_char *) text.data, text.len);

    return rv;
}


static char *
ngx_http_jimeng_secret_lines(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf, ngx_str_t *file, jm_str_t *text)
{
    u_char      *p, *end, *last, *next;
    jm_rc_e      rc;
    jm_str_t     line;
    ngx_uint_t   n;

    p = (u_char *) text->data;
    last = p + text->len;

    for (n = 1; p < last; n++, p = next) {

        end = ngx_strlchr(p, last, LF);
        next = end ? end + 1 : last;

        if (end == NULL) {
            end = last;
        }

        while (p < end && *p == ' ') {
            p++;
        }

        while (end > p && (end[-1] == ' ' || end[-1] == CR)) {
            end--;
        }

        if (p == end) {
            continue;
        }

        if (jmcf->nseal_keys == JM_SEAL_KEYS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"jimeng_task_secret\": file \"%V\" has more "
                               "than %d secrets in it, a line each",
                               file, JM_SEAL_KEYS);
            return NGX_CONF_ERROR;
        }

        line.len = end - p;
        line.data = p;

        rc = jm_seal_derive(&jmcf->seal_keys[jmcf->nseal_keys], line);

        if (rc == JM_INVALID) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"jimeng_task_secret\": line %ui of file "
                               "\"%V\" has less than %d bytes, \"openssl rand "
                               "-base64 32\" makes a good one",
                               n, file, JM_SEAL_SECRET_MIN);
            return NGX_CONF_ERROR;
        }

        if (rc != JM_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"jimeng_task_secret\": OpenSSL's HKDF "
                               "failed");
            return NGX_CONF_ERROR;
        }

        jmcf->nseal_keys++;
    }

    return NGX_CONF_OK;
}


/* without the directive: task ids are good until nginx is started again */

ngx_int_t
ngx_http_jimeng_secret_init(ngx_conf_t *cf, ngx_http_jimeng_main_conf_t *jmcf)
{
    u_char                        key[JM_CRYPT_KEY];
    jm_rc_e                       rc;
    ngx_http_jimeng_main_conf_t  *old;

    if (jmcf->nseal_keys) {
        return NGX_OK;
    }

    jmcf->nseal_keys = 1;
    jmcf->seal_random = 1;

    old = ngx_http_jimeng_secret_old(cf->cycle->old_cycle);

    /* not one of a file, which was perhaps taken out as it had become known */

    if (old && old->seal_random) {
        ngx_memcpy(key, old->seal_keys[0].key, JM_CRYPT_KEY);

    } else if (RAND_bytes(key, JM_CRYPT_KEY) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no random numbers to make a secret of, set one "
                           "with \"jimeng_task_secret\"");
        return NGX_ERROR;
    }

    rc = jm_seal_key_init(&jmcf->seal_keys[0], key);

    OPENSSL_cleanse(key, JM_CRYPT_KEY);

    if (rc != JM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "OpenSSL's AES-256-GCM failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The configuration before a reload, or NULL: if it did not load this module,
 * it has no place for the module's configuration either.
 */

static ngx_http_jimeng_main_conf_t *
ngx_http_jimeng_secret_old(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    if (cycle == NULL || cycle->conf_ctx == NULL) {
        return NULL;
    }

    for (i = 0; cycle->modules[i]; i++) {
        if (cycle->modules[i] == &ngx_http_jimeng_module) {
            return ngx_http_cycle_get_module_main_conf(cycle,
                                                       ngx_http_jimeng_module);
        }
    }

    return NULL;
}
