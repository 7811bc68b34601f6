
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The line in the access log of a task whose request had no more to say: its
 * worker was killed, or had to end.  Whoever finds the task over is another
 * client's request, whose line it cannot be.
 */


#include "ngx_http_jimeng_task.h"


/* all of a request that nginx's log and our variables look at */

typedef struct {
    ngx_connection_t        connection;
    ngx_http_connection_t   http;
    ngx_log_t               log;
    ngx_http_log_ctx_t      log_ctx;
    struct sockaddr         sockaddr;
    jm_client_t             client;
    ngx_http_jimeng_job_t   job;
    ngx_http_jimeng_task_t  task;
} ngx_http_jimeng_line_t;


static ngx_http_request_t *ngx_http_jimeng_line_request(
    ngx_http_jimeng_line_t *line, ngx_http_request_t *r);
static void ngx_http_jimeng_line_job(ngx_http_jimeng_line_t *line,
    ngx_http_jimeng_account_t *account, const jm_op_orphan_t *op);


/*
 * It is a request to nginx, that came over no connection, and was not replied
 * to.  r is the one that has found the task, whose location and server it has.
 */

void
ngx_http_jimeng_line(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, const jm_op_orphan_t *op)
{
    ngx_http_request_t      *fr;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_line_t   line;

    ngx_memzero(&line, sizeof(ngx_http_jimeng_line_t));

    fr = ngx_http_jimeng_line_request(&line, r);
    if (fr == NULL) {
        return;
    }

    ctx = ngx_http_jimeng_ctx(fr);

    if (ctx) {
        ngx_http_jimeng_line_job(&line, account, op);

        ctx->unasked = 1;
        ctx->known = 1;
        ctx->job = &line.job;

        if (op->client.len) {
            line.client.name = op->client;
            ctx->client = &line.client;
        }
    }

    ngx_http_free_request(fr, 0);
}


static ngx_http_request_t *
ngx_http_jimeng_line_request(ngx_http_jimeng_line_t *line,
    ngx_http_request_t *r)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *fr;

    c = &line->connection;

    line->http = *r->http_connection;
    line->http.busy = NULL;
    line->http.free = NULL;

    line->log = *r->connection->log;
    line->log.data = &line->log_ctx;
    line->log.action = NULL;
    line->log_ctx.connection = c;

    /* no address is what nginx has for clients of a UNIX-domain socket */

    line->sockaddr.sa_family = AF_UNIX;

    /* without one Lua takes it for a timer, which has no variables */

    c->fd = r->connection->fd;

    c->data = &line->http;
    c->log = &line->log;
    c->pool = r->pool;
    c->number = r->connection->number;
    c->start_time = ngx_current_msec;
    c->listening = r->connection->listening;
    c->sockaddr = &line->sockaddr;
    c->socklen = sizeof(struct sockaddr);
    c->local_sockaddr = r->connection->local_sockaddr;
    c->local_socklen = r->connection->local_socklen;

    ngx_str_set(&c->addr_text, "unix:");

    fr = ngx_http_create_request(c);

    if (fr) {
        fr->srv_conf = r->main->srv_conf;
        fr->loc_conf = r->main->loc_conf;
    }

    return fr;
}


static void
ngx_http_jimeng_line_job(ngx_http_jimeng_line_t *line,
    ngx_http_jimeng_account_t *account, const jm_op_orphan_t *op)
{
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *task;

    job = &line->job;
    task = &line->task;

    job->tasks = task;
    job->account = account;
    job->order.n = 1;
    job->order.req_key.len = op->orphan.key_len;
    job->order.req_key.data = (u_char *) op->orphan.key;

    task->job = job;
    task->id.len = op->orphan.len;
    task->id.data = (u_char *) op->orphan.id;
    task->task.state = JM_TASK_DONE;

    /* nobody knows how long it took: $jimeng_task_time is 0 */

    task->accepted = ngx_current_msec;
    task->finished = ngx_current_msec;

    task->slot.over.billed = 1;
    task->slot.over.bill = op->bill;
}
