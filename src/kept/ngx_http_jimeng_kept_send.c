
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_kept.h"


/* its time may be over before that of all others, which may be late already */

void
ngx_http_jimeng_kept_send(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command)
{
    ngx_msec_t  timeout;

    command->asked = ngx_http_jimeng_resp_now();

    ngx_http_jimeng_resp_send(&k->resp, command);

    /* until it is greeted there is a timer of all of that */

    if (!k->greeted) {
        return;
    }

    timeout = k->conf->timeout;

    if (k->timer.timer_set) {

        if ((ngx_msec_int_t) (k->timer.timer.key - ngx_current_msec)
            <= (ngx_msec_int_t) timeout)
        {
            return;
        }

        ngx_del_timer(&k->timer);
    }

    ngx_add_timer(&k->timer, timeout);
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
