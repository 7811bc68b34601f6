
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_upstream.h"


#define NGX_HTTP_JIMENG_SIGNED  5   /* headers, at most */


static ngx_int_t ngx_http_jimeng_sign_bearer(
    ngx_http_jimeng_account_t *account, ngx_list_t *headers);
static ngx_int_t ngx_http_jimeng_sign_request(
    ngx_http_jimeng_account_t *account, jm_sign_request_t *sr,
    jm_pair_t *pairs, ngx_http_jimeng_payload_t *payload, ngx_pool_t *pool);
static ngx_int_t ngx_http_jimeng_sign_authorization(
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    jm_sign_request_t *sr, jm_pair_t *authorization, ngx_pool_t *pool);
static ngx_int_t ngx_http_jimeng_sign_header(ngx_list_t *headers,
    const jm_pair_t *pair);
#if (NGX_DEBUG)
static void ngx_http_jimeng_sign_debug(jm_sign_request_t *sr,
    ngx_log_t *log);
#endif


/*
 * Adds what a request of this call and payload is sent with to headers: the
 * signature, and what it covers, but Host; or the key of Ark.
 */

ngx_int_t
ngx_http_jimeng_sign(ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_payload_t *payload,
    ngx_list_t *headers, ngx_log_t *log)
{
    jm_pair_t          pairs[NGX_HTTP_JIMENG_SIGNED], authorization;
    ngx_uint_t         i;
    jm_sign_request_t  sr;

    if (account->provider == JM_PROVIDER_ARK) {
        return ngx_http_jimeng_sign_bearer(account, headers);
    }

    ngx_memzero(&sr, sizeof(jm_sign_request_t));

    ngx_http_jimeng_str(&sr.query, &account->args[call]);

    if (ngx_http_jimeng_sign_request(account, &sr, pairs, payload,
                                        headers->pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (NGX_DEBUG)
    ngx_http_jimeng_sign_debug(&sr, log);
#endif

    if (ngx_http_jimeng_sign_authorization(account, call, &sr, &authorization,
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

        if (ngx_http_jimeng_sign_header(headers, &pairs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_jimeng_sign_header(headers, &authorization);
}


static ngx_int_t
ngx_http_jimeng_sign_bearer(ngx_http_jimeng_account_t *account,
    ngx_list_t *headers)
{
    u_char     *p;
    jm_pair_t   type, authorization;

    jm_str_set(&type.name, "content-type");
    jm_str_set(&type.value, "application/json");

    jm_str_set(&authorization.name, "authorization");

    authorization.value.len = sizeof("Bearer ") - 1 + account->api_key.len;

    p = ngx_pnalloc(headers->pool, authorization.value.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    authorization.value.data = p;

    p = ngx_cpymem(p, "Bearer ", sizeof("Bearer ") - 1);
    ngx_memcpy(p, account->api_key.data, account->api_key.len);

    if (ngx_http_jimeng_sign_header(headers, &type) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_sign_header(headers, &authorization);
}


/* done once: the ledger needs the hash of a submit, and so does each task */

ngx_int_t
ngx_http_jimeng_payload_hash(ngx_http_jimeng_payload_t *payload)
{
    u_char    digest[JM_DIGEST_LEN];
    jm_str_t  text;

    if (payload->hashed) {
        return NGX_OK;
    }

    ngx_http_jimeng_str(&text, &payload->text);

    if (ngx_http_jimeng_digest(digest, &text, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    jm_hex(payload->hash, digest, JM_DIGEST_LEN);
    payload->hashed = 1;

    return NGX_OK;
}


/*
 * The headers are signed in this order, which is that of their names; a
 * proxied request carries them and no other of the client's.
 */

static ngx_int_t
ngx_http_jimeng_sign_request(ngx_http_jimeng_account_t *account,
    jm_sign_request_t *sr, jm_pair_t *pairs,
    ngx_http_jimeng_payload_t *payload, ngx_pool_t *pool)
{
    u_char      *date, *hash;
    ngx_uint_t   n;

    date = ngx_pnalloc(pool, JM_DATE_LEN);
    hash = ngx_pnalloc(pool, JM_DIGEST_HEX_LEN);

    if (date == NULL || hash == NULL
        || ngx_http_jimeng_payload_hash(payload) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(hash, payload->hash, JM_DIGEST_HEX_LEN);
    jm_date(date, ngx_time());

    jm_str_set(&sr->method, "POST");
    jm_str_set(&sr->uri, "/");

    sr->date.len = JM_DATE_LEN;
    sr->date.data = date;
    sr->body_hash.len = JM_DIGEST_HEX_LEN;
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
ngx_http_jimeng_sign_authorization(ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, jm_sign_request_t *sr, jm_pair_t *authorization,
    ngx_pool_t *pool)
{
    u_char    *p;
    size_t     size;
    jm_buf_t   b;

    size = sizeof("HMAC-SHA256 Credential=/YYYYMMDD///request, "
                  "SignedHeaders=content-type;host;x-content-sha256;x-date;"
                  "x-security-token, Signature=") - 1
           + account->credential.access_key.len
           + account->credential.region.len + account->credential.service.len
           + JM_DIGEST_HEX_LEN;

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    jm_buf_fixed(&b, p, size);

    if (jm_sign(&b, sr, &account->credential, &account->signers[call])
        != JM_OK)
    {
        return NGX_ERROR;
    }

    jm_str_set(&authorization->name, "authorization");
    authorization->value = jm_buf_view(&b);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_sign_header(ngx_list_t *headers, const jm_pair_t *pair)
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
ngx_http_jimeng_sign_debug(jm_sign_request_t *sr, ngx_log_t *log)
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
