
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_account.h"


#define NGX_HTTP_JIMENG_KEYS_MAX  67108864


static ngx_int_t ngx_http_jimeng_keys_limits(ngx_conf_t *cf,
    ngx_http_jimeng_keys_t *one, ngx_http_jimeng_keys_t *other);
static void ngx_http_jimeng_keys_sort(ngx_array_t *clients);
static int ngx_libc_cdecl ngx_http_jimeng_keys_compare(const void *one,
    const void *two);


/* a file is read once, wherever it is named */

ngx_http_jimeng_keys_t *
ngx_http_jimeng_keys_file(ngx_conf_t *cf, ngx_array_t *files,
    ngx_str_t *name, ngx_str_t *file)
{
    size_t                   line;
    jm_mem_t                 mem;
    jm_str_t                 text;
    ngx_uint_t               i;
    const char              *why;
    ngx_http_jimeng_keys_t  *keys, **pk;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NULL;
    }

    pk = files->elts;

    for (i = 0; i < files->nelts; i++) {
        if (pk[i]->file.len == file->len
            && ngx_memcmp(pk[i]->file.data, file->data, file->len) == 0)
        {
            return pk[i];
        }
    }

    keys = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_keys_t));
    pk = ngx_array_push(files);

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


/* the client of this name in any of the files, or NULL */

const jm_client_t *
ngx_http_jimeng_keys_named(ngx_array_t *files, jm_str_t name)
{
    ngx_uint_t                i;
    const jm_client_t        *client;
    ngx_http_jimeng_keys_t  **keys;

    keys = files->elts;

    for (i = 0; i < files->nelts; i++) {
        client = jm_keys_named(&keys[i]->keys, name);

        if (client) {
            return client;
        }
    }

    return NULL;
}


/* the clients of all files, when these were read */

ngx_int_t
ngx_http_jimeng_keys_clients(ngx_conf_t *cf, ngx_array_t *files,
    ngx_array_t *clients)
{
    size_t                    j;
    ngx_uint_t                i, k;
    const jm_client_t       **client;
    ngx_http_jimeng_keys_t  **keys;

    keys = files->elts;

    for (i = 0; i < files->nelts; i++) {

        for (k = 0; k < i; k++) {
            if (ngx_http_jimeng_keys_limits(cf, keys[k], keys[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        for (j = 0; j < keys[i]->keys.nnames; j++) {
            client = ngx_array_push(clients);
            if (client == NULL) {
                return NGX_ERROR;
            }

            *client = keys[i]->keys.names[j];
        }
    }

    ngx_http_jimeng_keys_sort(clients);

    return NGX_OK;
}


/* sorts clients by their names, and leaves each name once */

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


/* limits are counted by name: keys of one name must have the same */

static ngx_int_t
ngx_http_jimeng_keys_limits(ngx_conf_t *cf, ngx_http_jimeng_keys_t *one,
    ngx_http_jimeng_keys_t *other)
{
    size_t              i;
    ngx_str_t           name;
    const jm_client_t  *a, *b;

    for (i = 0; i <= other->keys.nnames; i++) {

        if (i < other->keys.nnames) {
            b = other->keys.names[i];
            a = jm_keys_named(&one->keys, b->name);

        } else {
            b = other->keys.others;
            a = b ? one->keys.others : NULL;
        }

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
