
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


#define NGX_HTTP_JIMENG_KEYS_MAX  67108864


static ngx_http_jimeng_keys_t *ngx_http_jimeng_keys_file(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *file);
static ngx_int_t ngx_http_jimeng_keys_limits(ngx_conf_t *cf,
    ngx_http_jimeng_keys_t *one, ngx_http_jimeng_keys_t *other);
static void ngx_http_jimeng_keys_sort(ngx_array_t *clients);
static int ngx_libc_cdecl ngx_http_jimeng_keys_compare(const void *one,
    const void *two);


char *
ngx_http_jimeng_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   dry_run;

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

    jlcf->dry_run = dry_run;
    jlcf->keys = ngx_http_jimeng_keys_file(cf, &value[0], &value[1]);

    return jlcf->keys ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* a file is read once, wherever it is named */

static ngx_http_jimeng_keys_t *
ngx_http_jimeng_keys_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *file)
{
    size_t                        line;
    jm_mem_t                      mem;
    jm_str_t                      text;
    ngx_uint_t                    i;
    const char                   *why;
    ngx_http_jimeng_keys_t       *keys, **pk;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NULL;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    pk = jmcf->keys.elts;

    for (i = 0; i < jmcf->keys.nelts; i++) {
        if (pk[i]->file.len == file->len
            && ngx_memcmp(pk[i]->file.data, file->data, file->len) == 0)
        {
            return pk[i];
        }
    }

    keys = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_keys_t));
    pk = ngx_array_push(&jmcf->keys);

    if (keys == NULL || pk == NULL) {
        return NULL;
    }

    *pk = keys;

    keys->file = *file;

    if (ngx_http_jimeng_file_read(cf, name, file, NGX_HTTP_JIMENG_KEYS_MAX,
                                  &text)
        != NGX_OK)
    {
        return NULL;
    }

    ngx_http_jimeng_mem(&mem, cf->pool);

    switch (jm_keys_parse(&keys->keys, text, &mem, &line, &why)) {

    case JM_OK:
        return keys;

    case JM_INVALID:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "line %V:%uz of \"jimeng_keys\" %s", file, line,
                           why);
        return NULL;

    default: /* JM_ERROR */
        return NULL;
    }
}


ngx_int_t
ngx_http_jimeng_keys_create(ngx_conf_t *cf, ngx_http_jimeng_main_conf_t *jmcf)
{
    if (ngx_array_init(&jmcf->keys, cf->pool, 1,
                       sizeof(ngx_http_jimeng_keys_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&jmcf->clients, cf->pool, 1,
                          sizeof(const jm_client_t *));
}


/* when all files were read */

ngx_int_t
ngx_http_jimeng_keys_init(ngx_conf_t *cf, ngx_http_jimeng_main_conf_t *jmcf)
{
    size_t                    j;
    ngx_uint_t                i, k;
    const jm_client_t       **client;
    ngx_http_jimeng_keys_t  **keys;

    keys = jmcf->keys.elts;

    if (jmcf->keys.nelts && jmcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_keys\" needs a \"jimeng_zone\"");
        return NGX_ERROR;
    }

    for (i = 0; i < jmcf->keys.nelts; i++) {

        for (k = 0; k < i; k++) {
            if (ngx_http_jimeng_keys_limits(cf, keys[k], keys[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        for (j = 0; j < keys[i]->keys.n; j++) {
            client = ngx_array_push(&jmcf->clients);
            if (client == NULL) {
                return NGX_ERROR;
            }

            *client = &keys[i]->keys.clients[j];
        }
    }

    ngx_http_jimeng_keys_sort(&jmcf->clients);

    return NGX_OK;
}


/* by their names, and each of these once */

static void
ngx_http_jimeng_keys_sort(ngx_array_t *clients)
{
    ngx_uint_t           i, n;
    const jm_client_t  **client;

    client = clients->elts;

    ngx_qsort(client, clients->nelts, sizeof(const jm_client_t *),
              ngx_http_jimeng_keys_compare);

    for (n = 0, i = 0; i < clients->nelts; i++) {

        if (n == 0
            || ngx_http_jimeng_keys_compare(&client[n - 1], &client[i]) != 0)
        {
            client[n++] = client[i];
        }
    }

    clients->nelts = n;
}


static int ngx_libc_cdecl
ngx_http_jimeng_keys_compare(const void *one, const void *two)
{
    const jm_client_t *const  *a = one;
    const jm_client_t *const  *b = two;

    return ngx_memn2cmp((u_char *) (*a)->name.data, (u_char *) (*b)->name.data,
                        (*a)->name.len, (*b)->name.len);
}


/* counters go by names: two clients of one name are one */

static ngx_int_t
ngx_http_jimeng_keys_limits(ngx_conf_t *cf, ngx_http_jimeng_keys_t *one,
    ngx_http_jimeng_keys_t *other)
{
    size_t              i;
    ngx_str_t           name;
    const jm_client_t  *a, *b;

    for (i = 0; i < other->keys.n; i++) {
        b = &other->keys.clients[i];
        a = jm_keys_named(&one->keys, b->name);

        if (a && !jm_client_same_limits(a, b)) {
            name.len = b->name.len;
            name.data = (u_char *) b->name.data;

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "client \"%V\" of %V:%uz has other limits than "
                               "in %V:%uz", &name, &other->file, b->line,
                               &one->file, a->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
