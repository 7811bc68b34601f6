
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A model that both services make: a new request is read in the words of the
 * first that has an account for it, and one that comes again in those that its
 * first try was read in.
 */


#include "ngx_http_jimeng_slot.h"


static const char *ngx_http_jimeng_service_name(const jm_model_t *row);
static void ngx_http_jimeng_service_cleanup(void *data);


/* for a request of a name with these two rows, in their order */

ngx_http_jimeng_service_t *
ngx_http_jimeng_service_create(ngx_http_request_t *r, ngx_pool_t *pool,
    const jm_model_t *first, const jm_model_t *second)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_jimeng_service_t  *s;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_jimeng_service_t));
    if (cln == NULL) {
        return NULL;
    }

    s = cln->data;
    ngx_memzero(s, sizeof(ngx_http_jimeng_service_t));

    s->request = r;
    s->rows[0] = first;
    s->rows[1] = second;

    if (jm_digest_init(&s->digest, NULL) != JM_OK) {
        return NULL;
    }

    cln->handler = ngx_http_jimeng_service_cleanup;

    return s;
}


/* s->done is called when it is known which one it is, as s->op has it */

void
ngx_http_jimeng_service_ask(ngx_http_jimeng_service_t *s)
{
    ngx_uint_t                    i, n;
    jm_queue_service_t           *service;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_account_t   **account;
    ngx_http_jimeng_loc_conf_t   *jlcf;

    jlcf = ngx_http_get_module_loc_conf(s->request, ngx_http_jimeng_module);

    account = jlcf->accounts->elts;

    for (i = 0; i < JM_QUEUE_SERVICES; i++) {
        service = &s->op.services[i];

        service->model = jm_model_hash(s->rows[i]->req_key);
        s->op.kinds[i] = s->rows[i]->provider;

        for (n = 0; n < jlcf->accounts->nelts; n++) {

            if (account[n]->provider == s->rows[i]->provider) {
                service->accounts |= (uint64_t) 1 << account[n]->queue_number;
            }
        }
    }

    s->op.n = JM_QUEUE_SERVICES;

    /* where there are accounts of both there is a zone */

    zone = ngx_http_jimeng_zone_get(s->request);

    ngx_http_jimeng_await_init(&s->await, s->request, NULL);
    ngx_http_jimeng_await(&s->await, &s->op.done, s->done.handler,
                          s->done.data);

    zone->backend.service(&zone->backend, &s->op);

    ngx_http_jimeng_awaited(&s->await);
}


/* once for each change, by whatever request it was noticed */

void
ngx_http_jimeng_service_log(ngx_http_jimeng_service_t *s)
{
    ngx_str_t   name;
    ngx_log_t  *log;

    log = s->request->connection->log;

    name.len = s->rows[0]->name.len;
    name.data = (u_char *) s->rows[0]->name.data;

    switch (s->op.news) {

    case JM_SERVICE_LEFT:
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "jimeng: the model \"%V\" is made by %s now, as all "
                      "accounts of %s are set aside for it",
                      &name, ngx_http_jimeng_service_name(s->rows[1]),
                      ngx_http_jimeng_service_name(s->rows[0]));
        break;

    case JM_SERVICE_BACK:
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "jimeng: the model \"%V\" is made by %s again", &name,
                      ngx_http_jimeng_service_name(s->rows[0]));
        break;

    default: /* JM_SERVICE_NO_NEWS */
        break;
    }
}


static const char *
ngx_http_jimeng_service_name(const jm_model_t *row)
{
    return row->provider == JM_PROVIDER_ARK ? "Ark" : "Jimeng";
}


static void
ngx_http_jimeng_service_cleanup(void *data)
{
    ngx_http_jimeng_service_t *s = data;

    jm_digest_free(&s->digest);
}
