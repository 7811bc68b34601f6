/*
 * The clients of the base64 bench: so many at once, on a connection each, that
 * send requests one after another and take the pictures out of the answers.
 * Every picture must come, and be the file it was made from, to the byte.
 *
 *     client [-s] [-r RATE] -p PORT -c CLIENTS -m MARKER -f PICTURE...
 *            REQUEST...
 *
 * A PICTURE's file is the base64 that is expected; their first characters
 * differ.  MARKER is what stands before each picture in an answer.  A REQUEST's
 * file is sent as it is, but for "@@@@": the client's number.
 *
 * -s: a picture is judged by its SHA-256 instead of byte by byte, which costs
 * more.  -r: one client, which reads so many bytes a second, and begins anew,
 * until stdin ends; what was begun is then read as fast as it comes.
 *
 * Prints "bench: jobs N bytes N seconds N": of pictures only.
 */


#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <openssl/evp.h>


#define FILES       16
#define CLIENTS     1024
#define LINE        4096
#define BUFFER      262144
#define TICK        20          /* ms between two reads of a slow client */
#define NUMBER      "@@@@"


typedef struct {
    const char     *name;
    char           *data;
    size_t          len;
    unsigned char   sha256[EVP_MAX_MD_SIZE];
} file_t;


typedef enum {
    HEADER = 0,         /* a line of the header, the status first */
    DATA,               /* left bytes of the body, or of a chunk */
    CHUNK_SIZE,         /* the line before a chunk */
    CHUNK_END,          /* the empty line after one */
    TRAILER             /* the lines after the last one */
} state_e;


typedef struct {
    int             fd;
    unsigned        number;
    state_e         state;
    size_t          request;    /* which one is being answered */
    unsigned        status;
    unsigned        chunked;
    size_t          left;
    char            line[LINE];
    size_t          line_len;
    size_t          matched;    /* so much of the marker */
    const file_t   *picture;    /* the one that is being read, and how far */
    size_t          offset;
    unsigned        inside;
    unsigned        seen;       /* a bit for each picture */
    EVP_MD_CTX     *digest;
} client_t;


static void options(int argc, char **argv);
static void map_file(file_t *f, const char *name);
static void check_options(void);
static void client_open(client_t *c, unsigned number);
static void client_send(client_t *c);
static void client_read(client_t *c, size_t size);
static void client_answered(client_t *c);
static char *client_line(client_t *c, char *p, char *end);
static void line_end(client_t *c);
static void header_line(client_t *c, const char *line);
static void body(client_t *c, const char *p, const char *end);
static const char *picture(client_t *c, const char *p, const char *end);
static void picture_begin(client_t *c, char first);
static void picture_end(client_t *c, char next);
static void run_fast(void);
static void run_slowly(void);
static double now(void);
static void die(const char *fmt, ...);


static struct sockaddr_in   address;
static unsigned             nclients;
static double               rate;
static const char          *marker;
static size_t               marker_len;
static int                  digests;

static file_t               pictures[FILES];
static size_t               npictures;
static file_t               requests[FILES];
static size_t               nrequests;

static client_t             clients[CLIENTS];
static unsigned             running;
static unsigned             released;

static uint64_t             total;
static uint64_t             jobs;
static char                 buffer[BUFFER];


int
main(int argc, char **argv)
{
    double    start;
    unsigned  i;

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

    printf("bench: jobs %llu bytes %llu seconds %.6f\n",
           (unsigned long long) jobs, (unsigned long long) total,
           now() - start);

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
            digests = 1;
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
            marker = optarg;
            marker_len = strlen(marker);
            break;

        case 'f':
            if (npictures < FILES) {
                map_file(&pictures[npictures++], optarg);
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
    size_t  i, n;

    if (address.sin_port == 0 || nclients == 0 || nclients > CLIENTS
        || marker_len == 0 || npictures == 0 || nrequests == 0)
    {
        die("-p, -c, -m, -f and a request are needed");
    }

    if (rate != 0 && nclients != 1) {
        die("-r is for one client");
    }

    for (i = 0; i < npictures; i++) {

        for (n = 0; n < i; n++) {
            if (pictures[n].data[0] == pictures[i].data[0]) {
                die("%s and %s begin with the same character",
                    pictures[n].name, pictures[i].name);
            }
        }

        if (digests && !EVP_Digest(pictures[i].data, pictures[i].len,
                                   pictures[i].sha256, NULL, EVP_sha256(),
                                   NULL))
        {
            die("EVP_Digest() failed");
        }
    }
}


static void
client_open(client_t *c, unsigned number)
{
    c->number = number;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &address, sizeof(address)) == -1)
    {
        die("connection %u: %s", number, strerror(errno));
    }

    if (digests) {
        c->digest = EVP_MD_CTX_new();
        if (c->digest == NULL) {
            die("EVP_MD_CTX_new() failed");
        }
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
        snprintf(number, sizeof(number), "%04u", c->number);
        memcpy(p, number, sizeof(number) - 1);
    }

    if (send(c->fd, f->data, f->len, 0) != (ssize_t) f->len) {
        die("request of client %u: %s", c->number, strerror(errno));
    }

    if (p != NULL) {
        memcpy(p, NUMBER, sizeof(NUMBER) - 1);
    }
}


static void
client_read(client_t *c, size_t size)
{
    char     *p, *end;
    size_t    len;
    ssize_t   n;

    n = recv(c->fd, buffer, size, MSG_DONTWAIT);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        die("client %u was cut off after %llu bytes of pictures",
            c->number, (unsigned long long) total);
    }

    end = buffer + n;

    for (p = buffer; p != end; /* void */) {

        if (c->state != DATA) {
            p = client_line(c, p, end);
            continue;
        }

        len = (size_t) (end - p);
        if (len > c->left) {
            len = c->left;
        }

        body(c, p, p + len);

        p += len;
        c->left -= len;

        if (c->left) {
            continue;
        }

        if (c->chunked) {
            c->state = CHUNK_END;

        } else {
            client_answered(c);
        }
    }
}


static void
client_answered(client_t *c)
{
    if (c->inside) {
        die("a picture of client %u does not end", c->number);
    }

    c->state = HEADER;
    c->status = 0;
    c->chunked = 0;
    c->matched = 0;
    c->request++;

    if (c->request < nrequests) {
        client_send(c);
        return;
    }

    if (c->seen != (1u << npictures) - 1) {
        die("client %u has not got every picture", c->number);
    }

    jobs++;
    c->seen = 0;
    c->request = 0;

    if (rate != 0 && !released) {
        client_send(c);
        return;
    }

    close(c->fd);
    c->fd = -1;
    running--;
}


static char *
client_line(client_t *c, char *p, char *end)
{
    char  ch;

    while (p != end) {
        ch = *p++;

        if (ch == '\n') {
            c->line[c->line_len] = '\0';
            line_end(c);
            c->line_len = 0;
            return p;
        }

        if (ch != '\r' && c->line_len < LINE - 1) {
            c->line[c->line_len++] = ch;
        }
    }

    return p;
}


static void
line_end(client_t *c)
{
    char  *end;

    switch (c->state) {

    case HEADER:
        header_line(c, c->line);
        return;

    case CHUNK_SIZE:
        c->left = strtoul(c->line, &end, 16);

        if (!isxdigit((unsigned char) c->line[0]) || *end != '\0') {
            die("client %u: a chunk's size is \"%s\"", c->number, c->line);
        }

        c->state = c->left ? DATA : TRAILER;
        return;

    case CHUNK_END:
        if (c->line_len) {
            die("client %u: \"%s\" after a chunk", c->number, c->line);
        }

        c->state = CHUNK_SIZE;
        return;

    default: /* TRAILER */
        if (c->line_len == 0) {
            client_answered(c);
        }
    }
}


static void
header_line(client_t *c, const char *line)
{
    if (c->status == 0) {
        c->status = (unsigned) strtoul(line + strcspn(line, " "), NULL, 10);

        if (c->status != 200) {
            die("client %u is answered \"%s\"", c->number, line);
        }

        return;
    }

    if (*line != '\0') {

        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            c->left = strtoul(line + 15, NULL, 10);

        } else if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0) {
            c->chunked = 1;
        }

        return;
    }

    if (!c->chunked && c->left == 0) {
        die("client %u: an answer without a body", c->number);
    }

    c->state = c->chunked ? CHUNK_SIZE : DATA;
}


static void
body(client_t *c, const char *p, const char *end)
{
    while (p != end) {

        if (c->inside) {
            p = picture(c, p, end);
            continue;
        }

        if (*p != marker[c->matched]) {
            c->matched = 0;
        }

        if (*p == marker[c->matched]) {
            c->matched++;
        }

        p++;

        if (c->matched == marker_len) {
            c->inside = 1;
            c->matched = 0;
        }
    }
}


static const char *
picture(client_t *c, const char *p, const char *end)
{
    size_t  len;

    if (c->picture == NULL) {
        picture_begin(c, *p);
    }

    len = c->picture->len - c->offset;

    if (len == 0) {
        picture_end(c, *p);
        return p + 1;
    }

    if (len > (size_t) (end - p)) {
        len = (size_t) (end - p);
    }

    if (digests) {
        if (!EVP_DigestUpdate(c->digest, p, len)) {
            die("EVP_DigestUpdate() failed");
        }

    } else if (memcmp(p, c->picture->data + c->offset, len) != 0) {
        die("client %u: %s differs after byte %zu", c->number,
            c->picture->name, c->offset);
    }

    c->offset += len;
    total += len;

    return p + len;
}


static void
picture_begin(client_t *c, char first)
{
    size_t  i;

    for (i = 0; i < npictures; i++) {
        if (pictures[i].data[0] == first) {
            c->picture = &pictures[i];
            c->offset = 0;

            if (c->seen & 1u << i) {
                die("client %u gets %s twice", c->number, c->picture->name);
            }

            c->seen |= 1u << i;

            if (digests && !EVP_DigestInit_ex(c->digest, EVP_sha256(), NULL)) {
                die("EVP_DigestInit_ex() failed");
            }

            return;
        }
    }

    die("client %u: a picture that nobody made", c->number);
}


static void
picture_end(client_t *c, char next)
{
    unsigned char  sha256[EVP_MAX_MD_SIZE];

    if (next != '"') {
        die("client %u: %s is longer than it was", c->number,
            c->picture->name);
    }

    if (digests
        && (!EVP_DigestFinal_ex(c->digest, sha256, NULL)
            || memcmp(sha256, c->picture->sha256, 32) != 0))
    {
        die("client %u: %s has another SHA-256", c->number, c->picture->name);
    }

    c->picture = NULL;
    c->inside = 0;
}


static void
run_fast(void)
{
    int                 epoll, i, n;
    unsigned            k;
    struct epoll_event  events[64], ee;

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
        n = epoll_wait(epoll, events, 64, 60000);

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

        if (poll(&fds, 1, 60000) == 0) {
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


static void
die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);

    exit(1);
}
