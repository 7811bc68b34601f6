
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Whether a client took its reply: it has when its system has acknowledged the
 * last byte.  That the reply was written to a socket says little: with a
 * connection that breaks, all of it is lost that is still in this system's
 * buffers, and those hold a link, or megabytes of pictures as data.
 */


#include "ngx_http_jimeng_job.h"

#if (NGX_LINUX)
#include <linux/sockios.h>
#endif


/* milliseconds between two looks: the first pause, doubled up to the last */

#define NGX_HTTP_JIMENG_LOOK_FIRST  5
#define NGX_HTTP_JIMENG_LOOK_LAST   160


static ngx_uint_t ngx_http_jimeng_taken_pending(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_taken_made(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_taken_answered(ngx_http_jimeng_job_t *job);
static ngx_uint_t ngx_http_jimeng_taken_fetches(ngx_http_jimeng_job_t *job);
static const jm_error_t *ngx_http_jimeng_taken_error(
    ngx_http_jimeng_job_t *job);
static ngx_uint_t ngx_http_jimeng_taken_owes(ngx_http_jimeng_job_t *job);
static ngx_uint_t ngx_http_jimeng_taken_seen(ngx_http_jimeng_job_t *job);
static ngx_int_t ngx_http_jimeng_taken_wait(ngx_http_jimeng_job_t *job,
    ngx_uint_t unsent);
static ngx_int_t ngx_http_jimeng_taken_broken(ngx_connection_t *c);
static void ngx_http_jimeng_taken_timer(ngx_event_t *ev);


/*
 * Called when the reply is whole, and enters in the ledger what it is worth:
 *
 *     pictures, an id, or an error that another try may get around: these
 *     answer the request, as soon as the client took them;
 *     an error that forbids a retry: a repeat is told the same;
 *     an error, while pictures are made or were made: they are owed, and a
 *     repeat gets them.
 */

void
ngx_http_jimeng_taken_reply(ngx_http_jimeng_job_t *job)
{
    const jm_error_t  *e;

    if (job->order.entry) {

        if (ngx_http_jimeng_taken_fetches(job)) {
            ngx_http_jimeng_taken_made(job);
        }

        return;
    }

    if (job->claim == NULL) {
        return;
    }

    if (ngx_http_jimeng_taken_pending(job)) {
        ngx_http_jimeng_taken_made(job);
        return;
    }

    if (ngx_http_jimeng_taken_owes(job)) {
        ngx_http_jimeng_ledger_left(job->claim);
        return;
    }

    e = ngx_http_jimeng_taken_error(job);

    /* not a client's budget of pictures: a repeat may come after its reset */

    if (e && e->no_retry && e->cause != JM_CAUSE_QUOTA) {
        ngx_http_jimeng_ledger_told(job->claim, e);
        return;
    }

    ngx_http_jimeng_taken_made(job);
}


/* whether the reply is an id, as the client asked for with "async" */

static ngx_uint_t
ngx_http_jimeng_taken_pending(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t  i;

    for (i = 0; job->order.async && i < job->order.n; i++) {

        if (job->tasks[i].id.len
            || ngx_http_jimeng_ledger_handed(job->claim))
        {
            return 1;
        }
    }

    return 0;
}


/* the reply answers the request: now, or when it was seen to be taken */

static void
ngx_http_jimeng_taken_made(ngx_http_jimeng_job_t *job)
{
    if (ngx_http_jimeng_taken_seen(job)) {
        job->watch->unread = 1;
        return;
    }

    ngx_http_jimeng_taken_answered(job);
}


static void
ngx_http_jimeng_taken_answered(ngx_http_jimeng_job_t *job)
{
    if (job->order.entry) {
        job->watch->fetched = 1;
        ngx_http_jimeng_taken_sent(job);
        return;
    }

    ngx_http_jimeng_ledger_answered(job->claim);
}


/*
 * Whether a reply to a client that asks by an id has what all of the tasks
 * brought.  When it is taken, these are not owed to a repeat any more.
 */

static ngx_uint_t
ngx_http_jimeng_taken_fetches(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t  i;

    if (job->request->method == NGX_HTTP_HEAD) {
        return 0;
    }

    for (i = 0; i < job->order.n; i++) {

        if (ngx_http_jimeng_result_part(job, i)->error) {
            return 0;
        }
    }

    return 1;
}


/*
 * Called when the client may have taken the reply, and for the last time when
 * the request ends.  If it has, that is entered in the ledger: the request is
 * answered, or what was owed was fetched.
 */

void
ngx_http_jimeng_taken_sent(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_ledger_sent(job->claim);

    if (!job->watch->fetched || !ngx_http_jimeng_client_took(job->request)) {
        return;
    }

    job->watch->fetched = 0;

    ngx_http_jimeng_ledger_fetched(job->request, job->order.entry,
                                   job->order.ids, job->order.n);
}


/* the reply's error, or NULL if there is a picture in it */

static const jm_error_t *
ngx_http_jimeng_taken_error(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t  i;

    for (i = 0; i < job->order.n; i++) {

        if (ngx_http_jimeng_result_part(job, i)->error == NULL) {
            return NULL;
        }
    }

    return ngx_http_jimeng_result_why(job);
}


/*
 * Whether the reply is an error although pictures may still come, or were made
 * and not fetched: a repeat is to get them.
 */

static ngx_uint_t
ngx_http_jimeng_taken_owes(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t         i;
    const jm_error_t  *e;

    if (ngx_http_jimeng_taken_error(job) == NULL) {
        return 0;
    }

    for (i = 0; i < job->order.n; i++) {
        e = ngx_http_jimeng_result_part(job, i)->error;

        switch (e->cause) {

        case JM_CAUSE_OUTCOME_UNKNOWN:
        case JM_CAUSE_GENERATION_TIMEOUT:
        case JM_CAUSE_UNAVAILABLE:
            return 1;

        case JM_CAUSE_UPSTREAM:

            /* the picture was made, and could not be fetched */

            if (e->transient) {
                return 1;
            }

            break;

        default:
            break;
        }
    }

    return 0;
}


/* whether the system tells how much of a reply was acknowledged */

static ngx_uint_t
ngx_http_jimeng_taken_seen(ngx_http_jimeng_job_t *job)
{
#if (NGX_LINUX)

    ngx_uint_t           family;
    ngx_http_request_t  *r;

    r = job->request;

    /* a stream's connection is a stand-in, and its client says what it takes */

    if (ngx_http_jimeng_client_is_stream(r)) {
        return 0;
    }

    family = r->connection->sockaddr->sa_family;

#if (NGX_HAVE_INET6)

    if (family == AF_INET6) {
        return 1;
    }

#endif

    return family == AF_INET;

#else

    return 0;

#endif
}


/*
 * Returns NGX_AGAIN while the end of the reply is on its way: this is to be
 * called again for each event of the connection, and a timer has the request
 * run for it, too.  NGX_OK: the reply was taken, or that cannot be told.
 * NGX_ERROR: the connection broke before that.
 */

ngx_int_t
ngx_http_jimeng_taken(ngx_http_jimeng_job_t *job)
{
#if (NGX_LINUX)

    int                n;
    ngx_connection_t  *c;

    if (!job->watch->unread) {
        return NGX_OK;
    }

    c = job->request->connection;

    if (c->error || c->timedout) {
        return NGX_ERROR;
    }

    /* while nginx itself has more to send, send_timeout watches that */

    if (c->buffered || job->request->postponed) {
        return NGX_AGAIN;
    }

    if (ioctl(c->fd, SIOCOUTQ, &n) == -1) {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_socket_errno,
                      "ioctl(SIOCOUTQ) failed");
        n = 0;
    }

    if (n > 0) {
        return ngx_http_jimeng_taken_wait(job, n);
    }

    ngx_http_jimeng_taken_stop(job);

    if (ngx_http_jimeng_taken_broken(c)) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_taken_answered(job);

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_taken_wait(ngx_http_jimeng_job_t *job, ngx_uint_t unsent)
{
    ngx_connection_t          *c;
    ngx_http_jimeng_watch_t   *w;
    ngx_http_core_loc_conf_t  *clcf;

    w = job->watch;
    c = job->request->connection;

    if (unsent != w->unsent) {
        w->unsent = unsent;
        w->moved = ngx_current_msec;
        w->pause = NGX_HTTP_JIMENG_LOOK_FIRST;
    }

    clcf = ngx_http_get_module_loc_conf(job->request, ngx_http_core_module);

    /* the client may get the rest yet, but it is not waited for any longer */

    if (ngx_current_msec - w->moved >= clcf->send_timeout) {
        ngx_http_jimeng_taken_stop(job);
        ngx_http_jimeng_ledger_left(job->claim);
        return NGX_OK;
    }

    if (!w->look.timer_set) {
        w->look.handler = ngx_http_jimeng_taken_timer;
        w->look.data = job;
        w->look.log = c->log;

        ngx_add_timer(&w->look, w->pause);

        w->pause = ngx_min(2 * w->pause, NGX_HTTP_JIMENG_LOOK_LAST);
    }

    return NGX_AGAIN;
}


/* a client that reset its connection may have thrown the reply away */

static ngx_int_t
ngx_http_jimeng_taken_broken(ngx_connection_t *c)
{
    char       buf[1];
    ngx_err_t  err;

    if (recv(c->fd, buf, 1, MSG_PEEK) != -1) {
        return 0;
    }

    err = ngx_socket_errno;

    return err != NGX_EAGAIN && err != NGX_EINTR;
}


static void
ngx_http_jimeng_taken_timer(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_jimeng_job_t  *job;

    job = ev->data;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    ngx_http_jimeng_post(job->request, &job->posted);

    ngx_http_run_posted_requests(c);
}


/* the reply is not looked at any more */

void
ngx_http_jimeng_taken_stop(ngx_http_jimeng_job_t *job)
{
    job->watch->unread = 0;

    if (job->watch->look.timer_set) {
        ngx_del_timer(&job->watch->look);
    }
}
