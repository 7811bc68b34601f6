
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_kept.h"


/* milliseconds without an answer after which it is asked whether it lives */

#define NGX_HTTP_JIMENG_KEPT_PING     1000

/*
 * And for which it is waited for: what it was told already is done in order,
 * which another connection's commands could come before.
 */

#define NGX_HTTP_JIMENG_KEPT_SILENCE  10000


static ngx_msec_t ngx_http_jimeng_kept_expire(ngx_http_jimeng_kept_t *k,
    ngx_queue_t *queue, uint64_t now);
static ngx_msec_t ngx_http_jimeng_kept_watch(ngx_http_jimeng_kept_t *k,
    uint64_t now);


/* the timer of a connection that is in use */

void
ngx_http_jimeng_kept_late(ngx_http_jimeng_kept_t *k)
{
    uint64_t    now;
    ngx_msec_t  asked, out, silence;

    now = ngx_http_jimeng_resp_now();

    asked = ngx_http_jimeng_kept_expire(k, &k->resp.asked, now);
    out = ngx_http_jimeng_kept_expire(k, &k->resp.out, now);

    if (k->silent) {
        ngx_http_jimeng_kept_away(k, NGX_HTTP_JIMENG_KEPT_NETWORK, 0,
                                  "it does not answer in time (timeout= in "
                                  "\"jimeng_store\")");

        silence = ngx_max(NGX_HTTP_JIMENG_KEPT_SILENCE, 2 * k->conf->timeout);

        if ((now - k->heard) / 1000 >= silence) {
            ngx_http_jimeng_kept_down(k, NGX_HTTP_JIMENG_KEPT_NETWORK, 0,
                                      "it does not answer");
            return;
        }
    }

    if (asked == NGX_TIMER_INFINITE && out == NGX_TIMER_INFINITE) {
        asked = ngx_http_jimeng_kept_watch(k, now);
    }

    if (k->timer.timer_set) {
        ngx_del_timer(&k->timer);
    }

    ngx_add_timer(&k->timer, ngx_min(asked, out));
}


/* tells who waits for what is late; returns when the next one will be */

static ngx_msec_t
ngx_http_jimeng_kept_expire(ngx_http_jimeng_kept_t *k, ngx_queue_t *queue,
    uint64_t now)
{
    uint64_t                          age;
    ngx_msec_t                        next;
    ngx_queue_t                      *q;
    ngx_http_jimeng_resp_handler_pt   handler;
    ngx_http_jimeng_resp_command_t   *command;

    next = NGX_TIMER_INFINITE;

    for (q = ngx_queue_head(queue);
         q != ngx_queue_sentinel(queue);
         q = ngx_queue_next(q))
    {
        command = ngx_http_jimeng_resp_get(q);

        if (command->late) {
            continue;
        }

        age = (now - ngx_min(command->asked, now)) / 1000;

        if (age < k->conf->timeout) {
            next = ngx_min(next, k->conf->timeout - (ngx_msec_t) age);
            continue;
        }

        command->late = 1;
        k->silent = 1;

        handler = command->handler;

        /* it sends what it likes, but closes nothing */

        if (command->user && handler) {
            command->handler = NULL;
            handler(command->data, NULL);
        }
    }

    return next;
}


/* nothing is awaited, or all of it is late */

static ngx_msec_t
ngx_http_jimeng_kept_watch(ngx_http_jimeng_kept_t *k, uint64_t now)
{
    uint64_t  quiet;

    static const char  *ping[] = { "PING" };

    quiet = (now - ngx_min(k->heard, now)) / 1000;

    if (k->silent) {
        return NGX_HTTP_JIMENG_KEPT_PING;
    }

    if (quiet < NGX_HTTP_JIMENG_KEPT_PING) {
        return NGX_HTTP_JIMENG_KEPT_PING - (ngx_msec_t) quiet;
    }

    (void) ngx_http_jimeng_kept_ask(k, 1, ping, NULL);

    return k->conf->timeout;
}
