
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_request.h"


/*
 * Whether a sealed id can hold what an order's retrieval needs, whichever
 * account it is on: the one with the longest name takes most.  This is asked
 * before anything is paid for: pictures that have no id could not be asked for
 * again.
 */

ngx_uint_t
ngx_http_jimeng_ticket_fits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order)
{
    jm_ticket_t                  t;
    ngx_uint_t                   i, longest;
    ngx_http_jimeng_account_t  **account;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    account = jlcf->accounts->elts;

    longest = 0;

    for (i = 1; i < jlcf->accounts->nelts; i++) {
        if (account[i]->name.len > account[longest]->name.len) {
            longest = i;
        }
    }

    ngx_http_jimeng_ticket_init(&t, r, order, account[longest]);

    return jm_ticket_fits(&t);
}


/* sets all but what is known after the submit: ids, entry and created */

void
ngx_http_jimeng_ticket_init(jm_ticket_t *t, ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_account_t *account)
{
    ngx_memzero(t, sizeof(jm_ticket_t));

    t->n = order->n;
    ngx_http_jimeng_str(&t->req_key, &order->req_key);
    ngx_http_jimeng_str(&t->account, &account->name);

    ngx_http_jimeng_owner(r, &t->owner);

    ngx_http_jimeng_str(&t->req_json, &order->req_json);
    t->size = order->look.size;
    t->quality = order->look.quality;
    t->gpt = order->gpt;
    t->jpeg = (order->look.type == JM_PICTURE_JPEG);
    t->max_images = order->max_images;
    t->b64 = order->data_json.len ? 1 : 0;
}


ngx_int_t
ngx_http_jimeng_ticket_seal(ngx_http_request_t *r, jm_ticket_t *t,
    ngx_str_t *text)
{
    u_char                        nonce[JM_CRYPT_NONCE];
    jm_buf_t                      b;
    jm_mem_t                      mem;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (ngx_http_jimeng_random(nonce, JM_CRYPT_NONCE, r->connection->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&b, &mem, 128, JM_SEAL_MAX);

    if (jm_seal(&b, &jmcf->seal_keys[0], nonce, t) != JM_OK) {
        return NGX_ERROR;
    }

    text->len = b.len;
    text->data = b.data;

    return NGX_OK;
}


/* NGX_DECLINED: it is no id, or not one of ours */

ngx_int_t
ngx_http_jimeng_ticket_unseal(ngx_http_request_t *r, ngx_str_t *text,
    jm_ticket_t *t)
{
    jm_rc_e                       rc;
    jm_mem_t                      mem;
    jm_str_t                      id;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    ngx_http_jimeng_str(&id, text);

    ngx_http_jimeng_mem(&mem, r->pool);

    rc = jm_unseal(t, jmcf->seal_keys, jmcf->nseal_keys, id, &mem);

    if (rc != JM_OK) {
        return rc == JM_INVALID ? NGX_DECLINED : NGX_ERROR;
    }

    return NGX_OK;
}
