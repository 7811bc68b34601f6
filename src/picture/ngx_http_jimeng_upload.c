
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_picture.h"

#include <openssl/rand.h>

#include "jm_text.h"


/* keeps the key of the names apart from what else the secret is used for */

#define NGX_HTTP_JIMENG_UPLOAD_LABEL  "jimeng upload"


/* a place for pictures, one after the other */

struct ngx_http_jimeng_store_s {
    ngx_http_jimeng_upload_t   *upload;
    ngx_file_t                  file;
    jm_digest_t                 name;
    unsigned                    open:1;
};


static char *ngx_http_jimeng_upload_url(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *url);
static ngx_path_t *ngx_http_jimeng_upload_path(ngx_conf_t *cf,
    ngx_str_t *value);
static char *ngx_http_jimeng_upload_add(ngx_conf_t *cf, ngx_path_t *path,
    ngx_http_jimeng_upload_t *upload, ngx_http_jimeng_upload_t **found);
static ngx_int_t ngx_http_jimeng_store_key(ngx_http_jimeng_account_t *account,
    u_char *key);
static void ngx_http_jimeng_store_close(ngx_http_jimeng_store_t *store);
static void ngx_http_jimeng_store_cleanup(void *data);


char *
ngx_http_jimeng_upload(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    char                      *rv;
    ngx_str_t                 *value, s;
    ngx_path_t                *path;
    ngx_http_jimeng_upload_t  *upload;

    if (jlcf->upload != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            return "takes a directory and its URL, or \"off\"";
        }

        jlcf->upload = NULL;
        return NGX_CONF_OK;
    }

    upload = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_upload_t));
    if (upload == NULL) {
        return NGX_CONF_ERROR;
    }

    upload->expires = 86400;

    if (cf->args->nelts == 4) {

        if (ngx_strncmp(value[3].data, "expires=", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"jimeng_upload\"",
                               &value[3]);
            return NGX_CONF_ERROR;
        }

        s.len = value[3].len - 8;
        s.data = value[3].data + 8;

        upload->expires = ngx_parse_time(&s, 1);

        if (upload->expires == (time_t) NGX_ERROR || upload->expires == 0) {
            return "takes a time greater than 0 in \"expires\"";
        }
    }

    rv = ngx_http_jimeng_upload_url(cf, &value[2], &upload->url);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    path = ngx_http_jimeng_upload_path(cf, &value[1]);
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_jimeng_upload_add(cf, path, upload, &jlcf->upload);
}


/* no character that has to be escaped: the URL goes into JSON as it is */

static char *
ngx_http_jimeng_upload_url(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *url)
{
    size_t  i, scheme;

    scheme = (ngx_strncmp(value->data, "http://", 7) == 0) ? 7
             : (ngx_strncmp(value->data, "https://", 8) == 0) ? 8 : 0;

    *url = *value;

    while (url->len > scheme && url->data[url->len - 1] == '/') {
        url->len--;
    }

    if (scheme == 0 || url->len == scheme || url->data[scheme] == '/') {
        goto invalid;
    }

    for (i = 0; i < url->len; i++) {

        if (url->data[i] <= ' ' || url->data[i] >= 0x7f
            || ngx_strlchr((u_char *) "\"\\<>?#", (u_char *) "\"\\<>?#" + 6,
                           url->data[i]))
        {
            goto invalid;
        }
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid URL \"%V\" in \"jimeng_upload\": it is where "
                       "Volcengine finds the directory, as "
                       "\"https://example.com/uploads\"", value);
    return NGX_CONF_ERROR;
}


/* nginx makes the directory, and gives it to the user of its workers */

static ngx_path_t *
ngx_http_jimeng_upload_path(ngx_conf_t *cf, ngx_str_t *value)
{
    u_char      *p;
    ngx_path_t  *path;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NULL;
    }

    p = ngx_pnalloc(cf->pool, value->len + 1);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, value->data, value->len);

    path->name.data = p;
    path->name.len = value->len;

    while (path->name.len && p[path->name.len - 1] == '/') {
        path->name.len--;
    }

    p[path->name.len] = '\0';

    if (path->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_upload\" needs a directory of its own, "
                           "not \"%V\"", value);
        return NULL;
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NULL;
    }

    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    return path;
}


/* locations that name the same directory share what is kept of it */

static char *
ngx_http_jimeng_upload_add(ngx_conf_t *cf, ngx_path_t *path,
    ngx_http_jimeng_upload_t *upload, ngx_http_jimeng_upload_t **found)
{
    ngx_uint_t                 i;
    ngx_path_t               **p;
    ngx_http_jimeng_upload_t  *other;

    p = cf->cycle->paths.elts;

    for (i = 0; i < cf->cycle->paths.nelts; i++) {

        if (p[i]->manager != ngx_http_jimeng_expire
            || p[i]->name.len != path->name.len
            || ngx_memcmp(p[i]->name.data, path->name.data, path->name.len)
               != 0)
        {
            continue;
        }

        other = p[i]->data;

        if (other->expires != upload->expires
            || other->url.len != upload->url.len
            || ngx_memcmp(other->url.data, upload->url.data, upload->url.len)
               != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the directory \"%V\" has another URL or "
                               "another \"expires\" in %s:%ui",
                               &path->name, p[i]->conf_file, p[i]->line);
            return NGX_CONF_ERROR;
        }

        *found = other;
        return NGX_CONF_OK;
    }

    path->manager = ngx_http_jimeng_expire;
    path->data = upload;

    upload->path = path;

    if (ngx_add_path(cf, &path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    *found = upload;

    return NGX_CONF_OK;
}


/* each picture is opened, and ended, before the next */

ngx_http_jimeng_store_t *
ngx_http_jimeng_store_create(ngx_http_jimeng_upload_t *upload,
    ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_jimeng_store_t  *store;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_jimeng_store_t));
    if (cln == NULL) {
        return NULL;
    }

    store = cln->data;
    ngx_memzero(store, sizeof(ngx_http_jimeng_store_t));

    store->upload = upload;
    store->file.log = log;

    store->file.name.len = upload->path->name.len + 1
                           + NGX_HTTP_JIMENG_UPLOAD_TEMP
                           + NGX_HTTP_JIMENG_UPLOAD_EXT;

    store->file.name.data = ngx_pnalloc(pool, store->file.name.len + 1);
    if (store->file.name.data == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_jimeng_store_cleanup;

    return store;
}


/*
 * A picture gets its name when it is whole, as that is a digest of it.  Until
 * then it has one that cannot be guessed either: the directory is served.
 */

ngx_int_t
ngx_http_jimeng_store_open(ngx_http_jimeng_store_t *store,
    ngx_http_jimeng_account_t *account)
{
    u_char       *p, bytes[NGX_HTTP_JIMENG_UPLOAD_TEMP / 2];
    u_char        digest[JM_DIGEST_LEN];
    jm_str_t      key;
    ngx_file_t   *file;

    file = &store->file;

    key.len = JM_DIGEST_LEN;
    key.data = digest;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1
        || ngx_http_jimeng_store_key(account, digest) != NGX_OK
        || jm_digest_init(&store->name, &key) != JM_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, file->log, 0,
                      "jimeng: no name could be made for a picture");
        return NGX_ERROR;
    }

    p = ngx_cpymem(file->name.data, store->upload->path->name.data,
                   store->upload->path->name.len);
    *p++ = '/';

    jm_hex(p, bytes, sizeof(bytes));
    p += NGX_HTTP_JIMENG_UPLOAD_TEMP;

    ngx_memcpy(p, ".tmp", sizeof(".tmp"));

    file->fd = ngx_open_tempfile(file->name.data, 1, 0);

    if (file->fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_CRIT, file->log, ngx_errno,
                      ngx_open_tempfile_n " \"%s\" failed", file->name.data);
        jm_digest_free(&store->name);
        return NGX_ERROR;
    }

    file->offset = 0;
    store->open = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_store_key(ngx_http_jimeng_account_t *account, u_char *key)
{
    jm_str_t  label;

    jm_str_set(&label, NGX_HTTP_JIMENG_UPLOAD_LABEL);

    return jm_digest(key, &account->credential.secret_key, &label, 1) == JM_OK
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_jimeng_store_add(ngx_http_jimeng_store_t *store, jm_str_t data)
{
    if (jm_digest_add(&store->name, data) != JM_OK) {
        ngx_log_error(NGX_LOG_CRIT, store->file.log, 0,
                      "jimeng: no name could be made for a picture");
        return NGX_ERROR;
    }

    if (ngx_write_file(&store->file, (u_char *) data.data, data.len,
                       store->file.offset)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The same picture has the same name: it takes the place of the one that is
 * there, and with it the time from which it expires.
 */

ngx_int_t
ngx_http_jimeng_store_end(ngx_http_jimeng_store_t *store,
    jm_picture_type_e type, ngx_pool_t *pool, jm_str_t *url)
{
    u_char      *p, *path, digest[JM_DIGEST_LEN];
    size_t       len;
    ngx_str_t   *dir, *base;

    dir = &store->upload->path->name;
    base = &store->upload->url;

    len = 1 + NGX_HTTP_JIMENG_UPLOAD_NAME + NGX_HTTP_JIMENG_UPLOAD_EXT;

    path = ngx_pnalloc(pool, dir->len + len + 1);
    p = ngx_pnalloc(pool, base->len + len);

    if (path == NULL || p == NULL
        || jm_digest_end(&store->name, digest) != JM_OK)
    {
        return NGX_ERROR;
    }

    url->data = p;
    url->len = base->len + len;

    p = ngx_cpymem(p, base->data, base->len);
    *p++ = '/';

    jm_hex(p, digest, JM_DIGEST_LEN);
    p += NGX_HTTP_JIMENG_UPLOAD_NAME;

    ngx_memcpy(p, type == JM_PICTURE_PNG ? ".png" : ".jpg",
               NGX_HTTP_JIMENG_UPLOAD_EXT);

    p = ngx_cpymem(path, dir->data, dir->len);
    p = ngx_cpymem(p, url->data + base->len, len);
    *p = '\0';

    if (ngx_rename_file(store->file.name.data, path) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, store->file.log, ngx_errno,
                      ngx_rename_file_n " \"%s\" to \"%s\" failed",
                      store->file.name.data, path);
        return NGX_ERROR;
    }

    ngx_http_jimeng_store_close(store);

    return NGX_OK;
}


static void
ngx_http_jimeng_store_close(ngx_http_jimeng_store_t *store)
{
    store->open = 0;

    jm_digest_free(&store->name);

    if (ngx_close_file(store->file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, store->file.log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed",
                      store->file.name.data);
    }
}


/* deletes a picture that was not ended: it was refused, or its client left */

static void
ngx_http_jimeng_store_cleanup(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (!store->open) {
        return;
    }

    if (ngx_delete_file(store->file.name.data) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, store->file.log, ngx_errno,
                      ngx_delete_file_n " \"%s\" failed",
                      store->file.name.data);
    }

    ngx_http_jimeng_store_close(store);
}
