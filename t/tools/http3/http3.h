
/* what the files of this program share */


#ifndef HTTP3_H_INCLUDED
#define HTTP3_H_INCLUDED


#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>


typedef struct {
    int                     fd;
    int                     done;
    ngtcp2_conn            *quic;
    nghttp3_conn           *http;       /* NULL until the handshake is done */
    gnutls_session_t        tls;
    ngtcp2_crypto_conn_ref  ref;
    ngtcp2_path_storage     path;
} client_t;


typedef struct {
    uint8_t                *data;
    size_t                  len;
} body_t;


void fail(const char *what, int rc);
ngtcp2_tstamp now(void);
nghttp3_ssize http_body(nghttp3_conn *http, int64_t id, nghttp3_vec *vec,
    size_t n, uint32_t *flags, void *data, void *stream_data);
void open_connection(client_t *c, in_port_t port);


#endif /* HTTP3_H_INCLUDED */
