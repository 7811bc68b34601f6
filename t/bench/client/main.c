
/*
 * The clients of the benches of pictures: so many at once, on a connection
 * each, that send requests one after another and take the pictures out of the
 * answers.
 * Every picture must come, and be the file it was made from, to the byte.
 *
 *     client [-s] [-r RATE] -p PORT -c CLIENTS [-m MARKER] -f PICTURE...
 *            REQUEST...
 *
 * A PICTURE's file is the base64 that is expected; their first characters
 * differ.  MARKER is what stands before each picture in an answer; without it
 * an answer is a picture, and no more.  A REQUEST's file is sent as it is, but
 * for "@@@@": the client's number.
 *
 * -s: a picture is judged by its SHA-256 instead of byte by byte, which costs
 * more.  -r: one client, which reads so many bytes a second, and begins anew,
 * until stdin ends; what was begun is then read as fast as it comes.
 *
 * Prints "bench: jobs N bytes N seconds N": of pictures only.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "client.h"


#define CLIENTS     1024
#define EVENTS      64
#define BUFFER      262144
#define TICK        20          /* ms between two reads of a slow client */
#define PATIENCE    60000       /* ms without a byte */
#define NUMBER      "@@@@"


typedef struct {
    int             fd;
    size_t          request;    /* the one that is being answered */
    answer_t        answer;
} client_t;


static void options(int argc, char **argv);
static void map_file(file_t *f, const char *name);
static void check_options(void);
static void client_open(client_t *c, unsigned number);
static void client_send(client_t *c);
static void client_read(client_t *c, size_t size);
static void client_answered(client_t *c);
static void run_fast(void);
static void run_slowly(void);
static double now(void);


static struct sockaddr_in   address;
static unsigned             nclients;
static double               rate;
static unsigned             released;   /* a slow client need not be slow */

static expected_t           expected;
static file_t               requests[FILES];
static size_t               nrequests;

static client_t             clients[CLIENTS];
static unsigned             running;
static unsigned             jobs;
static char                 buffer[BUFFER];


int
main(int argc, char **argv)
{
    double    start;
    unsigned  i;
    uint64_t  bytes;

    options(argc, argv);
    check_options();

    start = now();

    for (i = 0; i < nclients; i++) {
        client_open(&clients[i], i);
    }

    running = nclients;

    if (rate == 0) {
        run_fast();

    } else {
        run_slowly();
    }

    bytes = 0;

    for (i = 0; i < nclients; i++) {
        bytes += clients[i].answer.bytes;
    }

    printf("bench: jobs %u bytes %llu seconds %.6f\n",
           jobs, (unsigned long long) bytes, now() - start);

    return 0;
}


static void
options(int argc, char **argv)
{
    int  opt;

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    while ((opt = getopt(argc, argv, "sr:p:c:m:f:")) != -1) {

        switch (opt) {

        case 's':
            expected.digests = 1;
            break;

        case 'r':
            rate = strtod(optarg, NULL);
            break;

        case 'p':
            address.sin_port = htons((uint16_t) strtoul(optarg, NULL, 10));
            break;

        case 'c':
            nclients = (unsigned) strtoul(optarg, NULL, 10);
            break;

        case 'm':
            expected.marker = optarg;
            expected.marker_len = strlen(optarg);
            break;

        case 'f':
            if (expected.npictures < FILES) {
                map_file(&expected.pictures[expected.npictures++], optarg);
            }

            break;

        default:
            exit(2);
        }
    }

    while (optind < argc && nrequests < FILES) {
        map_file(&requests[nrequests++], argv[optind++]);
    }
}


/* Private: a request's number is written into it. */

static void
map_file(file_t *f, const char *name)
{
    int          fd;
    struct stat  st;

    fd = open(name, O_RDONLY);

    if (fd == -1 || fstat(fd, &st) == -1 || st.st_size == 0) {
        die("%s: cannot be read, or is empty", name);
    }

    f->name = name;
    f->len = (size_t) st.st_size;
    f->data = mmap(NULL, f->len, PROT_READ|PROT_WRITE, MAP_PRIVATE, fd, 0);

    if (f->data == MAP_FAILED) {
        die("%s: %s", name, strerror(errno));
    }

    close(fd);
}


static void
check_options(void)
{
    size_t   i, n;
    file_t  *f;

    if (address.sin_port == 0 || nclients == 0 || nclients > CLIENTS
        || expected.npictures == 0 || nrequests == 0)
    {
        die("-p, -c, -f and a request are needed");
    }

    if (rate != 0 && nclients != 1) {
        die("-r is for one client");
    }

    for (i = 0; i < expected.npictures; i++) {
        f = &expected.pictures[i];

        for (n = 0; n < i; n++) {
            if (expected.pictures[n].data[0] == f->data[0]) {
                die("%s and %s begin with the same character",
                    expected.pictures[n].name, f->name);
            }
        }

        if (expected.digests
            && !EVP_Digest(f->data, f->len, f->sha256, NULL, EVP_sha256(),
                           NULL))
        {
            die("EVP_Digest() failed");
        }
    }
}


static void
client_open(client_t *c, unsigned number)
{
    answer_init(&c->answer, &expected, number);

    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &address, sizeof(address)) == -1)
    {
        die("connection %u: %s", number, strerror(errno));
    }

    client_send(c);
}


static void
client_send(client_t *c)
{
    char     number[sizeof(NUMBER)], *p;
    file_t  *f;

    f = &requests[c->request];

    p = memmem(f->data, f->len, NUMBER, sizeof(NUMBER) - 1);
    if (p != NULL) {
        snprintf(number, sizeof(number), "%04u", c->answer.number);
        memcpy(p, number, sizeof(number) - 1);
    }

    if (send(c->fd, f->data, f->len, 0) != (ssize_t) f->len) {
        die("request of client %u: %s", c->answer.number, strerror(errno));
    }

    if (p != NULL) {
        memcpy(p, NUMBER, sizeof(NUMBER) - 1);
    }
}


static void
client_read(client_t *c, size_t size)
{
    ssize_t  n;

    n = recv(c->fd, buffer, size, MSG_DONTWAIT);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        die("client %u was cut off after %llu bytes of pictures",
            c->answer.number, (unsigned long long) c->answer.bytes);
    }

    if (answer_add(&c->answer, buffer, (size_t) n)) {
        client_answered(c);
    }
}


static void
client_answered(client_t *c)
{
    answer_reset(&c->answer);

    c->request++;

    if (c->request < nrequests) {
        client_send(c);
        return;
    }

    if (c->answer.seen != (1u << expected.npictures) - 1) {
        die("client %u has not got every picture", c->answer.number);
    }

    c->answer.seen = 0;
    c->request = 0;
    jobs++;

    if (rate != 0 && !released) {
        client_send(c);
        return;
    }

    close(c->fd);
    running--;
}


static void
run_fast(void)
{
    int                 epoll, i, n;
    unsigned            k;
    struct epoll_event  events[EVENTS], ee;

    epoll = epoll_create1(0);
    if (epoll == -1) {
        die("epoll_create1(): %s", strerror(errno));
    }

    for (k = 0; k < nclients; k++) {
        ee.events = EPOLLIN;
        ee.data.ptr = &clients[k];

        if (epoll_ctl(epoll, EPOLL_CTL_ADD, clients[k].fd, &ee) == -1) {
            die("epoll_ctl(): %s", strerror(errno));
        }
    }

    while (running) {
        n = epoll_wait(epoll, events, EVENTS, PATIENCE);

        if (n == 0) {
            die("nothing came for a minute");
        }

        for (i = 0; i < n; i++) {
            client_read(events[i].data.ptr, BUFFER);
        }
    }

    close(epoll);
}


/* What was not there in time is lost: it does not make the next read larger. */

static void
run_slowly(void)
{
    double          last, time;
    size_t          size;
    client_t       *c;
    struct pollfd   fds;

    c = &clients[0];
    last = now();

    fds.fd = STDIN_FILENO;
    fds.events = POLLIN;

    while (poll(&fds, 1, TICK) == 0) {
        time = now();
        size = (size_t) ((time - last) * rate);
        last = time;

        if (size) {
            client_read(c, size < BUFFER ? size : BUFFER);
        }
    }

    released = 1;
    fds.fd = c->fd;

    while (running) {

        if (poll(&fds, 1, PATIENCE) == 0) {
            die("nothing came for a minute");
        }

        client_read(c, BUFFER);
    }
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


void
die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);

    exit(1);
}
