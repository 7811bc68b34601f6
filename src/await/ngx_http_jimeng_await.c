
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The answer of an operation on what all requests have in common: it is there
 * when the operation returns, or comes later.  Who waits for it is told after
 * the operation has returned in either case.
 *
 * Until then the request stays, and all that lies in its pool: nginx does not
 * free one that is blocked.  It may well end it, as it does when a connection
 * breaks: then it has taken the list of the request's cleanups, and the mark
 * that was in there is gone.  Who is told sees by "torn" that nothing is to be
 * begun any more; what the answer has brought is to be given back.
 *
 * A request does not finish while it awaits an answer: see to that who calls
 * ngx_http_finalize_request(), by r->main->count or ngx_http_jimeng_awaits().
 */


#include "ngx_http_jimeng_await.h"


static void ngx_http_jimeng_await_answered(void *data);
static ngx_uint_t ngx_http_jimeng_await_unmark(ngx_http_jimeng_await_t *a);
static void ngx_http_jimeng_await_mark(void *data);


/* posted, which may be NULL, runs r once more after a late answer */

void
ngx_http_jimeng_await_init(ngx_http_jimeng_await_t *a, ngx_http_request_t *r,
    ngx_http_posted_request_t *posted)
{
    ngx_memzero(a, sizeof(ngx_http_jimeng_await_t));

    a->request = r;
    a->posted = posted;
}


/* an operation is to be called: sets its done, and who is told its answer */

void
ngx_http_jimeng_await(ngx_http_jimeng_await_t *a, jm_done_t *done,
    void (*handler)(void *data), void *data)
{
    a->told.handler = handler;
    a->told.data = data;
    a->answered = 0;

    done->handler = ngx_http_jimeng_await_answered;
    done->data = a;
}


/* it has returned; a may be gone when this does */

void
ngx_http_jimeng_awaited(ngx_http_jimeng_await_t *a)
{
    ngx_http_request_t  *r;

    if (a->answered) {
        a->told.handler(a->told.data);
        return;
    }

    r = a->request->main;

    a->waits = 1;

    /* data tells whose it is, see ngx_http_jimeng_exchange_shared() */

    a->mark.handler = ngx_http_jimeng_await_mark;
    a->mark.data = r;
    a->mark.next = r->cleanup;

    r->cleanup = &a->mark;
    r->blocked++;
}


static void
ngx_http_jimeng_await_answered(void *data)
{
    ngx_http_jimeng_await_t *a = data;

    ngx_uint_t           torn;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (!a->waits) {
        a->answered = 1;
        return;
    }

    r = a->request;
    c = r->connection;
    torn = !ngx_http_jimeng_await_unmark(a);

    a->waits = 0;
    a->torn = torn ? 1 : 0;

    r->main->blocked--;

    ngx_http_set_log_request(c->log, r);

    if (a->posted && !torn) {
        ngx_http_jimeng_post(r, a->posted);
    }

    a->told.handler(a->told.data);

    /* nginx left the request to those that block it */

    if (torn && r->main->blocked == 0) {
        ngx_http_finalize_request(r->main, NGX_ERROR);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_uint_t
ngx_http_jimeng_await_unmark(ngx_http_jimeng_await_t *a)
{
    ngx_http_cleanup_t  **cln;

    for (cln = &a->request->main->cleanup; *cln; cln = &(*cln)->next) {

        if (*cln == &a->mark) {
            *cln = a->mark.next;
            return 1;
        }
    }

    return 0;
}


/* whether the request awaits an answer */

ngx_uint_t
ngx_http_jimeng_awaits(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    for (cln = r->main->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_jimeng_await_mark) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_jimeng_await_mark(void *data)
{
}


/* the store does not answer: what its client is told */

void
ngx_http_jimeng_away(jm_error_t *e)
{
    jm_error_set(e, JM_CAUSE_UNAVAILABLE, NULL,
                 "The gateway cannot reach what it shares with others just "
                 "now; nothing was ordered. Try again in a moment.");

    jm_error_wait(e, 1);
}
