
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_fetch.h"


/* pictures that a worker fetches at a time, and those that may wait */

#define NGX_HTTP_JIMENG_FETCHES       4
#define NGX_HTTP_JIMENG_FETCHES_MAX   1024

/* milliseconds: the pause after a first failure, and the longest */

#define NGX_HTTP_JIMENG_FETCH_PAUSE   1000
#define NGX_HTTP_JIMENG_FETCH_LONGEST 900000

/* until what an attempt has left running is looked at again */

#define NGX_HTTP_JIMENG_FETCH_LOOK    50


typedef struct {
    ngx_queue_t                 queue;
    ngx_socket_t                ident;      /* ngx_event_ident() reads it */
    ngx_event_t                 event;
    ngx_pool_t                 *pool;
    ngx_http_jimeng_where_t     where;
    ngx_http_jimeng_zone_t     *zone;       /* NULL: nothing is counted */
    ngx_http_jimeng_attempt_t  *attempt;    /* NULL: none is under way */
    ngx_str_t                   uri;
    time_t                      end;        /* when it is given up */
    ngx_msec_t                  pause;      /* before the next attempt */
    ngx_uint_t                  attempts;
} ngx_http_jimeng_fetch_t;


static ngx_int_t ngx_http_jimeng_fetch_add(ngx_http_request_t *r,
    ngx_str_t *name, jm_link_t *link);
static void ngx_http_jimeng_fetch_where(ngx_http_jimeng_where_t *where,
    ngx_http_request_t *r);
static void ngx_http_jimeng_fetch_wait(ngx_http_jimeng_fetch_t *f);
static void ngx_http_jimeng_fetch_next(ngx_event_t *ev);
static void ngx_http_jimeng_fetch_begin(ngx_http_jimeng_fetch_t *f);
static void ngx_http_jimeng_fetch_event(ngx_event_t *ev);
static void ngx_http_jimeng_fetch_ended(ngx_http_jimeng_fetch_t *f);
static void ngx_http_jimeng_fetch_failed(ngx_http_jimeng_fetch_t *f,
    ngx_uint_t status);
static void ngx_http_jimeng_fetch_lost(ngx_http_jimeng_fetch_t *f);
static void ngx_http_jimeng_fetch_free(ngx_http_jimeng_fetch_t *f);
static void ngx_http_jimeng_fetch_count(ngx_http_jimeng_zone_t *zone,
    jm_fetch_e how);


/* of this worker: those that wait for their turn, and how many there are */

static ngx_queue_t  ngx_http_jimeng_fetch_queue;
static ngx_uint_t   ngx_http_jimeng_fetch_running;
static ngx_uint_t   ngx_http_jimeng_fetch_all;
static ngx_event_t  ngx_http_jimeng_fetch_turn;


/*
 * Has the pictures fetched that a request was given links to.  It is done when
 * the request has gone on, and goes on when the request is over.
 */

void
ngx_http_jimeng_fetch(ngx_http_request_t *r, const jm_str_t *urls,
    ngx_uint_t n)
{
    u_char                       room[JM_LINK_URL];
    jm_link_t                    link;
    ngx_str_t                    url, name;
    ngx_uint_t                   i;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->links->base.len == 0) {
        return;
    }

    for (i = 0; i < n; i++) {
        url.len = urls[i].len;
        url.data = (u_char *) urls[i].data;

        ngx_http_jimeng_link_name(&url, &name);

        /* the URL of a server that is not listed is no link */

        if (ngx_http_jimeng_link_open(r, &name, room, &link) == NGX_OK
            && ngx_http_jimeng_fetch_add(r, &name, &link) != NGX_OK)
        {
            ngx_http_jimeng_fetch_count(ngx_http_jimeng_zone_get(r),
                                        JM_FETCH_LOST);

            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "jimeng: a picture is not fetched, there is no "
                          "memory or too many wait");
        }
    }
}


static ngx_int_t
ngx_http_jimeng_fetch_add(ngx_http_request_t *r, ngx_str_t *name,
    jm_link_t *link)
{
    ngx_pool_t               *pool;
    ngx_http_jimeng_fetch_t  *f;

    if (ngx_http_jimeng_fetch_all == NGX_HTTP_JIMENG_FETCHES_MAX) {
        return NGX_ERROR;
    }

    pool = ngx_create_pool(sizeof(ngx_pool_t) + sizeof(ngx_http_jimeng_fetch_t)
                           + NGX_MIN_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    f = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_fetch_t));

    if (f == NULL
        || ngx_http_jimeng_link_path(r, pool, name, &f->uri) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    f->pool = pool;
    f->ident = (ngx_socket_t) -1;
    f->zone = ngx_http_jimeng_zone_get(r);
    f->end = ngx_min((time_t) link->end,
                     ngx_time() + NGX_HTTP_JIMENG_LINK_DAY);
    f->pause = NGX_HTTP_JIMENG_FETCH_PAUSE;

    f->event.handler = ngx_http_jimeng_fetch_event;
    f->event.data = f;
    f->event.log = ngx_cycle->log;
    f->event.cancelable = 1;

    ngx_http_jimeng_fetch_where(&f->where, r);

    ngx_http_jimeng_fetch_all++;
    ngx_http_jimeng_fetch_wait(f);

    return NGX_OK;
}


/* what is configured lives as long as the process */

static void
ngx_http_jimeng_fetch_where(ngx_http_jimeng_where_t *where,
    ngx_http_request_t *r)
{
    where->http = *r->http_connection;
    where->listening = r->connection->listening;
    where->srv_conf = r->main->srv_conf;
    where->loc_conf = r->main->loc_conf;
    where->log = *r->connection->log;
    where->number = r->connection->number;
}


static void
ngx_http_jimeng_fetch_wait(ngx_http_jimeng_fetch_t *f)
{
    ngx_event_t  *turn;

    turn = &ngx_http_jimeng_fetch_turn;

    if (turn->handler == NULL) {
        ngx_queue_init(&ngx_http_jimeng_fetch_queue);

        turn->handler = ngx_http_jimeng_fetch_next;
        turn->log = ngx_cycle->log;
    }

    ngx_queue_insert_tail(&ngx_http_jimeng_fetch_queue, &f->queue);

    ngx_post_event(turn, &ngx_posted_events);
}


static void
ngx_http_jimeng_fetch_next(ngx_event_t *ev)
{
    ngx_queue_t  *q;

    while (ngx_http_jimeng_fetch_running < NGX_HTTP_JIMENG_FETCHES
           && !ngx_queue_empty(&ngx_http_jimeng_fetch_queue))
    {
        q = ngx_queue_head(&ngx_http_jimeng_fetch_queue);

        ngx_queue_remove(q);

        ngx_http_jimeng_fetch_begin(ngx_queue_data(q, ngx_http_jimeng_fetch_t,
                                                   queue));
    }
}


static void
ngx_http_jimeng_fetch_begin(ngx_http_jimeng_fetch_t *f)
{
    f->attempts++;
    f->attempt = ngx_http_jimeng_attempt_start(&f->where, &f->uri, &f->event);

    if (f->attempt) {
        ngx_http_jimeng_fetch_running++;

    } else {
        ngx_http_jimeng_fetch_failed(f, 0);
    }
}


/* an attempt has ended, or the pause before the next one */

static void
ngx_http_jimeng_fetch_event(ngx_event_t *ev)
{
    ngx_http_jimeng_fetch_t  *f;

    f = ev->data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (f->attempt == NULL) {
        ngx_http_jimeng_fetch_wait(f);

    } else if (ngx_http_jimeng_attempt_over(f->attempt)) {
        ngx_http_jimeng_fetch_ended(f);

    } else {
        ngx_add_timer(ev, NGX_HTTP_JIMENG_FETCH_LOOK);
    }
}


static void
ngx_http_jimeng_fetch_ended(ngx_http_jimeng_fetch_t *f)
{
    ngx_uint_t                  good, opens, status;
    ngx_http_jimeng_attempt_t  *a;

    a = f->attempt;

    status = a->status;
    opens = a->opens;
    good = (a->rc == NGX_OK && status == NGX_HTTP_OK && a->complete
            && a->picture);

    if (!good && a->rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        status = a->rc;
    }

    ngx_http_jimeng_attempt_free(a);

    f->attempt = NULL;
    ngx_http_jimeng_fetch_running--;

    ngx_post_event(&ngx_http_jimeng_fetch_turn, &ngx_posted_events);

    if (good) {
        ngx_http_jimeng_fetch_count(f->zone, JM_FETCH_SUCCEED);
        ngx_http_jimeng_fetch_free(f);

    } else if (!opens) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "jimeng: nothing opens the link \"%V\", check that "
                      "\"jimeng_pictures\" names a location of the same server "
                      "with \"jimeng_picture\"", &f->uri);

        ngx_http_jimeng_fetch_lost(f);

    } else {
        ngx_http_jimeng_fetch_failed(f, status);
    }
}


static void
ngx_http_jimeng_fetch_failed(ngx_http_jimeng_fetch_t *f, ngx_uint_t status)
{
    ngx_http_jimeng_fetch_count(f->zone, JM_FETCH_FAILED);

    if (ngx_time() + (time_t) (f->pause / 1000) > f->end) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "jimeng: a picture was not fetched, after %ui attempts, "
                      "the last with status %ui", f->attempts, status);

        ngx_http_jimeng_fetch_lost(f);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "jimeng: a picture was not fetched, status %ui, attempt %ui; "
                  "the next is in %M ms", status, f->attempts, f->pause);

    ngx_add_timer(&f->event, f->pause);

    f->pause = ngx_min(2 * f->pause, NGX_HTTP_JIMENG_FETCH_LONGEST);
}


static void
ngx_http_jimeng_fetch_lost(ngx_http_jimeng_fetch_t *f)
{
    ngx_http_jimeng_fetch_count(f->zone, JM_FETCH_LOST);
    ngx_http_jimeng_fetch_free(f);
}


static void
ngx_http_jimeng_fetch_free(ngx_http_jimeng_fetch_t *f)
{
    if (f->event.posted) {
        ngx_delete_posted_event(&f->event);
    }

    ngx_http_jimeng_fetch_all--;

    ngx_destroy_pool(f->pool);
}


static void
ngx_http_jimeng_fetch_count(ngx_http_jimeng_zone_t *zone, jm_fetch_e how)
{
    if (zone) {
        ngx_http_jimeng_zone_lock(zone);
        jm_metrics_fetch(&zone->metrics, how);
        ngx_http_jimeng_zone_unlock(zone);
    }
}
