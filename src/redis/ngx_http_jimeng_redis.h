
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "redis": calls to functions of a Redis, or a Valkey, that several
 * nginx share.  A worker has a connection for calls and one for messages.
 */


#ifndef _NGX_HTTP_JIMENG_REDIS_H_INCLUDED_
#define _NGX_HTTP_JIMENG_REDIS_H_INCLUDED_


#include "ngx_http_jimeng_conf.h"
#include "ngx_http_jimeng_kept.h"

#include "jm_metrics_store.h"


#define NGX_HTTP_JIMENG_REDIS_REFUSE  0     /* fallback= */
#define NGX_HTTP_JIMENG_REDIS_LOCAL   1

#define NGX_HTTP_JIMENG_REDIS_WORD    64    /* bytes of what a server says */


/* NULL: it is subscribed from now on, and may have missed what was before */

typedef void (*ngx_http_jimeng_redis_message_pt)(void *data,
    ngx_str_t *message);


typedef struct {
    ngx_str_t                         name;     /* whole, ends in a zero */
    ngx_http_jimeng_redis_message_pt  handler;
    void                             *data;
} ngx_http_jimeng_redis_channel_t;


typedef struct {
    size_t                            len;      /* 0: it is not known */
    u_char                            data[NGX_HTTP_JIMENG_REDIS_WORD];
} ngx_http_jimeng_redis_word_t;


/* after the library it is this process's own */

struct ngx_http_jimeng_redis_s {
    ngx_http_jimeng_kept_conf_t       conf;
    ngx_str_t                         db;       /* ends in a zero */
    ngx_str_t                         prefix;   /* of keys and channels */
    ngx_uint_t                        fallback;
    const char                       *library;  /* its name; NULL: none */
    const char                       *code;     /* of the library */

    ngx_pool_t                       *pool;
    ngx_http_jimeng_kept_t            calls;
    ngx_http_jimeng_kept_t            messages;
    ngx_array_t                       channels;
    ngx_queue_t                       told;     /* to be, when it is back */
    ngx_uint_t                        pending;  /* told, and not answered */
    size_t                            size;     /* of these, bytes */
    ngx_uint_t                        dropped;
    ngx_msec_t                        troubled; /* it told an error of its */
    ngx_http_jimeng_redis_word_t      version;
    ngx_http_jimeng_redis_word_t      appendonly;
    ngx_http_jimeng_redis_word_t      policy;
    ngx_int_t                         durable;  /* as was logged */
    unsigned                          loading:1;    /* FUNCTION LOAD is sent */
    unsigned                          overflowed:1; /* and that was logged */
    unsigned                          exiting:1;
};


/* ngx_http_jimeng_redis_conf.c */

char *ngx_http_jimeng_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* ngx_http_jimeng_redis.c */

ngx_int_t ngx_http_jimeng_redis_init_process(ngx_cycle_t *cycle);
void ngx_http_jimeng_redis_exit_process(ngx_cycle_t *cycle);
void ngx_http_jimeng_redis_report(ngx_http_jimeng_redis_t *redis,
    jm_report_store_t *report);

/*
 * ngx_http_jimeng_redis_call.c: neither calls a handler before it returns.
 *
 * A call returns NGX_ERROR without a connection, or when an answer is late.
 * Else the handler gets its answer, or NULL if none came within the timeout,
 * the connection was closed, or the server cannot do it now: whether it was
 * done is not known.  An answer that comes later is dropped.  The timer does
 * not keep a worker that is to exit: who waits has one of his own.
 *
 * What is told is sent in order with the calls, and kept until it is answered:
 * it may be sent twice, and then again with all that was told after it.
 */

ngx_int_t ngx_http_jimeng_redis_call(ngx_http_jimeng_redis_t *redis,
    ngx_uint_t n, const char **argv, const size_t *lens,
    ngx_http_jimeng_resp_handler_pt handler, void *data);
void ngx_http_jimeng_redis_tell(ngx_http_jimeng_redis_t *redis, ngx_uint_t n,
    const char **argv, const size_t *lens);
void ngx_http_jimeng_redis_calls(ngx_http_jimeng_redis_t *redis);

/* ngx_http_jimeng_redis_greet.c */

void ngx_http_jimeng_redis_greet(ngx_http_jimeng_kept_t *k);
void ngx_http_jimeng_redis_load(ngx_http_jimeng_redis_t *redis);
void ngx_http_jimeng_redis_durable(ngx_http_jimeng_redis_t *redis);

/* ngx_http_jimeng_redis_subscribe.c: name comes after the prefix */

ngx_int_t ngx_http_jimeng_redis_subscribe(ngx_http_jimeng_redis_t *redis,
    ngx_str_t *name, ngx_http_jimeng_redis_message_pt handler, void *data);


#endif /* _NGX_HTTP_JIMENG_REDIS_H_INCLUDED_ */
