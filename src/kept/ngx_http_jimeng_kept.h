
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "kept": a connection to a Redis that is kept: opened again when it
 * is lost, greeted with a password, and watched.
 */


#ifndef _NGX_HTTP_JIMENG_KEPT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_KEPT_H_INCLUDED_


#include "ngx_http_jimeng_resp.h"


/* why a server is away; from _ERROR on there is one for each of its errors */

typedef enum {
    NGX_HTTP_JIMENG_KEPT_WELL = 0,
    NGX_HTTP_JIMENG_KEPT_START,     /* there was no connection yet */
    NGX_HTTP_JIMENG_KEPT_NETWORK,
    NGX_HTTP_JIMENG_KEPT_GARBAGE,
    NGX_HTTP_JIMENG_KEPT_REPLICA,
    NGX_HTTP_JIMENG_KEPT_REFUSED,   /* an error that is not known */
    NGX_HTTP_JIMENG_KEPT_ERROR
} ngx_http_jimeng_kept_away_e;


/* where the server is, and who we are there; name is for the log */

typedef struct {
    ngx_str_t                         name;
    ngx_addr_t                       *addrs;
    ngx_uint_t                        naddrs;
    jm_str_t                          user;     /* empty: the default one */
    jm_str_t                          password; /* empty: none */
    ngx_msec_t                        timeout;
} ngx_http_jimeng_kept_conf_t;


/*
 * The first lines are the owner's to set.  Greet() sends what comes after the
 * password, and then calls ngx_http_jimeng_kept_greeted().  Push() may be NULL,
 * and says whether a reply is none to a command.  Of commands with "user" set,
 * answer() is to free or to keep both, and left() the command, whose handler
 * it is to tell.
 */

typedef struct ngx_http_jimeng_kept_s  ngx_http_jimeng_kept_t;

struct ngx_http_jimeng_kept_s {
    ngx_http_jimeng_kept_conf_t      *conf;
    void                             *data;
    const char                       *what;     /* goes after conf->name */
    void                            (*greet)(ngx_http_jimeng_kept_t *k);
    void                            (*ready)(ngx_http_jimeng_kept_t *k);
    ngx_uint_t                      (*push)(ngx_http_jimeng_kept_t *k,
                                          redisReply *reply);
    void                            (*answer)(ngx_http_jimeng_kept_t *k,
                                          ngx_http_jimeng_resp_command_t *c,
                                          redisReply *reply);
    void                            (*left)(ngx_http_jimeng_kept_t *k,
                                          ngx_http_jimeng_resp_command_t *c);

    ngx_http_jimeng_resp_t            resp;
    ngx_event_t                       timer;    /* of all that is awaited */
    ngx_log_t                        *log;
    ngx_uint_t                        address;  /* of addrs, the next to try */
    ngx_msec_t                        pause;
    ngx_msec_t                        opened;   /* when it was greeted */
    uint64_t                          heard;    /* us, the last answer */
    uint64_t                          latency;  /* us, smoothed; 0: unknown */
    time_t                            since;    /* when away was set */
    ngx_uint_t                        away;
    unsigned                          greeted:1;    /* may be used */
    unsigned                          silent:1;     /* answers too late */
};


/* ngx_http_jimeng_kept.c */

void ngx_http_jimeng_kept_start(ngx_http_jimeng_kept_t *k, ngx_log_t *log);
void ngx_http_jimeng_kept_greeted(ngx_http_jimeng_kept_t *k);
void ngx_http_jimeng_kept_stop(ngx_http_jimeng_kept_t *k);

/* ngx_http_jimeng_kept_down.c: closed, and opened again after a pause */

void ngx_http_jimeng_kept_down(ngx_http_jimeng_kept_t *k, ngx_uint_t away,
    ngx_err_t err, const char *why);
void ngx_http_jimeng_kept_drop(ngx_http_jimeng_kept_t *k);

/* ngx_http_jimeng_kept_send.c: there has to be a connection */

void ngx_http_jimeng_kept_send(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command);
ngx_http_jimeng_resp_command_t *ngx_http_jimeng_kept_ask(
    ngx_http_jimeng_kept_t *k, ngx_uint_t n, const char **argv,
    ngx_http_jimeng_resp_handler_pt handler);

/* ngx_http_jimeng_kept_late.c */

void ngx_http_jimeng_kept_late(ngx_http_jimeng_kept_t *k);

/* ngx_http_jimeng_kept_away.c */

ngx_uint_t ngx_http_jimeng_kept_error(redisReply *reply);
ngx_uint_t ngx_http_jimeng_kept_closes(ngx_uint_t away);
void ngx_http_jimeng_kept_away(ngx_http_jimeng_kept_t *k, ngx_uint_t away,
    ngx_err_t err, const char *why);
void ngx_http_jimeng_kept_back(ngx_http_jimeng_kept_t *k);


#endif /* _NGX_HTTP_JIMENG_KEPT_H_INCLUDED_ */
