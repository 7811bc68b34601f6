
/*
 * Reads an answer as it comes: HTTP/1.1, with a length or in chunks, and the
 * pictures in its JSON.
 */


#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"


static const char *answer_line(answer_t *a, const char *p, const char *end);
static void answer_line_end(answer_t *a);
static void answer_header(answer_t *a);
static void answer_body(answer_t *a, const char *p, const char *end);
static const char *answer_picture(answer_t *a, const char *p, const char *end);
static void answer_picture_begin(answer_t *a, char first);
static void answer_picture_end(answer_t *a);


void
answer_init(answer_t *a, const expected_t *expected, unsigned number)
{
    memset(a, 0, sizeof(answer_t));

    a->expected = expected;
    a->number = number;

    if (expected->digests) {
        a->digest = EVP_MD_CTX_new();
        if (a->digest == NULL) {
            die("EVP_MD_CTX_new() failed");
        }
    }
}


void
answer_reset(answer_t *a)
{
    a->state = ANSWER_HEADER;
    a->status = 0;
    a->chunked = 0;
    a->left = 0;
    a->matched = 0;
}


int
answer_add(answer_t *a, const char *p, size_t len)
{
    size_t       n;
    const char  *end;

    for (end = p + len; p != end; /* void */) {

        if (a->state == ANSWER_DONE) {
            die("client %u: more than an answer", a->number);
        }

        if (a->state != ANSWER_DATA) {
            p = answer_line(a, p, end);
            continue;
        }

        n = (size_t) (end - p);
        if (n > a->left) {
            n = a->left;
        }

        answer_body(a, p, p + n);

        p += n;
        a->left -= n;

        if (a->left == 0) {
            a->state = a->chunked ? ANSWER_CHUNK_END : ANSWER_DONE;
        }
    }

    if (a->state != ANSWER_DONE) {
        return 0;
    }

    if (a->expected->marker_len == 0 && a->picture != NULL
        && a->offset == a->picture->len)
    {
        answer_picture_end(a);
    }

    if (a->inside) {
        die("client %u: a picture does not end", a->number);
    }

    return 1;
}


static const char *
answer_line(answer_t *a, const char *p, const char *end)
{
    char  ch;

    while (p != end) {
        ch = *p++;

        if (ch == '\n') {
            a->line[a->line_len] = '\0';
            answer_line_end(a);
            a->line_len = 0;
            return p;
        }

        if (ch != '\r' && a->line_len < LINE - 1) {
            a->line[a->line_len++] = ch;
        }
    }

    return p;
}


static void
answer_line_end(answer_t *a)
{
    char  *end;

    switch (a->state) {

    case ANSWER_HEADER:
        answer_header(a);
        return;

    case ANSWER_CHUNK_SIZE:
        a->left = strtoul(a->line, &end, 16);

        if (!isxdigit((unsigned char) a->line[0]) || *end != '\0') {
            die("client %u: a chunk's size is \"%s\"", a->number, a->line);
        }

        a->state = a->left ? ANSWER_DATA : ANSWER_TRAILER;
        return;

    case ANSWER_CHUNK_END:
        if (a->line_len) {
            die("client %u: \"%s\" after a chunk", a->number, a->line);
        }

        a->state = ANSWER_CHUNK_SIZE;
        return;

    default: /* ANSWER_TRAILER */
        if (a->line_len == 0) {
            a->state = ANSWER_DONE;
        }
    }
}


static void
answer_header(answer_t *a)
{
    const char  *line;

    line = a->line;

    if (a->status == 0) {
        a->status = (unsigned) strtoul(line + strcspn(line, " "), NULL, 10);

        if (a->status != 200) {
            die("client %u is answered \"%s\"", a->number, line);
        }

        return;
    }

    if (*line != '\0') {

        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            a->left = strtoul(line + 15, NULL, 10);

        } else if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0) {
            a->chunked = 1;
        }

        return;
    }

    if (!a->chunked && a->left == 0) {
        die("client %u: an answer without a body", a->number);
    }

    a->state = a->chunked ? ANSWER_CHUNK_SIZE : ANSWER_DATA;
    a->inside = (a->expected->marker_len == 0);
}


static void
answer_body(answer_t *a, const char *p, const char *end)
{
    const char  *marker;

    marker = a->expected->marker;

    while (p != end) {

        if (a->inside) {
            p = answer_picture(a, p, end);
            continue;
        }

        if (*p != marker[a->matched]) {
            a->matched = 0;
        }

        if (*p == marker[a->matched]) {
            a->matched++;
        }

        p++;

        if (a->matched == a->expected->marker_len) {
            a->inside = 1;
            a->matched = 0;
        }
    }
}


static const char *
answer_picture(answer_t *a, const char *p, const char *end)
{
    size_t  len;

    if (a->picture == NULL) {
        answer_picture_begin(a, *p);
    }

    len = a->picture->len - a->offset;

    if (len == 0) {

        if (*p != '"') {
            die("client %u: %s is longer than it was", a->number,
                a->picture->name);
        }

        answer_picture_end(a);
        return p + 1;
    }

    if (len > (size_t) (end - p)) {
        len = (size_t) (end - p);
    }

    if (a->expected->digests) {
        if (!EVP_DigestUpdate(a->digest, p, len)) {
            die("EVP_DigestUpdate() failed");
        }

    } else if (memcmp(p, a->picture->data + a->offset, len) != 0) {
        die("client %u: %s differs after byte %zu", a->number,
            a->picture->name, a->offset);
    }

    a->offset += len;
    a->bytes += len;

    return p + len;
}


static void
answer_picture_begin(answer_t *a, char first)
{
    size_t         i;
    const file_t  *f;

    for (i = 0; i < a->expected->npictures; i++) {
        f = &a->expected->pictures[i];

        if (f->data[0] == first) {
            a->picture = f;
            a->offset = 0;

            if (a->seen & 1u << i) {
                die("client %u gets %s twice", a->number, f->name);
            }

            a->seen |= 1u << i;

            if (a->expected->digests
                && !EVP_DigestInit_ex(a->digest, EVP_sha256(), NULL))
            {
                die("EVP_DigestInit_ex() failed");
            }

            return;
        }
    }

    die("client %u: a picture that nobody made", a->number);
}


static void
answer_picture_end(answer_t *a)
{
    unsigned char  sha256[EVP_MAX_MD_SIZE];

    if (a->expected->digests
        && (!EVP_DigestFinal_ex(a->digest, sha256, NULL)
            || memcmp(sha256, a->picture->sha256, 32) != 0))
    {
        die("client %u: %s has another SHA-256", a->number, a->picture->name);
    }

    a->picture = NULL;
    a->inside = 0;
}
