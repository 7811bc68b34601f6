
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


#define NGX_HTTP_JIMENG_CREDENTIAL_MAX  4096
#define NGX_HTTP_JIMENG_SIGNED          5   /* headers, at most */

#define NGX_HTTP_JIMENG_TEXT            0   /* goes into headers as it is */
#define NGX_HTTP_JIMENG_SECRET          1   /* any bytes */


typedef struct {
    ngx_str_t                   name;
    size_t                      offset;
    ngx_uint_t                  type;
} ngx_http_jimeng_account_param_t;


static char *ngx_http_jimeng_account_param(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_jimeng_account_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);
static ngx_int_t ngx_http_jimeng_account_args(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);
static char *ngx_http_jimeng_credential(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, jm_str_t *credential);
static char *ngx_http_jimeng_credential_env(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential);
static ngx_int_t ngx_http_jimeng_account_request(
    ngx_http_jimeng_account_t *account, jm_sign_request_t *sr,
    jm_pair_t *pairs, ngx_http_jimeng_payload_t *payload, ngx_pool_t *pool);
static ngx_int_t ngx_http_jimeng_account_authorization(
    ngx_http_jimeng_account_t *account, jm_sign_request_t *sr,
    jm_pair_t *authorization, ngx_pool_t *pool);
static ngx_int_t ngx_http_jimeng_add_header(ngx_list_t *headers,
    const jm_pair_t *pair);
#if (NGX_DEBUG)
static void ngx_http_jimeng_account_debug(jm_sign_request_t *sr,
    ngx_log_t *log);
#endif


static ngx_http_jimeng_account_param_t  ngx_http_jimeng_account_params[] = {

    { ngx_string("access_key"),
      offsetof(ngx_http_jimeng_account_t, credential.access_key),
      NGX_HTTP_JIMENG_TEXT },

    { ngx_string("secret_key"),
      offsetof(ngx_http_jimeng_account_t, credential.secret_key),
      NGX_HTTP_JIMENG_SECRET },

    { ngx_string("security_token"),
      offsetof(ngx_http_jimeng_account_t, security_token),
      NGX_HTTP_JIMENG_TEXT },

    { ngx_string("region"),
      offsetof(ngx_http_jimeng_account_t, credential.region),
      NGX_HTTP_JIMENG_TEXT },

    { ngx_string("service"),
      offsetof(ngx_http_jimeng_account_t, credential.service),
      NGX_HTTP_JIMENG_TEXT },

    { ngx_string("host"),
      offsetof(ngx_http_jimeng_account_t, host),
      NGX_HTTP_JIMENG_TEXT }
};


ngx_int_t
ngx_http_jimeng_account_sign(ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_payload_t *payload,
    ngx_list_t *headers, ngx_log_t *log)
{
    jm_pair_t          pairs[NGX_HTTP_JIMENG_SIGNED], authorization;
    ngx_uint_t         i;
    jm_sign_request_t  sr;

    ngx_memzero(&sr, sizeof(jm_sign_request_t));

    sr.query.len = account->args[call].len;
    sr.query.data = account->args[call].data;

    if (ngx_http_jimeng_account_request(account, &sr, pairs, payload,
                                        headers->pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (NGX_DEBUG)
    ngx_http_jimeng_account_debug(&sr, log);
#endif

    if (ngx_http_jimeng_account_authorization(account, &sr, &authorization,
                                              headers->pool)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "jimeng: signing a request for account \"%V\" failed",
                      &account->name);
        return NGX_ERROR;
    }

    for (i = 0; i < sr.nheaders; i++) {

        /* Host is the proxied location's to send, as it was signed */

        if (jm_str_eq(&pairs[i].name, "host")) {
            continue;
        }

        if (ngx_http_jimeng_add_header(headers, &pairs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_jimeng_add_header(headers, &authorization);
}


/*
 * The headers are signed in this order, which is that of their names; a
 * proxied request carries them and no other of the client's.
 */

static ngx_int_t
ngx_http_jimeng_account_request(ngx_http_jimeng_account_t *account,
    jm_sign_request_t *sr, jm_pair_t *pairs,
    ngx_http_jimeng_payload_t *payload, ngx_pool_t *pool)
{
    u_char      *date, *hash;
    jm_str_t     text;
    ngx_uint_t   n;

    date = ngx_pnalloc(pool, JM_DATE_LEN);
    hash = ngx_pnalloc(pool, JM_SHA256_HEX_LEN);

    if (date == NULL || hash == NULL) {
        return NGX_ERROR;
    }

    if (payload->file) {
        ngx_memcpy(hash, payload->hash, JM_SHA256_HEX_LEN);

    } else {
        text.len = payload->text.len;
        text.data = payload->text.data;

        if (jm_sha256_hex(hash, text) != JM_OK) {
            return NGX_ERROR;
        }
    }

    jm_date(date, ngx_time());

    jm_str_set(&sr->method, "POST");
    jm_str_set(&sr->uri, "/");

    sr->date.len = JM_DATE_LEN;
    sr->date.data = date;
    sr->body_hash.len = JM_SHA256_HEX_LEN;
    sr->body_hash.data = hash;

    n = 0;

    jm_str_set(&pairs[n].name, "content-type");
    jm_str_set(&pairs[n].value, "application/json");
    n++;

    jm_str_set(&pairs[n].name, "host");
    pairs[n++].value = account->host;

    jm_str_set(&pairs[n].name, "x-content-sha256");
    pairs[n++].value = sr->body_hash;

    jm_str_set(&pairs[n].name, "x-date");
    pairs[n++].value = sr->date;

    if (account->security_token.len) {
        jm_str_set(&pairs[n].name, "x-security-token");
        pairs[n++].value = account->security_token;
    }

    sr->headers = pairs;
    sr->nheaders = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_account_authorization(ngx_http_jimeng_account_t *account,
    jm_sign_request_t *sr, jm_pair_t *authorization, ngx_pool_t *pool)
{
    u_char    *p;
    size_t     size;
    jm_buf_t   b;

    size = sizeof("HMAC-SHA256 Credential=/YYYYMMDD///request, "
                  "SignedHeaders=content-type;host;x-content-sha256;x-date;"
                  "x-security-token, Signature=") - 1
           + account->credential.access_key.len
           + account->credential.region.len + account->credential.service.len
           + JM_SHA256_HEX_LEN;

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    jm_buf_fixed(&b, p, size);

    if (jm_sign(&b, sr, &account->credential, &account->day_key) != JM_OK) {
        return NGX_ERROR;
    }

    jm_str_set(&authorization->name, "authorization");
    authorization->value = jm_buf_view(&b);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_add_header(ngx_list_t *headers, const jm_pair_t *pair)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = pair->name.len;
    h->key.data = (u_char *) pair->name.data;
    h->lowcase_key = h->key.data;
    h->hash = ngx_hash_key(h->key.data, h->key.len);

    h->value.len = pair->value.len;
    h->value.data = (u_char *) pair->value.data;

    return NGX_OK;
}


#if (NGX_DEBUG)

static void
ngx_http_jimeng_account_debug(jm_sign_request_t *sr, ngx_log_t *log)
{
    u_char    text[2048];
    jm_buf_t  b;

    if (!(log->log_level & NGX_LOG_DEBUG_HTTP)) {
        return;
    }

    jm_buf_fixed(&b, text, sizeof(text));
    jm_sign_canonical(&b, sr, 1);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log, 0,
                   "jimeng canonical request:%N%*s", b.len, b.data);
}

#endif


ngx_http_jimeng_account_t *
ngx_http_jimeng_account_find(ngx_http_jimeng_main_conf_t *jmcf,
    ngx_str_t *name)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;

    account = jmcf->accounts.elts;

    for (i = 0; i < jmcf->accounts.nelts; i++) {
        if (account[i]->name.len == name->len
            && ngx_memcmp(account[i]->name.data, name->data, name->len) == 0)
        {
            return account[i];
        }
    }

    return NULL;
}


char *
ngx_http_jimeng_account_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    char                        *rv;
    ngx_str_t                   *value;
    ngx_conf_t                   save;
    ngx_http_jimeng_account_t   *account, **pa;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs a name";
    }

    if (ngx_http_jimeng_account_find(jmcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate account \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    account = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_account_t));
    if (account == NULL) {
        return NGX_CONF_ERROR;
    }

    pa = ngx_array_push(&jmcf->accounts);
    if (pa == NULL) {
        return NGX_CONF_ERROR;
    }

    *pa = account;

    account->name = value[1];

    save = *cf;
    cf->handler = ngx_http_jimeng_account_param;
    cf->handler_conf = (char *) account;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_jimeng_account_check(cf, account);
}


static char *
ngx_http_jimeng_account_param(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_jimeng_account_t *account = conf;

    char                             *rv;
    size_t                            i;
    jm_str_t                         *slot;
    ngx_str_t                        *value;
    ngx_uint_t                        n;
    ngx_http_jimeng_account_param_t  *param;

    value = cf->args->elts;
    param = ngx_http_jimeng_account_params;

    for (n = 0; n < jm_nitems(ngx_http_jimeng_account_params); n++) {
        if (param[n].name.len == value[0].len
            && ngx_strcmp(param[n].name.data, value[0].data) == 0)
        {
            goto found;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"jimeng_account\"",
                       &value[0]);
    return NGX_CONF_ERROR;

found:

    if (cf->args->nelts != 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    slot = (jm_str_t *) ((u_char *) account + param[n].offset);

    if (slot->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive is duplicate", &value[0]);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_jimeng_credential(cf, &value[0], &value[1], slot);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (slot->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is empty", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (param[n].type == NGX_HTTP_JIMENG_TEXT) {
        for (i = 0; i < slot->len; i++) {
            if (slot->data[i] <= ' ' || slot->data[i] >= 0x7f) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"%V\" has a blank, a control or a "
                                   "non-ASCII character in it", &value[0]);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_account_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    const char  *missing;

    missing = (account->credential.access_key.len == 0) ? "access_key"
              : (account->credential.secret_key.len == 0) ? "secret_key"
              : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "account \"%V\" has no \"%s\"",
                           &account->name, missing);
        return NGX_CONF_ERROR;
    }

    if (account->credential.region.len == 0) {
        jm_str_set(&account->credential.region, JM_VISUAL_REGION);
    }

    if (account->credential.service.len == 0) {
        jm_str_set(&account->credential.service, JM_VISUAL_SERVICE);
    }

    if (account->host.len == 0) {
        jm_str_set(&account->host, JM_VISUAL_HOST);
    }

    if (ngx_http_jimeng_account_args(cf, account) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_account_args(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    jm_mem_t    mem;
    jm_buf_t    b;
    jm_pair_t   params[2];
    ngx_uint_t  call;

    ngx_http_jimeng_mem(&mem, cf->pool);

    for (call = 0; call < NGX_HTTP_JIMENG_CALLS; call++) {

        jm_str_set(&params[0].name, "Action");
        params[0].value = jm_visual_action((jm_visual_call_e) call);

        jm_str_set(&params[1].name, "Version");
        jm_str_set(&params[1].value, JM_VISUAL_VERSION);

        jm_buf_init(&b, &mem, 64, 256);
        jm_sign_query(&b, params, 2);

        if (b.rc != JM_OK) {
            return NGX_ERROR;
        }

        account->args[call].len = b.len;
        account->args[call].data = b.data;
    }

    return NGX_OK;
}


/* messages name where a value comes from, and never the value */

static char *
ngx_http_jimeng_credential(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    jm_str_t *credential)
{
    ngx_str_t  source;

    if (ngx_strncmp(value->data, "env:", 4) == 0) {
        source.len = value->len - 4;
        source.data = value->data + 4;

        return ngx_http_jimeng_credential_env(cf, name, &source, credential);
    }

    if (ngx_strncmp(value->data, "file:", 5) == 0) {
        source.len = value->len - 5;
        source.data = value->data + 5;

        return ngx_http_jimeng_credential_file(cf, name, &source, credential);
    }

    credential->len = value->len;
    credential->data = value->data;

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_credential_env(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential)
{
    char    *env;
    size_t   len;
    u_char  *p;

    env = getenv((char *) source->data);

    if (env == NULL || *env == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" takes its value from the environment "
                           "variable \"%V\", which is %s",
                           name, source, env ? "empty" : "not set");
        return NGX_CONF_ERROR;
    }

    len = ngx_strlen(env);

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, env, len);

    credential->len = len;
    credential->data = p;

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_credential_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential)
{
    char       *rv;
    u_char     *p;
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_err_t   err;

    if (ngx_conf_full_name(cf->cycle, source, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(source->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\": " ngx_open_file_n " \"%V\" failed",
                           name, source);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    p = ngx_pnalloc(cf->pool, NGX_HTTP_JIMENG_CREDENTIAL_MAX + 1);

    if (p == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, p, NGX_HTTP_JIMENG_CREDENTIAL_MAX + 1);
    err = (n == -1) ? ngx_errno : 0;

    if (n == -1 || n > NGX_HTTP_JIMENG_CREDENTIAL_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"%V\": file \"%V\" cannot be read, or is over "
                           "%d bytes", name, source,
                           NGX_HTTP_JIMENG_CREDENTIAL_MAX);
        goto done;
    }

    while (n && (p[n - 1] == LF || p[n - 1] == CR || p[n - 1] == ' ')) {
        n--;
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": file \"%V\" is empty", name, source);
        goto done;
    }

    credential->len = n;
    credential->data = p;

    rv = NGX_CONF_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", source);
    }

    return rv;
}
