
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


/* a report on its way: accounts are asked for first, then clients */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_zone_t     *zone;
    jm_report_t                 report;
    jm_report_account_t        *accounts;
    jm_report_account_t       **asked;      /* those of accounts_op */
    jm_report_client_t         *clients;
    jm_report_store_t           store;
    void                      (*handler)(void *data);   /* of accounts_op */
    jm_op_accounts_t            accounts_op;
    jm_op_clients_t             clients_op;
    jm_op_waits_t               waits_op;
#if (NGX_JIMENG_REDIS)
    jm_op_nodes_t               nodes_op;
#endif
    ngx_http_jimeng_await_t     await;
} ngx_http_jimeng_status_t;


/* what is told of each account, and client, is told to who is told the end */

#define ngx_http_jimeng_status_of(data)                                       \
    ((ngx_http_jimeng_await_t *) (data))->told.data


static char *ngx_http_jimeng_status_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_handler_pt handler);
static ngx_int_t ngx_http_jimeng_status_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_status_run_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_status_run_text(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_status_text(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_status_collect(ngx_http_request_t *r,
    void (*handler)(void *data));
static void ngx_http_jimeng_status_ask_accounts(ngx_http_jimeng_status_t *s);
#if (NGX_JIMENG_REDIS)
static ngx_int_t ngx_http_jimeng_status_store(ngx_http_jimeng_status_t *s);
static void ngx_http_jimeng_status_node(void *data,
    const jm_redis_node_t *node);
static ngx_int_t ngx_http_jimeng_status_copy(ngx_http_jimeng_status_t *s,
    jm_str_t *dst, const jm_str_t *src);
static void ngx_http_jimeng_status_nodes(void *data);
#endif
static ngx_int_t ngx_http_jimeng_status_accounts(ngx_http_jimeng_status_t *s);
static void ngx_http_jimeng_status_account(void *data, size_t i,
    const jm_queue_view_t *view);
static void ngx_http_jimeng_status_clients(void *data);
static void ngx_http_jimeng_status_first(void *data);
static void ngx_http_jimeng_status_ask(ngx_http_jimeng_status_t *s,
    ngx_uint_t n, void (*handler)(void *data));
static void ngx_http_jimeng_status_client(void *data, size_t i,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view);
static void ngx_http_jimeng_status_waits(void *data);
static void ngx_http_jimeng_status_write_json(void *data);
static void ngx_http_jimeng_status_write_text(void *data);


char *
ngx_http_jimeng_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_jimeng_status_set(cf, cmd, conf,
                                      ngx_http_jimeng_status_json);
}


char *
ngx_http_jimeng_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_jimeng_status_set(cf, cmd, conf,
                                      ngx_http_jimeng_status_text);
}


static char *
ngx_http_jimeng_status_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (jlcf->report) {
        return (jlcf->report == handler)
               ? "is duplicate"
               : "is one too many: a location has \"jimeng_status\" or "
                 "\"jimeng_metrics\"";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    jlcf->report = handler;
    jlcf->report_name = cmd->name;

    return NGX_CONF_OK;
}


/* when all of the configuration was read */

char *
ngx_http_jimeng_status_merge(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *prev,
    ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_jimeng_main_conf_t  *jmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && clcf->handler == NULL && conf->uri.data == NULL
        && conf->report == NULL)
    {
        conf->report = prev->report;
        conf->report_name = prev->report_name;

        if (clcf->lmt_excpt) {
            clcf->handler = conf->report;
        }
    }

    if (conf->report == NULL) {
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    if (jmcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a \"jimeng_zone\", where what it "
                           "shows is counted", &conf->report_name);
        return NGX_CONF_ERROR;
    }

    if (conf->uri.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a location of its own, without "
                           "\"jimeng_pass\"", &conf->report_name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_status_json(ngx_http_request_t *r)
{
    return ngx_http_jimeng_store_early(r, ngx_http_jimeng_status_run_json);
}


static ngx_int_t
ngx_http_jimeng_status_run_json(ngx_http_request_t *r)
{
    return ngx_http_jimeng_status_collect(r, ngx_http_jimeng_status_clients);
}


static ngx_int_t
ngx_http_jimeng_status_text(ngx_http_request_t *r)
{
    return ngx_http_jimeng_store_early(r, ngx_http_jimeng_status_run_text);
}


static ngx_int_t
ngx_http_jimeng_status_run_text(ngx_http_request_t *r)
{
    return ngx_http_jimeng_status_collect(r, ngx_http_jimeng_status_first);
}


/* the handler goes on when what all reports have is there */

static ngx_int_t
ngx_http_jimeng_status_collect(ngx_http_request_t *r,
    void (*handler)(void *data))
{
    ngx_http_jimeng_status_t     *s;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_status_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    s->request = r;
    s->zone = jmcf->zone;
    s->handler = handler;

    jm_str_set(&s->report.version, NGX_HTTP_JIMENG_VERSION);
    jm_str_set(&s->report.server, NGINX_VERSION);

    s->report.now = ngx_time();

    if (ngx_http_jimeng_report(s->zone, r->pool, &s->report) != NGX_OK
        || ngx_http_jimeng_status_accounts(s) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    ngx_http_jimeng_await_init(&s->await, r, NULL);

#if (NGX_JIMENG_REDIS)

    if (jmcf->redis) {
        ngx_http_jimeng_redis_report(jmcf->redis, &s->store);
        s->report.store = &s->store;
    }

    if (s->zone->store) {
        return ngx_http_jimeng_status_store(s);
    }

#endif

    ngx_http_jimeng_status_ask_accounts(s);

    return NGX_DONE;
}


#if (NGX_JIMENG_REDIS)

static ngx_int_t
ngx_http_jimeng_status_store(ngx_http_jimeng_status_t *s)
{
    s->store.nodes = ngx_palloc(s->request->pool,
                                JM_REDIS_NODES * sizeof(jm_report_node_t));
    if (s->store.nodes == NULL) {
        s->request->main->count--;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->nodes_op.each = ngx_http_jimeng_status_node;

    ngx_http_jimeng_await(&s->await, &s->nodes_op.done,
                          ngx_http_jimeng_status_nodes, s);

    jm_redis_nodes(&s->zone->store->redis, &s->nodes_op);

    ngx_http_jimeng_awaited(&s->await);

    return NGX_DONE;
}


/* what a node says of itself is the version of its module */

static void
ngx_http_jimeng_status_node(void *data, const jm_redis_node_t *node)
{
    ngx_http_jimeng_status_t *s = ngx_http_jimeng_status_of(data);

    jm_report_node_t  *n;

    if (s->await.torn || s->store.nnodes == JM_REDIS_NODES) {
        return;
    }

    n = &s->store.nodes[s->store.nnodes];

    if (ngx_http_jimeng_status_copy(s, &n->name, &node->name) == NGX_OK
        && ngx_http_jimeng_status_copy(s, &n->version, &node->says) == NGX_OK)
    {
        n->processes = node->processes;
        n->age = node->age;

        s->store.nnodes++;
    }
}


static ngx_int_t
ngx_http_jimeng_status_copy(ngx_http_jimeng_status_t *s, jm_str_t *dst,
    const jm_str_t *src)
{
    u_char  *p;

    p = ngx_pnalloc(s->request->pool, src->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, src->data, src->len);

    dst->data = p;
    dst->len = src->len;

    return NGX_OK;
}


static void
ngx_http_jimeng_status_nodes(void *data)
{
    ngx_http_jimeng_status_t *s = data;

    if (!s->await.torn) {
        ngx_http_jimeng_status_ask_accounts(s);
    }
}

#endif


static void
ngx_http_jimeng_status_ask_accounts(ngx_http_jimeng_status_t *s)
{
    ngx_http_jimeng_await(&s->await, &s->accounts_op.done, s->handler, s);

    s->zone->backend.accounts(&s->zone->backend, &s->accounts_op);

    ngx_http_jimeng_awaited(&s->await);
}


static ngx_int_t
ngx_http_jimeng_status_accounts(ngx_http_jimeng_status_t *s)
{
    unsigned                     *numbers;
    ngx_uint_t                    i, n;
    ngx_http_request_t           *r;
    ngx_http_jimeng_account_t   **account;
    ngx_http_jimeng_main_conf_t  *jmcf;

    r = s->request;
    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    n = jmcf->accounts.nelts;
    account = jmcf->accounts.elts;

    numbers = ngx_palloc(r->pool, (n + 1) * sizeof(unsigned));
    s->asked = ngx_palloc(r->pool, (n + 1) * sizeof(jm_report_account_t *));
    s->accounts = ngx_pcalloc(r->pool, (n + 1) * sizeof(jm_report_account_t));

    if (numbers == NULL || s->asked == NULL || s->accounts == NULL) {
        return NGX_ERROR;
    }

    s->report.accounts = s->accounts;
    s->report.naccounts = n;

    s->accounts_op.accounts = numbers;
    s->accounts_op.each = ngx_http_jimeng_status_account;

    for (i = 0; i < n; i++) {
        ngx_http_jimeng_str(&s->accounts[i].name, &account[i]->name);

        if (account[i]->limits.concurrency) {
            s->asked[s->accounts_op.n] = &s->accounts[i];
            numbers[s->accounts_op.n++] = account[i]->queue_number;
        }
    }

    return NGX_OK;
}


static void
ngx_http_jimeng_status_account(void *data, size_t i,
    const jm_queue_view_t *view)
{
    ngx_http_jimeng_status_t *s = ngx_http_jimeng_status_of(data);

    jm_report_account_t  *account;

    account = s->asked[i];

    account->slots = 1;
    account->concurrency = view->conf.concurrency;
    account->effective = view->effective;
    account->running = view->running;
    account->lost = view->lost;
    account->waiting = view->waiting;
    account->queue = view->conf.queue;
    account->average = view->average;
    account->rest = view->rest;
    account->aside = view->aside;
    account->submits = view->submits;
    account->refusals = view->busy_rate + view->busy_tasks;
    account->denied = view->denied;
    account->queries_denied = view->queries_denied;
    account->cost = view->cost;
    account->cost_lost = view->cost_lost;
}


static void
ngx_http_jimeng_status_clients(void *data)
{
    ngx_http_jimeng_status_t *s = data;

    if (!s->await.torn) {
        ngx_http_jimeng_status_ask(s, s->zone->jmcf->clients.nelts,
                                   ngx_http_jimeng_status_write_json);
    }
}


/* the limits of so many, the first by their names, are series */

static void
ngx_http_jimeng_status_first(void *data)
{
    ngx_http_jimeng_status_t *s = data;

    ngx_uint_t           n;
    ngx_http_request_t  *r;

    r = s->request;
    n = s->zone->jmcf->clients.nelts;

    if (s->await.torn) {
        return;
    }

    if (ngx_http_jimeng_report_groups(s->zone, r->pool, &s->report) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_jimeng_status_ask(s, ngx_min(n, JM_METRICS_CLIENTS),
                               ngx_http_jimeng_status_waits);
}


static void
ngx_http_jimeng_status_ask(ngx_http_jimeng_status_t *s, ngx_uint_t n,
    void (*handler)(void *data))
{
    ngx_http_request_t  *r;

    r = s->request;

    s->clients = ngx_pcalloc(r->pool, (n + 1) * sizeof(jm_report_client_t));

    if (s->clients == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    s->report.clients = s->clients;
    s->report.nclients = n;

    s->clients_op.clients = s->zone->jmcf->clients.elts;
    s->clients_op.n = n;
    s->clients_op.each = ngx_http_jimeng_status_client;

    ngx_http_jimeng_await(&s->await, &s->clients_op.done, handler, s);

    s->zone->backend.clients(&s->zone->backend, &s->clients_op);

    ngx_http_jimeng_awaited(&s->await);
}


static void
ngx_http_jimeng_status_client(void *data, size_t i,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view)
{
    ngx_http_jimeng_status_t *s = ngx_http_jimeng_status_of(data);

    jm_report_client_t  *c;
    const jm_client_t   *client;

    c = &s->clients[i];
    client = s->clients_op.clients[i];

    c->name = client->name;
    c->rate = rate->limit;
    c->rate_period = client->rate_period / 1000;
    c->rate_remaining = rate->remaining;
    c->rate_used = rate->limit - ngx_min(rate->limit, rate->remaining);
    c->concurrency = view->concurrency;
    c->running = view->running;
    c->images = view->limit;
    c->images_period = client->images_period;
    c->images_used = view->used;
    c->images_reserved = view->reserved;
    c->images_remaining = view->remaining;
    c->images_reset = view->reset;
    c->images_taken = view->used + view->reserved;
    c->budget = view->budget;
    c->budget_period = client->budget_period;
    c->budget_taken = view->budget.spent + view->budget.reserved;
}


static void
ngx_http_jimeng_status_waits(void *data)
{
    ngx_http_jimeng_status_t *s = data;

    if (s->await.torn) {
        return;
    }

    if (ngx_http_jimeng_report_waits(s->zone, s->request->pool,
                                     s->report.nclients, &s->waits_op)
        != NGX_OK)
    {
        ngx_http_finalize_request(s->request, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_jimeng_await(&s->await, &s->waits_op.done,
                          ngx_http_jimeng_status_write_text, s);

    s->zone->backend.waits(&s->zone->backend, &s->waits_op);

    ngx_http_jimeng_awaited(&s->await);
}


/* no larger than series, the configuration and its keys make it */

static void
ngx_http_jimeng_status_write_json(void *data)
{
    ngx_http_jimeng_status_t *s = data;

    jm_buf_t             out;
    jm_mem_t             mem;
    ngx_http_request_t  *r;

    r = s->request;

    if (s->await.torn) {
        return;
    }

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 16384, NGX_MAX_SIZE_T_VALUE);

    (void) jm_metrics_json(&out, &s->report);

    ngx_http_finalize_request(r, ngx_http_jimeng_send_report(r, NULL, &out));
}


/* no larger than series and the configuration make it */

static void
ngx_http_jimeng_status_write_text(void *data)
{
    ngx_http_jimeng_status_t *s = data;

    jm_buf_t             out;
    jm_mem_t             mem;
    ngx_http_request_t  *r;

    static ngx_str_t  type = ngx_string("text/plain; version=0.0.4; "
                                        "charset=utf-8");

    r = s->request;

    if (s->await.torn) {
        return;
    }

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 16384, NGX_MAX_SIZE_T_VALUE);

    ngx_http_jimeng_report_waiting(&s->report, s->clients, &s->waits_op);

    (void) jm_metrics_text(&out, &s->report);

    ngx_http_finalize_request(r, ngx_http_jimeng_send_report(r, &type, &out));
}
