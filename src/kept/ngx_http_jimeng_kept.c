
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_kept.h"


static void ngx_http_jimeng_kept_timer(ngx_event_t *ev);
static void ngx_http_jimeng_kept_open(ngx_http_jimeng_kept_t *k);
static void ngx_http_jimeng_kept_opened(ngx_http_jimeng_resp_t *resp);
static void ngx_http_jimeng_kept_auth(ngx_http_jimeng_kept_t *k);
static void ngx_http_jimeng_kept_authenticated(void *data, redisReply *reply);
static ngx_int_t ngx_http_jimeng_kept_reply(ngx_http_jimeng_resp_t *resp,
    redisReply *reply);
static void ngx_http_jimeng_kept_answered(ngx_http_jimeng_kept_t *k,
    redisReply *reply);
static void ngx_http_jimeng_kept_unasked(ngx_http_jimeng_kept_t *k,
    redisReply *reply);
static void ngx_http_jimeng_kept_measure(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command);
static void ngx_http_jimeng_kept_lost(ngx_http_jimeng_resp_t *resp,
    ngx_uint_t garbage, ngx_err_t err, const char *why);


/* in a worker; the log is to outlive it */

void
ngx_http_jimeng_kept_start(ngx_http_jimeng_kept_t *k, ngx_log_t *log)
{
    ngx_http_jimeng_resp_init(&k->resp, log);

    k->resp.data = k;
    k->resp.opened = ngx_http_jimeng_kept_opened;
    k->resp.reply = ngx_http_jimeng_kept_reply;
    k->resp.lost = ngx_http_jimeng_kept_lost;

    k->log = log;
    k->since = ngx_time();
    k->away = NGX_HTTP_JIMENG_KEPT_START;

    /* a worker that is to exit does not wait for it */

    k->timer.handler = ngx_http_jimeng_kept_timer;
    k->timer.data = k;
    k->timer.log = log;
    k->timer.cancelable = 1;

    ngx_add_timer(&k->timer, 1);
}


static void
ngx_http_jimeng_kept_timer(ngx_event_t *ev)
{
    ngx_http_jimeng_kept_t  *k;

    k = ev->data;

    if (!ngx_http_jimeng_resp_is(&k->resp)) {
        ngx_http_jimeng_kept_open(k);

    } else if (k->greeted) {
        ngx_http_jimeng_kept_late(k);

    } else {
        ngx_http_jimeng_kept_down(k, NGX_HTTP_JIMENG_KEPT_NETWORK, 0,
                                  k->resp.connected
                                  ? "it does not answer in time (timeout= in "
                                    "\"jimeng_store\")"
                                  : "no connection to it is made in time "
                                    "(timeout= in \"jimeng_store\")");
    }
}


static void
ngx_http_jimeng_kept_open(ngx_http_jimeng_kept_t *k)
{
    ngx_add_timer(&k->timer, k->conf->timeout);

    ngx_http_jimeng_resp_open(&k->resp, &k->conf->addrs[k->address]);
}


static void
ngx_http_jimeng_kept_opened(ngx_http_jimeng_resp_t *resp)
{
    ngx_http_jimeng_kept_t  *k;

    k = resp->data;

    if (k->conf->password.len) {
        ngx_http_jimeng_kept_auth(k);
    }

    k->greet(k);
}


static void
ngx_http_jimeng_kept_auth(ngx_http_jimeng_kept_t *k)
{
    size_t                           lens[3];
    ngx_uint_t                       n;
    const char                      *argv[3];
    ngx_http_jimeng_resp_command_t  *command;

    n = 0;

    argv[n] = "AUTH";
    lens[n++] = 4;

    if (k->conf->user.len) {
        argv[n] = (const char *) k->conf->user.data;
        lens[n++] = k->conf->user.len;
    }

    argv[n] = (const char *) k->conf->password.data;
    lens[n++] = k->conf->password.len;

    command = ngx_http_jimeng_resp_command(n, argv, lens, k->log);

    if (command == NULL) {
        return;
    }

    command->handler = ngx_http_jimeng_kept_authenticated;
    command->data = k;

    ngx_http_jimeng_kept_send(k, command);
}


static void
ngx_http_jimeng_kept_authenticated(void *data, redisReply *reply)
{
    ngx_http_jimeng_kept_t *k = data;

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_jimeng_kept_unasked(k, reply);
    }
}


/* it has answered all that it has to before it is used */

void
ngx_http_jimeng_kept_greeted(ngx_http_jimeng_kept_t *k)
{
    k->greeted = 1;
    k->opened = ngx_current_msec;

    if (k->timer.timer_set) {
        ngx_del_timer(&k->timer);
    }

    ngx_add_timer(&k->timer, k->conf->timeout);

    k->ready(k);
}


static ngx_int_t
ngx_http_jimeng_kept_reply(ngx_http_jimeng_resp_t *resp, redisReply *reply)
{
    ngx_http_jimeng_kept_t  *k;

    k = resp->data;

    k->heard = ngx_http_jimeng_resp_now();

    if (k->silent) {
        k->silent = 0;

        if (k->away == NGX_HTTP_JIMENG_KEPT_NETWORK) {
            ngx_http_jimeng_kept_back(k);
        }
    }

    if (k->push && k->push(k, reply)) {
        freeReplyObject(reply);

    } else if (ngx_queue_empty(&resp->asked)) {
        ngx_http_jimeng_kept_unasked(k, reply);
        freeReplyObject(reply);

    } else {
        ngx_http_jimeng_kept_answered(k, reply);
    }

    return ngx_http_jimeng_resp_is(resp) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_jimeng_kept_answered(ngx_http_jimeng_kept_t *k, redisReply *reply)
{
    ngx_queue_t                     *q;
    ngx_http_jimeng_resp_command_t  *command;

    q = ngx_queue_head(&k->resp.asked);
    command = ngx_http_jimeng_resp_get(q);

    if (--command->replies == 0) {
        ngx_queue_remove(q);
        ngx_http_jimeng_kept_measure(k, command);
    }

    if (command->user) {
        k->answer(k, command, reply);
        return;
    }

    /* a handler may close the connection, and free what is in its queues */

    if (command->replies) {
        command->handler(command->data, reply);
        freeReplyObject(reply);
        return;
    }

    if (command->handler) {
        command->handler(command->data, reply);
    }

    ngx_free(command);
    freeReplyObject(reply);
}


/* as what a server says that has too many clients, and closes */

static void
ngx_http_jimeng_kept_unasked(ngx_http_jimeng_kept_t *k, redisReply *reply)
{
    ngx_uint_t  away;

    away = ngx_http_jimeng_kept_error(reply);

    if (away == NGX_HTTP_JIMENG_KEPT_WELL) {
        away = (reply->type == REDIS_REPLY_ERROR && !k->greeted)
               ? NGX_HTTP_JIMENG_KEPT_REFUSED
               : NGX_HTTP_JIMENG_KEPT_GARBAGE;
    }

    ngx_http_jimeng_kept_down(k, away, 0, "");
}


/* as TCP does it (RFC 6298): an eighth of what is new */

static void
ngx_http_jimeng_kept_measure(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command)
{
    uint64_t  took;

    took = k->heard - ngx_min(command->asked, k->heard);

    k->latency = k->latency ? (7 * k->latency + took) / 8 : took;
}


static void
ngx_http_jimeng_kept_lost(ngx_http_jimeng_resp_t *resp, ngx_uint_t garbage,
    ngx_err_t err, const char *why)
{
    ngx_http_jimeng_kept_down(resp->data,
                              garbage ? NGX_HTTP_JIMENG_KEPT_GARBAGE
                                      : NGX_HTTP_JIMENG_KEPT_NETWORK,
                              err, why);
}


/* when the worker exits: what can be sent at once is sent */

void
ngx_http_jimeng_kept_stop(ngx_http_jimeng_kept_t *k)
{
    if (k->greeted) {
        (void) ngx_http_jimeng_resp_write(&k->resp);
    }

    ngx_http_jimeng_kept_drop(k);
}
