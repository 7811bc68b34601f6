
/* the connection: how it is opened, and what QUIC and HTTP/3 tell of it */


#define _GNU_SOURCE

#include "http3.h"

#include <sys/socket.h>

#include <gnutls/crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>


#define CID_LEN      16
#define WINDOW       (16 * 1024 * 1024)
#define PING         (300 * NGTCP2_MILLISECONDS)

#define PRIORITIES                                                            \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:%DISABLE_TLS13_COMPAT_MODE"


static void open_http(client_t *c);


static void
open_socket(client_t *c, in_port_t port)
{
    socklen_t           len;
    struct sockaddr_in  local, remote;

    memset(&remote, 0, sizeof(remote));

    remote.sin_family = AF_INET;
    remote.sin_port = htons(port);
    remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    len = sizeof(local);

    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &remote, sizeof(remote)) == -1
        || getsockname(c->fd, (struct sockaddr *) &local, &len) == -1)
    {
        fail("no socket", errno);
    }

    ngtcp2_path_storage_init(&c->path, (ngtcp2_sockaddr *) &local, len,
                             (ngtcp2_sockaddr *) &remote, sizeof(remote),
                             NULL);
}


static ngtcp2_conn *
get_conn(ngtcp2_crypto_conn_ref *ref)
{
    client_t  *c = ref->user_data;

    return c->quic;
}


/* the server's certificate is one of a test's, and not looked at */

static void
open_tls(client_t *c)
{
    gnutls_datum_t                    alpn;
    gnutls_certificate_credentials_t  credentials;

    alpn.data = (unsigned char *) "h3";
    alpn.size = 2;

    c->ref.get_conn = get_conn;
    c->ref.user_data = c;

    if (gnutls_certificate_allocate_credentials(&credentials) != 0
        || gnutls_init(&c->tls, GNUTLS_CLIENT) != 0
        || gnutls_priority_set_direct(c->tls, PRIORITIES, NULL) != 0
        || gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, credentials)
           != 0
        || gnutls_alpn_set_protocols(c->tls, &alpn, 1, 0) != 0
        || gnutls_server_name_set(c->tls, GNUTLS_NAME_DNS, "localhost", 9)
           != 0
        || ngtcp2_crypto_gnutls_configure_client_session(c->tls) != 0)
    {
        fail("no TLS session", 0);
    }

    gnutls_session_set_ptr(c->tls, &c->ref);
}


/* ---- QUIC's events */

static void
random_bytes(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *ctx)
{
    if (gnutls_rnd(GNUTLS_RND_RANDOM, dest, len) != 0) {
        fail("no random bytes", 0);
    }
}


static int
new_id(ngtcp2_conn *quic, ngtcp2_cid *cid, uint8_t *token, size_t len,
    void *data)
{
    random_bytes(cid->data, len, NULL);
    cid->datalen = len;

    random_bytes(token, NGTCP2_STATELESS_RESET_TOKENLEN, NULL);

    return 0;
}


static void
consume(client_t *c, int64_t id, uint64_t len)
{
    ngtcp2_conn_extend_max_stream_offset(c->quic, id, len);
    ngtcp2_conn_extend_max_offset(c->quic, len);
}


static int
quic_data(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t offset,
    const uint8_t *text, size_t len, void *data, void *stream_data)
{
    client_t       *c = data;
    nghttp3_ssize   n;

    n = nghttp3_conn_read_stream(c->http, id, text, len,
                                 (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    if (n < 0) {
        fail(nghttp3_strerror((int) n), (int) n);
    }

    consume(c, id, (uint64_t) n);

    return 0;
}


static int
quic_acked(ngtcp2_conn *quic, int64_t id, uint64_t offset, uint64_t len,
    void *data, void *stream_data)
{
    client_t  *c = data;

    if (nghttp3_conn_add_ack_offset(c->http, id, len) != 0) {
        fail("a wrong acknowledgement", 0);
    }

    return 0;
}


static int
quic_reset(ngtcp2_conn *quic, int64_t id, uint64_t size, uint64_t code,
    void *data, void *stream_data)
{
    client_t  *c = data;

    printf("%" PRId64 " reset %" PRIu64 "\n", id, code);

    (void) nghttp3_conn_shutdown_stream_read(c->http, id);

    return 0;
}


static int
quic_closed(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t code,
    void *data, void *stream_data)
{
    client_t  *c = data;

    if (!(flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET)) {
        code = NGHTTP3_H3_NO_ERROR;
    }

    printf("%" PRId64 " gone\n", id);

    (void) nghttp3_conn_close_stream(c->http, id, code);

    return 0;
}


static int
quic_more(ngtcp2_conn *quic, int64_t id, uint64_t max, void *data,
    void *stream_data)
{
    client_t  *c = data;

    (void) nghttp3_conn_unblock_stream(c->http, id);

    return 0;
}


static int
quic_ready(ngtcp2_conn *quic, void *data)
{
    open_http(data);
    printf("connected\n");

    return 0;
}


static void
open_quic(client_t *c)
{
    int                        rc;
    ngtcp2_cid                 dcid, scid;
    ngtcp2_settings            settings;
    ngtcp2_transport_params    params;

    static ngtcp2_callbacks    callbacks = {
        .client_initial = ngtcp2_crypto_client_initial_cb,
        .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
        .encrypt = ngtcp2_crypto_encrypt_cb,
        .decrypt = ngtcp2_crypto_decrypt_cb,
        .hp_mask = ngtcp2_crypto_hp_mask_cb,
        .recv_retry = ngtcp2_crypto_recv_retry_cb,
        .update_key = ngtcp2_crypto_update_key_cb,
        .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
        .rand = random_bytes,
        .get_new_connection_id = new_id,
        .handshake_completed = quic_ready,
        .recv_stream_data = quic_data,
        .acked_stream_data_offset = quic_acked,
        .stream_reset = quic_reset,
        .stream_close = quic_closed,
        .extend_max_stream_data = quic_more,
    };

    ngtcp2_settings_default(&settings);
    settings.initial_ts = now();

    ngtcp2_transport_params_default(&params);
    params.initial_max_data = WINDOW;
    params.initial_max_stream_data_bidi_local = WINDOW;
    params.initial_max_stream_data_uni = WINDOW;
    params.initial_max_streams_uni = 3;
    params.max_idle_timeout = 60 * NGTCP2_SECONDS;

    dcid.datalen = CID_LEN;
    scid.datalen = CID_LEN;

    random_bytes(dcid.data, CID_LEN, NULL);
    random_bytes(scid.data, CID_LEN, NULL);

    rc = ngtcp2_conn_client_new(&c->quic, &dcid, &scid, &c->path.path,
                                NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                                &params, NULL, c);
    if (rc != 0) {
        fail(ngtcp2_strerror(rc), rc);
    }

    ngtcp2_conn_set_tls_native_handle(c->quic, c->tls);
    ngtcp2_conn_set_keep_alive_timeout(c->quic, PING);
}


/* ---- HTTP/3's events */

static int
http_field(nghttp3_conn *http, int64_t id, int32_t token, nghttp3_rcbuf *name,
    nghttp3_rcbuf *value, uint8_t flags, void *data, void *stream_data)
{
    nghttp3_vec  n, v;

    n = nghttp3_rcbuf_get_buf(name);
    v = nghttp3_rcbuf_get_buf(value);

    if (token == NGHTTP3_QPACK_TOKEN__STATUS) {
        printf("%" PRId64 " status %.*s\n", id, (int) v.len, (char *) v.base);

    } else {
        printf("%" PRId64 " field %.*s: %.*s\n", id, (int) n.len,
               (char *) n.base, (int) v.len, (char *) v.base);
    }

    return 0;
}


static int
http_data(nghttp3_conn *http, int64_t id, const uint8_t *text, size_t len,
    void *data, void *stream_data)
{
    size_t     i;
    client_t  *c = data;

    printf("%" PRId64 " data ", id);

    for (i = 0; i < len; i++) {
        printf("%02x", text[i]);
    }

    printf("\n");

    consume(c, id, len);

    return 0;
}


static int
http_consume(nghttp3_conn *http, int64_t id, size_t len, void *data,
    void *stream_data)
{
    consume(data, id, len);

    return 0;
}


static int
http_end(nghttp3_conn *http, int64_t id, void *data, void *stream_data)
{
    printf("%" PRId64 " end\n", id);

    return 0;
}


nghttp3_ssize
http_body(nghttp3_conn *http, int64_t id, nghttp3_vec *vec, size_t n,
    uint32_t *flags, void *data, void *stream_data)
{
    body_t  *body = stream_data;

    vec[0].base = body->data;
    vec[0].len = body->len;

    *flags = NGHTTP3_DATA_FLAG_EOF;

    return 1;
}


static void
open_http(client_t *c)
{
    int64_t                  control, encoder, decoder;
    nghttp3_settings         settings;

    static nghttp3_callbacks  callbacks = {
        .recv_header = http_field,
        .recv_data = http_data,
        .deferred_consume = http_consume,
        .end_stream = http_end,
    };

    nghttp3_settings_default(&settings);

    if (nghttp3_conn_client_new(&c->http, &callbacks, &settings, NULL, c) != 0
        || ngtcp2_conn_open_uni_stream(c->quic, &control, NULL) != 0
        || ngtcp2_conn_open_uni_stream(c->quic, &encoder, NULL) != 0
        || ngtcp2_conn_open_uni_stream(c->quic, &decoder, NULL) != 0
        || nghttp3_conn_bind_control_stream(c->http, control) != 0
        || nghttp3_conn_bind_qpack_streams(c->http, encoder, decoder) != 0)
    {
        fail("no HTTP/3 connection", 0);
    }
}


void
open_connection(client_t *c, in_port_t port)
{
    open_socket(c, port);
    open_tls(c);
    open_quic(c);
}
