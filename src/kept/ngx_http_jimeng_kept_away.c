
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_kept.h"


/* an error begins with the text; what it means, and what is to be done */

typedef struct {
    ngx_str_t    text;
    const char  *what;
    ngx_uint_t   closes;    /* only another connection, or another server */
} ngx_http_jimeng_kept_error_t;


static const char *ngx_http_jimeng_kept_why(ngx_uint_t away, const char *why);


/* redis.io/docs has no list of them: these are in Redis' source, server.c */

static ngx_http_jimeng_kept_error_t  ngx_http_jimeng_kept_errors[] = {

    { ngx_string("LOADING "),
      "it is loading its data, which comes to an end by itself (LOADING)", 1 },

    { ngx_string("READONLY "),
      "it is a replica that takes no writes: \"jimeng_store\" has to name the "
      "master (READONLY)", 1 },

    { ngx_string("MASTERDOWN "),
      "it is a replica without its master: \"jimeng_store\" has to name the "
      "master (MASTERDOWN)", 1 },

    { ngx_string("OOM "),
      "it has no memory left: raise its maxmemory (OOM)", 0 },

    { ngx_string("MISCONF "),
      "it cannot write to its disk, and so takes no writes: look at its log "
      "(MISCONF)", 0 },

    { ngx_string("NOREPLICAS "),
      "it has fewer replicas than its min-replicas-to-write, and so takes no "
      "writes (NOREPLICAS)", 0 },

    { ngx_string("NOAUTH "),
      "it wants a password: set one with \"password=file:...\" in "
      "\"jimeng_store\" (NOAUTH)", 1 },

    { ngx_string("WRONGPASS "),
      "it refuses the user and password of \"jimeng_store\" (WRONGPASS)", 1 },

    { ngx_string("ERR invalid password"),
      "it refuses the password of \"jimeng_store\"", 1 },

    { ngx_string("ERR AUTH <password> called without any password"),
      "it has no password, but \"jimeng_store\" sends one: set its "
      "requirepass, or take out \"password=\"", 1 },

    { ngx_string("ERR Client sent AUTH, but no password is set"),
      "it has no password, but \"jimeng_store\" sends one: set its "
      "requirepass, or take out \"password=\"", 1 },

    { ngx_string("NOPERM "),
      "its user may not do what this module does: look at its ACL (NOPERM)",
      0 },

    { ngx_string("DENIED "),
      "it is in protected mode and serves its own machine only: set its bind "
      "and a password (DENIED)", 1 },

    { ngx_string("ERR max number of clients"),
      "it has too many clients: raise its maxclients", 1 },

    { ngx_string("ERR DB index is out of range"),
      "it has no database of the number in \"jimeng_store\"", 1 },

    { ngx_string("ERR SELECT is not allowed in cluster mode"),
      "it is a node of a cluster, which has no database but 0", 1 },

    { ngx_string("ERR unknown command"),
      "it does not know functions: Redis 7, or Valkey, is needed", 0 },

    { ngx_string("CLUSTERDOWN "),
      "its cluster is down (CLUSTERDOWN)", 0 },

    { ngx_string("MOVED "),
      "it is not the node of its cluster that has the keys of this prefix: "
      "\"jimeng_store\" has to name that one (MOVED)", 1 },

    { ngx_string("ASK "),
      "its cluster is moving the keys of this prefix to another node (ASK)",
      0 },

    { ngx_string("TRYAGAIN "),
      "its cluster is moving the keys of this prefix to another node "
      "(TRYAGAIN)", 0 },

    { ngx_string("BUSY "),
      "it is busy with somebody's script (BUSY)", 0 },

    { ngx_null_string, NULL, 0 }
};


/* what an error says of the server, or _WELL if it is one of the command */

ngx_uint_t
ngx_http_jimeng_kept_error(redisReply *reply)
{
    ngx_uint_t                     i;
    ngx_http_jimeng_kept_error_t  *e;

    if (reply->type != REDIS_REPLY_ERROR) {
        return NGX_HTTP_JIMENG_KEPT_WELL;
    }

    e = ngx_http_jimeng_kept_errors;

    for (i = 0; e[i].text.len; i++) {
        if (reply->len >= e[i].text.len
            && ngx_strncmp(reply->str, e[i].text.data, e[i].text.len) == 0)
        {
            return NGX_HTTP_JIMENG_KEPT_ERROR + i;
        }
    }

    return NGX_HTTP_JIMENG_KEPT_WELL;
}


ngx_uint_t
ngx_http_jimeng_kept_closes(ngx_uint_t away)
{
    return away < NGX_HTTP_JIMENG_KEPT_ERROR
           || ngx_http_jimeng_kept_errors[away - NGX_HTTP_JIMENG_KEPT_ERROR]
              .closes;
}


/* logged once, and again when the reason is another one */

void
ngx_http_jimeng_kept_away(ngx_http_jimeng_kept_t *k, ngx_uint_t away,
    ngx_err_t err, const char *why)
{
    if (k->away == away) {
        return;
    }

    if (k->away <= NGX_HTTP_JIMENG_KEPT_START) {
        k->since = ngx_time();
    }

    k->away = away;

    ngx_log_error(NGX_LOG_ERR, k->log, err, "jimeng: %V%s is away: %s",
                  &k->conf->name, k->what,
                  ngx_http_jimeng_kept_why(away, why));
}


/* what a server sends as an error may have our password in it */

static const char *
ngx_http_jimeng_kept_why(ngx_uint_t away, const char *why)
{
    if (away >= NGX_HTTP_JIMENG_KEPT_ERROR) {
        return ngx_http_jimeng_kept_errors[away - NGX_HTTP_JIMENG_KEPT_ERROR]
               .what;
    }

    switch (away) {

    case NGX_HTTP_JIMENG_KEPT_GARBAGE:
        return "it does not speak Redis' protocol: \"jimeng_store\" names "
               "something else, or what is between breaks it";

    case NGX_HTTP_JIMENG_KEPT_REPLICA:
        return "it is a replica: \"jimeng_store\" has to name the master";

    case NGX_HTTP_JIMENG_KEPT_REFUSED:
        return "it refuses what each connection begins with: Redis 7, or "
               "Valkey, is needed, with functions";

    default:
        return why;
    }
}


void
ngx_http_jimeng_kept_back(ngx_http_jimeng_kept_t *k)
{
    ngx_uint_t  away;

    away = k->away;

    if (away == NGX_HTTP_JIMENG_KEPT_WELL) {
        return;
    }

    k->away = NGX_HTTP_JIMENG_KEPT_WELL;

    if (away != NGX_HTTP_JIMENG_KEPT_START) {
        ngx_log_error(NGX_LOG_NOTICE, k->log, 0,
                      "jimeng: %V%s is back after %T s", &k->conf->name,
                      k->what, ngx_time() - k->since);
    }

    k->since = ngx_time();
}
