
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "orphan": tasks that nobody follows are asked for by who waits.
 */


#ifndef _NGX_HTTP_JIMENG_ORPHAN_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ORPHAN_H_INCLUDED_


#include "ngx_http_jimeng_exchange.h"


typedef struct ngx_http_jimeng_orphan_s  ngx_http_jimeng_orphan_t;

/* r has found pictures of a task, as the first; its client is another one */

typedef void (*ngx_http_jimeng_orphan_pt)(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, const jm_op_orphan_t *op);


/* ngx_http_jimeng_orphan.c: an orphan of NULL is none */

void ngx_http_jimeng_orphan_look(ngx_http_jimeng_slot_t *slot, jm_queue_e rc,
    ngx_http_jimeng_orphan_t **orphan, ngx_http_jimeng_orphan_pt found);
void ngx_http_jimeng_orphan_event(ngx_http_request_t *r,
    ngx_http_jimeng_orphan_t *o);
void ngx_http_jimeng_orphan_stop(ngx_http_jimeng_orphan_t *o);
void ngx_http_jimeng_orphan_drop(ngx_http_jimeng_orphan_t *o);


#endif /* _NGX_HTTP_JIMENG_ORPHAN_H_INCLUDED_ */
