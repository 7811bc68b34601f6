
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


static void ngx_http_jimeng_ticket_init(jm_ticket_t *t,
    ngx_http_request_t *r, ngx_http_jimeng_order_t *order,
    ngx_http_jimeng_account_t *account);


/*
 * Sets *id to what the client gets as its task's id: all that is needed to ask
 * for the result, sealed; empty when nothing was submitted.
 */

ngx_int_t
ngx_http_jimeng_ticket(ngx_http_jimeng_job_t *job, jm_str_t *id)
{
    ngx_str_t    text;
    ngx_uint_t   i, taken;
    jm_ticket_t  t;

    if (job->order.ids) {
        id->len = job->order.task_id.len;
        id->data = job->order.task_id.data;

        return NGX_OK;
    }

    ngx_http_jimeng_ticket_init(&t, job->request, &job->order, job->account);

    t.created = job->created;
    t.entry = ngx_http_jimeng_ledger_entry(job->claim);
    taken = 0;

    for (i = 0; i < job->order.n; i++) {
        ngx_http_jimeng_str(&t.ids[i], &job->tasks[i].id);

        if (t.ids[i].len) {
            taken = 1;
        }
    }

    ngx_str_null(&text);

    if (taken && ngx_http_jimeng_seal(job->request, &t, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    id->len = text.len;
    id->data = text.data;

    return NGX_OK;
}


/* to be asked before anything is paid for: what has no id cannot be found */

ngx_uint_t
ngx_http_jimeng_ticket_fits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order)
{
    jm_ticket_t                  t;
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    account = jlcf->accounts->elts;

    for (i = 0; i < jlcf->accounts->nelts; i++) {
        ngx_http_jimeng_ticket_init(&t, r, order, account[i]);

        if (!jm_ticket_fits(&t)) {
            return 0;
        }
    }

    return 1;
}


static void
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
    t->max_images = order->max_images;
    t->b64 = order->data_json.len ? 1 : 0;
}
