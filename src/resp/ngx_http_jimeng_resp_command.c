
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_resp.h"


/* "$", the digits of a length, and two CR LF */

#define NGX_HTTP_JIMENG_RESP_ARG  (1 + NGX_SIZE_T_LEN + 4)


/* of NGX_HTTP_JIMENG_RESP_ARGS texts at most; ngx_free() frees it */

ngx_http_jimeng_resp_command_t *
ngx_http_jimeng_resp_command(ngx_uint_t n, const char **argv,
    const size_t *lens, ngx_log_t *log)
{
    size_t                           size;
    u_char                          *p;
    ngx_uint_t                       i;
    ngx_http_jimeng_resp_command_t  *command;

    size = sizeof(ngx_http_jimeng_resp_command_t) + NGX_HTTP_JIMENG_RESP_ARG;

    for (i = 0; i < n; i++) {
        size += NGX_HTTP_JIMENG_RESP_ARG + lens[i];
    }

    command = ngx_alloc(size, log);
    if (command == NULL) {
        return NULL;
    }

    ngx_memzero(command, sizeof(ngx_http_jimeng_resp_command_t));

    command->replies = 1;

    p = ngx_sprintf(ngx_http_jimeng_resp_bytes(command), "*%ui" CRLF, n);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "$%uz" CRLF, lens[i]);
        p = ngx_cpymem(p, argv[i], lens[i]);

        *p++ = CR; *p++ = LF;
    }

    command->len = p - ngx_http_jimeng_resp_bytes(command);

    return command;
}


uint64_t
ngx_http_jimeng_resp_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}
