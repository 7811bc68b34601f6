
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_kept.h"


static ngx_uint_t ngx_http_jimeng_kept_idle(ngx_http_jimeng_kept_t *k);


void
ngx_http_jimeng_kept_send(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command)
{
    ngx_uint_t  idle;

    idle = ngx_http_jimeng_kept_idle(k);

    command->asked = ngx_http_jimeng_resp_now();

    ngx_http_jimeng_resp_send(&k->resp, command);

    /* else there is a timer of an older one, or of the greeting */

    if (idle && k->greeted) {

        if (k->timer.timer_set) {
            ngx_del_timer(&k->timer);
        }

        ngx_add_timer(&k->timer, k->conf->timeout);
    }
}


static ngx_uint_t
ngx_http_jimeng_kept_idle(ngx_http_jimeng_kept_t *k)
{
    return ngx_queue_empty(&k->resp.asked) && ngx_queue_empty(&k->resp.out);
}


/*
 * Sends a command of texts, whose handler gets the connection.  Without memory
 * NULL is returned: what waits for the answer is given up in time.
 */

ngx_http_jimeng_resp_command_t *
ngx_http_jimeng_kept_ask(ngx_http_jimeng_kept_t *k, ngx_uint_t n,
    const char **argv, ngx_http_jimeng_resp_handler_pt handler)
{
    size_t                           lens[NGX_HTTP_JIMENG_RESP_ARGS];
    ngx_uint_t                       i;
    ngx_http_jimeng_resp_command_t  *command;

    for (i = 0; i < n; i++) {
        lens[i] = ngx_strlen(argv[i]);
    }

    command = ngx_http_jimeng_resp_command(n, argv, lens, k->log);

    if (command == NULL) {
        return NULL;
    }

    command->handler = handler;
    command->data = k;

    ngx_http_jimeng_kept_send(k, command);

    return command;
}
