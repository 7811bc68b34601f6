
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A module for tests of the floor "redis": a location that sends what is in its
 * URI, and shows what has come.
 *
 *     /probe/call/FCALL/echo/0/x      a call, and its answer: "string x",
 *                                     "integer 1", "error ...", "nothing",
 *                                     or "away" if it could not be sent
 *     /probe/tell/FCALL/put/1/key/x   told
 *     /probe/messages                 what was published to "jimeng:probe"
 */


#include "ngx_http_jimeng_store.h"


#define NGX_HTTP_JIMENG_PROBE_TEXT  4096


static char *ngx_http_jimeng_probe(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_jimeng_probe_init(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_jimeng_probe_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_jimeng_probe_args(ngx_http_request_t *r,
    const char **argv, size_t *lens);
static void ngx_http_jimeng_probe_answer(void *data, redisReply *reply);
static void ngx_http_jimeng_probe_message(void *data, ngx_str_t *message);
static ngx_int_t ngx_http_jimeng_probe_send(ngx_http_request_t *r,
    u_char *text, size_t len);


static u_char  ngx_http_jimeng_probe_messages[NGX_HTTP_JIMENG_PROBE_TEXT];
static size_t  ngx_http_jimeng_probe_nmessages;


static ngx_command_t  ngx_http_jimeng_probe_commands[] = {

    { ngx_string("jimeng_probe"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_jimeng_probe,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_jimeng_probe_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_jimeng_probe_module = {
    NGX_MODULE_V1,
    &ngx_http_jimeng_probe_module_ctx,     /* module context */
    ngx_http_jimeng_probe_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_jimeng_probe_init,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what auto/module makes */

ngx_module_t  *ngx_modules[] = { &ngx_http_jimeng_probe_module, NULL };
char  *ngx_module_names[] = { "ngx_http_jimeng_probe_module", NULL };
char  *ngx_module_order[] = { NULL };


static const char  ngx_http_jimeng_probe_library[] =
    "#!lua name=jimeng_probe\n"
    "redis.register_function('echo', function(keys, args)\n"
    "    return args[1]\n"
    "end)\n"
    "redis.register_function('put', function(keys, args)\n"
    "    return redis.call('RPUSH', keys[1], args[1])\n"
    "end)\n"
    "redis.register_function('fail', function(keys, args)\n"
    "    error('it fails')\n"
    "end)\n"
    "redis.register_function('tell', function(keys, args)\n"
    "    return redis.call('PUBLISH', keys[1], args[1])\n"
    "end)\n";


static ngx_str_t  ngx_http_jimeng_probe_channel = ngx_string("probe");


static char *
ngx_http_jimeng_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_jimeng_probe_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_probe_init(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_redis_t      *redis;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (ngx_process != NGX_PROCESS_WORKER) {
        return NGX_OK;
    }

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);
    redis = jmcf->redis;

    /* what workers do of themselves is not there: connections alone are */

    ngx_del_timer(&jmcf->zone->store->timer);
    ngx_http_jimeng_zone_backend(jmcf->zone);
    jmcf->zone->store = NULL;

    redis->library = "jimeng_probe";
    redis->code = ngx_http_jimeng_probe_library;

    return ngx_http_jimeng_redis_subscribe(redis,
                                           &ngx_http_jimeng_probe_channel,
                                           ngx_http_jimeng_probe_message,
                                           NULL);
}


static ngx_int_t
ngx_http_jimeng_probe_handler(ngx_http_request_t *r)
{
    size_t                        lens[NGX_HTTP_JIMENG_RESP_ARGS];
    const char                   *argv[NGX_HTTP_JIMENG_RESP_ARGS];
    ngx_uint_t                    n;
    ngx_http_jimeng_redis_t      *redis;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);
    redis = jmcf->redis;

    n = ngx_http_jimeng_probe_args(r, argv, lens);

    if (ngx_strncmp(r->uri.data, "/probe/messages", 15) == 0) {
        return ngx_http_jimeng_probe_send(r, ngx_http_jimeng_probe_messages,
                                          ngx_http_jimeng_probe_nmessages);
    }

    if (n == 0) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ngx_strncmp(r->uri.data, "/probe/tell/", 12) == 0) {
        ngx_http_jimeng_redis_tell(redis, n, argv, lens);
        return ngx_http_jimeng_probe_send(r, (u_char *) "told", 4);
    }

    if (ngx_http_jimeng_redis_call(redis, n, argv, lens,
                                   ngx_http_jimeng_probe_answer, r)
        != NGX_OK)
    {
        return ngx_http_jimeng_probe_send(r, (u_char *) "away", 4);
    }

    r->main->count++;

    return NGX_DONE;
}


/* what is between the slashes that follow /probe/call/ */

static ngx_uint_t
ngx_http_jimeng_probe_args(ngx_http_request_t *r, const char **argv,
    size_t *lens)
{
    u_char      *p, *last, *slash;
    ngx_uint_t   n;

    p = r->uri.data + sizeof("/probe/call/") - 1;
    last = r->uri.data + r->uri.len;

    for (n = 0; p < last && n < NGX_HTTP_JIMENG_RESP_ARGS; n++) {
        slash = ngx_strlchr(p, last, '/');

        if (slash == NULL) {
            slash = last;
        }

        argv[n] = (const char *) p;
        lens[n] = slash - p;

        p = slash + 1;
    }

    return n;
}


static void
ngx_http_jimeng_probe_answer(void *data, redisReply *reply)
{
    ngx_http_request_t *r = data;

    u_char            *p, text[NGX_HTTP_JIMENG_PROBE_TEXT];
    ngx_connection_t  *c;

    c = r->connection;
    p = text;

    if (reply == NULL) {
        p = ngx_sprintf(p, "nothing");

    } else {
        switch (reply->type) {

        case REDIS_REPLY_INTEGER:
            p = ngx_sprintf(p, "integer %L", (int64_t) reply->integer);
            break;

        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
            p = ngx_slprintf(p, text + sizeof(text), "string %s", reply->str);
            break;

        case REDIS_REPLY_ERROR:
            p = ngx_slprintf(p, text + sizeof(text), "error %s", reply->str);
            break;

        default:
            p = ngx_sprintf(p, "type %d of %uz", reply->type, reply->elements);
        }
    }

    ngx_http_finalize_request(r, ngx_http_jimeng_probe_send(r, text,
                                                            p - text));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_jimeng_probe_message(void *data, ngx_str_t *message)
{
    u_char     *p, *last;
    ngx_str_t   missed = ngx_string("(perhaps some were missed)");

    p = ngx_http_jimeng_probe_messages + ngx_http_jimeng_probe_nmessages;
    last = ngx_http_jimeng_probe_messages + NGX_HTTP_JIMENG_PROBE_TEXT;

    p = ngx_slprintf(p, last, "%V\n", message ? message : &missed);

    ngx_http_jimeng_probe_nmessages = p - ngx_http_jimeng_probe_messages;
}


static ngx_int_t
ngx_http_jimeng_probe_send(ngx_http_request_t *r, u_char *text, size_t len)
{
    ngx_int_t                 rc;
    ngx_http_complex_value_t  cv;

    ngx_str_t  type = ngx_string("text/plain");

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.len = len;
    cv.value.data = ngx_pnalloc(r->pool, len + 1);

    if (cv.value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(cv.value.data, text, len);

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}
