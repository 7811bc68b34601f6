
/*
 * The clients of benches of pictures: what is expected of an answer, and the
 * reader that holds one against it.
 */


#ifndef _CLIENT_H_INCLUDED_
#define _CLIENT_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>


#define FILES       16
#define LINE        4096


typedef struct {
    const char      *name;
    char            *data;
    size_t           len;
    unsigned char    sha256[EVP_MAX_MD_SIZE];
} file_t;


/*
 * The marker stands before every picture in an answer; without one an answer
 * is a picture.  The pictures' first characters differ.  With digests their
 * SHA-256 is compared, not the bytes.
 */

typedef struct {
    const char      *marker;
    size_t           marker_len;
    unsigned         digests;
    file_t           pictures[FILES];
    size_t           npictures;
} expected_t;


typedef enum {
    ANSWER_HEADER = 0,      /* a line of the header, the status first */
    ANSWER_DATA,            /* left bytes of the body, or of a chunk */
    ANSWER_CHUNK_SIZE,      /* the line before a chunk */
    ANSWER_CHUNK_END,       /* the empty line after one */
    ANSWER_TRAILER,         /* the lines after the last one */
    ANSWER_DONE
} answer_state_e;


typedef struct {
    const expected_t  *expected;
    unsigned           number;      /* the client's, for messages */

    answer_state_e     state;
    unsigned           status;
    unsigned           chunked;
    size_t             left;
    char               line[LINE];
    size_t             line_len;

    size_t             matched;     /* so much of the marker */
    unsigned           inside;
    const file_t      *picture;     /* the one inside which we are, if known */
    size_t             offset;
    EVP_MD_CTX        *digest;

    unsigned           seen;        /* a bit for each picture, over answers */
    uint64_t           bytes;       /* of pictures, over answers */
} answer_t;


void answer_init(answer_t *a, const expected_t *expected, unsigned number);

/* before the next answer on the same connection */

void answer_reset(answer_t *a);

/*
 * Takes the next bytes.  Returns 1 when the answer is complete, otherwise 0.
 * Ends the program, with a message, when it is not what is expected.
 */

int answer_add(answer_t *a, const char *p, size_t len);

void die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));


#endif /* _CLIENT_H_INCLUDED_ */
