
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_kept.h"


/* milliseconds before a connection is opened again */

#define NGX_HTTP_JIMENG_KEPT_PAUSE      100
#define NGX_HTTP_JIMENG_KEPT_PAUSE_MAX  2000


static ngx_msec_t ngx_http_jimeng_kept_jitter(ngx_msec_t pause);
static void ngx_http_jimeng_kept_leave(ngx_http_jimeng_kept_t *k,
    ngx_queue_t *queue);


void
ngx_http_jimeng_kept_down(ngx_http_jimeng_kept_t *k, ngx_uint_t away,
    ngx_err_t err, const char *why)
{
    ngx_http_jimeng_kept_away(k, away, err, why);

    /* one that was closed at once is not opened again at once */

    if (k->greeted
        && (ngx_msec_int_t) (ngx_current_msec - k->opened)
           > NGX_HTTP_JIMENG_KEPT_PAUSE_MAX)
    {
        k->pause = 0;
    }

    k->pause = ngx_min(ngx_max(k->pause * 2, NGX_HTTP_JIMENG_KEPT_PAUSE),
                       NGX_HTTP_JIMENG_KEPT_PAUSE_MAX);

    k->address = (k->address + 1) % k->conf->naddrs;

    ngx_http_jimeng_kept_drop(k);

    ngx_add_timer(&k->timer, ngx_http_jimeng_kept_jitter(k->pause));
}


/* workers of all nodes are not to come at the same time: up to a half less */

static ngx_msec_t
ngx_http_jimeng_kept_jitter(ngx_msec_t pause)
{
    return pause - (ngx_msec_t) ngx_random() % (pause / 2);
}


/* what was sent or was to be sent is left, in order */

void
ngx_http_jimeng_kept_drop(ngx_http_jimeng_kept_t *k)
{
    ngx_queue_t  left;

    ngx_http_jimeng_resp_close(&k->resp);

    if (k->timer.timer_set) {
        ngx_del_timer(&k->timer);
    }

    k->greeted = 0;
    k->silent = 0;

    ngx_queue_init(&left);

    if (!ngx_queue_empty(&k->resp.asked)) {
        ngx_queue_add(&left, &k->resp.asked);
        ngx_queue_init(&k->resp.asked);
    }

    if (!ngx_queue_empty(&k->resp.out)) {
        ngx_queue_add(&left, &k->resp.out);
        ngx_queue_init(&k->resp.out);
    }

    ngx_http_jimeng_kept_leave(k, &left);
}


/*
 * What is kept comes first: who is told that a call has no answer may tell the
 * server about it, after all that it told before.
 */

static void
ngx_http_jimeng_kept_leave(ngx_http_jimeng_kept_t *k, ngx_queue_t *queue)
{
    ngx_queue_t                     *q, *next;
    ngx_http_jimeng_resp_command_t  *command;

    for (q = ngx_queue_head(queue); q != ngx_queue_sentinel(queue); q = next) {

        next = ngx_queue_next(q);
        command = ngx_http_jimeng_resp_get(q);

        if (command->told) {
            ngx_queue_remove(q);
            k->left(k, command);
        }
    }

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);
        ngx_queue_remove(q);

        command = ngx_http_jimeng_resp_get(q);

        if (command->user) {
            k->left(k, command);

        } else {
            ngx_free(command);
        }
    }
}
