
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "resp": a connection to a server that speaks Redis' protocol, RESP
 * version 2 (redis.io/docs/reference/protocol-spec).  Commands are answered in
 * the order they are sent; nothing here ever waits.
 *
 * Of hiredis there is the parser alone: its asynchronous connection ends the
 * process by an assertion when a server answers what was not asked.
 */


#ifndef _NGX_HTTP_JIMENG_RESP_H_INCLUDED_
#define _NGX_HTTP_JIMENG_RESP_H_INCLUDED_


#include "ngx_http_jimeng_base.h"

#include <hiredis/hiredis.h>


#define NGX_HTTP_JIMENG_RESP_ARGS  64   /* of a command, at most */


typedef struct ngx_http_jimeng_resp_s  ngx_http_jimeng_resp_t;

typedef void (*ngx_http_jimeng_resp_handler_pt)(void *data, redisReply *reply);


/* a command that is to be sent, or was; its bytes follow it */

typedef struct {
    ngx_queue_t                       queue;
    ngx_http_jimeng_resp_handler_pt   handler;  /* NULL: nobody asks */
    void                             *data;
    uint64_t                          asked;    /* us, of a monotonic clock */
    ngx_uint_t                        replies;  /* that are to come */
    size_t                            len;
    size_t                            sent;
    unsigned                          told:1;   /* kept until it is answered */
    unsigned                          user:1;   /* of a higher floor */
    unsigned                          late:1;   /* its time is over */
    unsigned                          again:1;  /* it was sent once more */
} ngx_http_jimeng_resp_command_t;


/*
 * Data, opened(), reply() and lost() are the owner's.  It is to keep or free
 * what it is given by reply(), which returns NGX_ERROR after a close.  Lost()
 * is to close: nothing is touched after it.
 */

struct ngx_http_jimeng_resp_s {
    ngx_peer_connection_t             peer;     /* no connection: closed */
    ngx_log_t                         log;      /* says what is a bug only */
    ngx_queue_t                       out;      /* to be sent */
    ngx_queue_t                       asked;    /* to be answered */
    redisReader                      *reader;
    size_t                            unread;   /* bytes of half a reply */

    void                             *data;
    void                            (*opened)(ngx_http_jimeng_resp_t *resp);
    ngx_int_t                       (*reply)(ngx_http_jimeng_resp_t *resp,
                                          redisReply *reply);
    void                            (*lost)(ngx_http_jimeng_resp_t *resp,
                                          ngx_uint_t garbage, ngx_err_t err,
                                          const char *why);

    unsigned                          connected:1;
};


/* ngx_http_jimeng_resp.c */

void ngx_http_jimeng_resp_init(ngx_http_jimeng_resp_t *resp, ngx_log_t *log);
void ngx_http_jimeng_resp_open(ngx_http_jimeng_resp_t *resp,
    ngx_addr_t *addr);
void ngx_http_jimeng_resp_send(ngx_http_jimeng_resp_t *resp,
    ngx_http_jimeng_resp_command_t *command);
void ngx_http_jimeng_resp_close(ngx_http_jimeng_resp_t *resp);

/* ngx_http_jimeng_resp_write.c: as much as can be written at once */

ngx_int_t ngx_http_jimeng_resp_write(ngx_http_jimeng_resp_t *resp);

/* ngx_http_jimeng_resp_read.c: NGX_ERROR if the connection was closed */

ngx_int_t ngx_http_jimeng_resp_read(ngx_http_jimeng_resp_t *resp);

/* ngx_http_jimeng_resp_reader.c: caps on what a server makes us allocate */

redisReader *ngx_http_jimeng_resp_reader(void);

/* ngx_http_jimeng_resp_command.c */

ngx_http_jimeng_resp_command_t *ngx_http_jimeng_resp_command(ngx_uint_t n,
    const char **argv, const size_t *lens, ngx_log_t *log);
uint64_t ngx_http_jimeng_resp_now(void);

#define ngx_http_jimeng_resp_bytes(command)                                   \
    ((u_char *) (command) + sizeof(ngx_http_jimeng_resp_command_t))

#define ngx_http_jimeng_resp_get(q)                                           \
    ngx_queue_data(q, ngx_http_jimeng_resp_command_t, queue)

#define ngx_http_jimeng_resp_is(resp)  ((resp)->peer.connection != NULL)


#endif /* _NGX_HTTP_JIMENG_RESP_H_INCLUDED_ */
