
/*
 * http3 PORT
 *
 * An HTTP/3 client of 127.0.0.1 that leaves in every way a client can: one
 * connection, whose streams are numbered 0, 4, 8 ...  What it is to do it reads
 * line by line, what has happened it prints line by line.
 *
 *   request METHOD PATH [FILE [NAME: VALUE]...]    fields are separated by tabs
 *   stop N       STOP_SENDING: the reply is not wanted any more
 *   reset N      RESET_STREAM: the request is given up
 *   close        CONNECTION_CLOSE, and exit; at the end of the input without it
 *
 *   connected, closed
 *   N status CODE, N field NAME: VALUE, N data HEX, N end
 *   N reset CODE, N gone                           nothing of it is left
 */


#define _GNU_SOURCE

#include "http3.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define FIELDS_MAX   32
#define PACKET_MAX   65536


static void run(client_t *c);
static int pause_until(ngtcp2_tstamp expiry);
static void command(client_t *c, char *line);
static void request(client_t *c, char *fields);
static body_t *read_body(const char *path);
static nghttp3_nv pair(const char *name, const char *value);
static void close_connection(client_t *c);
static void receive(client_t *c);
static void transmit(client_t *c);


int
main(int argc, char **argv)
{
    client_t  c;

    memset(&c, 0, sizeof(client_t));

    if (argc != 2) {
        fail("usage: http3 PORT", 0);
    }

    setvbuf(stdout, NULL, _IOLBF, 0);

    open_connection(&c, (in_port_t) atoi(argv[1]));

    run(&c);

    return 0;
}


void
fail(const char *what, int rc)
{
    fprintf(stderr, "http3: %s (%d)\n", what, rc);
    exit(2);
}


ngtcp2_tstamp
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (ngtcp2_tstamp) ts.tv_sec * NGTCP2_SECONDS
           + (ngtcp2_tstamp) ts.tv_nsec;
}


static void
run(client_t *c)
{
    char           *p, *last;
    size_t          len;
    ssize_t         n;
    struct pollfd   fds[2];

    static char     input[PACKET_MAX];

    len = 0;

    fds[0].fd = c->fd;
    fds[0].events = POLLIN;
    fds[1].events = POLLIN;

    while (!c->done) {
        transmit(c);

        fds[1].fd = c->http ? STDIN_FILENO : -1;
        fds[1].revents = 0;

        if (poll(fds, 2, pause_until(ngtcp2_conn_get_expiry(c->quic))) == -1) {
            fail("poll() failed", errno);
        }

        receive(c);

        if (fds[1].revents == 0) {
            continue;
        }

        n = read(STDIN_FILENO, input + len, sizeof(input) - 1 - len);

        if (n <= 0) {
            return;
        }

        len += (size_t) n;
        input[len] = '\0';

        for (p = input; (last = strchr(p, '\n')) != NULL; p = last + 1) {
            *last = '\0';
            command(c, p);
        }

        len -= (size_t) (p - input);
        memmove(input, p, len);
    }
}


static int
pause_until(ngtcp2_tstamp expiry)
{
    ngtcp2_tstamp  t;

    t = now();

    if (expiry == UINT64_MAX) {
        return -1;
    }

    return expiry <= t ? 0
                       : (int) ((expiry - t) / NGTCP2_MILLISECONDS) + 1;
}


static void
command(client_t *c, char *line)
{
    int64_t  id;

    if (strncmp(line, "request\t", 8) == 0) {
        request(c, line + 8);

    } else if (sscanf(line, "stop\t%" SCNd64, &id) == 1) {
        (void) ngtcp2_conn_shutdown_stream_read(c->quic, id,
                                              NGHTTP3_H3_REQUEST_CANCELLED);

    } else if (sscanf(line, "reset\t%" SCNd64, &id) == 1) {
        (void) ngtcp2_conn_shutdown_stream_write(c->quic, id,
                                               NGHTTP3_H3_REQUEST_CANCELLED);

    } else if (strcmp(line, "close") == 0) {
        close_connection(c);

    } else {
        fail(line, 0);
    }
}


static void
request(client_t *c, char *fields)
{
    int                   rc;
    char                 *field, *value, *method, *path;
    body_t               *body;
    size_t                n;
    int64_t               id;
    nghttp3_nv            nv[FIELDS_MAX];
    nghttp3_data_reader   reader;

    method = strsep(&fields, "\t");
    path = strsep(&fields, "\t");
    field = strsep(&fields, "\t");

    if (path == NULL) {
        fail("a request has a method and a path", 0);
    }

    body = (field && *field) ? read_body(field) : NULL;

    nv[0] = pair(":method", method);
    nv[1] = pair(":scheme", "https");
    nv[2] = pair(":authority", "localhost");
    nv[3] = pair(":path", path);

    for (n = 4; (field = strsep(&fields, "\t")) != NULL; n++) {
        value = strstr(field, ": ");

        if (value == NULL || n == FIELDS_MAX) {
            fail("a field is \"name: value\"", 0);
        }

        *value = '\0';
        nv[n] = pair(field, value + 2);
    }

    reader.read_data = http_body;

    rc = ngtcp2_conn_open_bidi_stream(c->quic, &id, NULL);
    if (rc != 0) {
        fail(ngtcp2_strerror(rc), rc);
    }

    rc = nghttp3_conn_submit_request(c->http, id, nv, n,
                                     body ? &reader : NULL, body);
    if (rc != 0) {
        fail(nghttp3_strerror(rc), rc);
    }
}


/* it is sent, and sent again, for as long as the program runs */

static body_t *
read_body(const char *path)
{
    FILE    *file;
    body_t  *body;

    body = calloc(1, sizeof(body_t));
    file = fopen(path, "rb");

    if (body == NULL || file == NULL) {
        fail(path, errno);
    }

    do {
        body->data = realloc(body->data, body->len + PACKET_MAX);

        if (body->data == NULL) {
            fail("no memory", errno);
        }

        body->len += fread(body->data + body->len, 1, PACKET_MAX, file);

    } while (!feof(file) && !ferror(file));

    fclose(file);

    return body;
}


static nghttp3_nv
pair(const char *name, const char *value)
{
    nghttp3_nv  nv;

    nv.name = (uint8_t *) name;
    nv.namelen = strlen(name);
    nv.value = (uint8_t *) value;
    nv.valuelen = strlen(value);
    nv.flags = NGHTTP3_NV_FLAG_NONE;

    return nv;
}


static void
close_connection(client_t *c)
{
    uint8_t                        packet[PACKET_MAX];
    ngtcp2_ssize                   n;
    ngtcp2_connection_close_error  error;

    ngtcp2_connection_close_error_set_application_error(
        &error, NGHTTP3_H3_NO_ERROR, NULL, 0);

    n = ngtcp2_conn_write_connection_close(c->quic, NULL, NULL, packet,
                                           sizeof(packet), &error, now());

    if (n > 0 && send(c->fd, packet, (size_t) n, 0) == -1) {
        fail("send() failed", errno);
    }

    c->done = 1;
}


static void
receive(client_t *c)
{
    int              rc;
    uint8_t          packet[PACKET_MAX];
    ssize_t          n;
    ngtcp2_pkt_info  info;

    memset(&info, 0, sizeof(info));

    while ((n = recv(c->fd, packet, sizeof(packet), 0)) > 0) {
        rc = ngtcp2_conn_read_pkt(c->quic, &c->path.path, &info, packet,
                                  (size_t) n, now());

        if (rc == NGTCP2_ERR_DRAINING) {
            printf("closed\n");
            c->done = 1;
            return;
        }

        if (rc != 0) {
            fail(ngtcp2_strerror(rc), rc);
        }
    }

    if (ngtcp2_conn_get_expiry(c->quic) > now()) {
        return;
    }

    rc = ngtcp2_conn_handle_expiry(c->quic, now());
    if (rc != 0) {
        fail(ngtcp2_strerror(rc), rc);
    }
}


static void
transmit(client_t *c)
{
    int               fin;
    int64_t           id;
    uint8_t           packet[PACKET_MAX];
    uint32_t          flags;
    nghttp3_vec       vec[16];
    ngtcp2_ssize      n, taken;
    nghttp3_ssize     nvec;
    ngtcp2_tstamp     ts;
    ngtcp2_pkt_info   info;

    ts = now();

    while (!c->done) {
        id = -1;
        fin = 0;
        nvec = 0;

        if (c->http && ngtcp2_conn_get_max_data_left(c->quic)) {
            nvec = nghttp3_conn_writev_stream(c->http, &id, &fin, vec, 16);

            if (nvec < 0) {
                fail(nghttp3_strerror((int) nvec), (int) nvec);
            }
        }

        flags = NGTCP2_WRITE_STREAM_FLAG_MORE
                | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u);

        n = ngtcp2_conn_writev_stream(c->quic, NULL, &info, packet,
                                      NGTCP2_MAX_UDP_PAYLOAD_SIZE, &taken,
                                      flags, id, (ngtcp2_vec *) vec,
                                      (size_t) nvec, ts);

        if (taken >= 0 && id >= 0
            && nghttp3_conn_add_write_offset(c->http, id, (size_t) taken) != 0)
        {
            fail("a wrong offset", 0);
        }

        if (n == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
            (void) nghttp3_conn_block_stream(c->http, id);

        } else if (n == NGTCP2_ERR_STREAM_SHUT_WR) {
            (void) nghttp3_conn_shutdown_stream_write(c->http, id);

        } else if (n == 0) {
            ngtcp2_conn_update_pkt_tx_time(c->quic, ts);
            return;

        } else if (n < 0 && n != NGTCP2_ERR_WRITE_MORE) {
            fail(ngtcp2_strerror((int) n), (int) n);

        } else if (n > 0 && send(c->fd, packet, (size_t) n, 0) == -1) {
            fail("send() failed", errno);
        }
    }
}
