
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Tickets as bytes: a byte of flags; then numbers, seven bits a byte, the low
 * ones first, with the high bit set in all but the last byte, that of the
 * ledger's entry only where there is one; strings are their length and their
 * bytes.  An id of digits only, as all known ones are, is two
 * of them a byte, the last of an odd number alone in its low half.  Of the form
 * of the result only the marks are written.
 */


#include "jm_ticket.h"

#include <openssl/crypto.h>

#include "jm_digest.h"


/* flags, and where the quality is among them, of two bits */

#define JM_TICKET_B64       0x01
#define JM_TICKET_GPT       0x02
#define JM_TICKET_QUALITY   2
#define JM_TICKET_QUALITIES 0x03
#define JM_TICKET_ENTRY     0x10
#define JM_TICKET_NAMED     0x20        /* the size is */
#define JM_TICKET_JPEG      0x40
#define JM_TICKET_FLAGS     0x7f

#define JM_TICKET_NUMBER    10      /* bytes of a number, at most */

/* what is in front of the marks in a req_json, and behind them */

#define JM_TICKET_HEAD      "{\"return_url\":true"
#define JM_TICKET_DATA      "{\"return_url\":false"
#define JM_TICKET_TAIL      "}"


/* bytes that are left to be read, and room for what they stand for */

typedef struct {
    const uint8_t   *p;
    const uint8_t   *end;
    uint8_t         *dst;
    unsigned         bad;
} jm_ticket_reader_t;


static unsigned jm_ticket_valid(const jm_ticket_t *t);
static unsigned jm_ticket_marks(const jm_ticket_t *t, jm_str_t *marks);
static void jm_ticket_number(jm_buf_t *out, uint64_t value);
static void jm_ticket_string(jm_buf_t *out, jm_str_t s);
static void jm_ticket_id(jm_buf_t *out, jm_str_t id);
static uint64_t jm_ticket_read_number(jm_ticket_reader_t *r, uint64_t max);
static const uint8_t *jm_ticket_take(jm_ticket_reader_t *r, size_t *len);
static jm_str_t jm_ticket_put(jm_ticket_reader_t *r, const void *data,
    size_t len);
static jm_str_t jm_ticket_read_string(jm_ticket_reader_t *r);
static jm_str_t jm_ticket_read_form(jm_ticket_reader_t *r);
static jm_str_t jm_ticket_read_id(jm_ticket_reader_t *r);


jm_rc_e
jm_ticket_write(jm_buf_t *out, const jm_ticket_t *t)
{
    size_t    i;
    uint8_t   flags;
    jm_str_t  marks;

    if (!jm_ticket_valid(t) || !jm_ticket_marks(t, &marks)) {
        return JM_ERROR;
    }

    flags = (uint8_t) (t->quality << JM_TICKET_QUALITY);
    flags |= t->b64 ? JM_TICKET_B64 : 0;
    flags |= t->gpt ? JM_TICKET_GPT : 0;
    flags |= t->entry ? JM_TICKET_ENTRY : 0;
    flags |= t->size.named ? JM_TICKET_NAMED : 0;
    flags |= t->jpeg ? JM_TICKET_JPEG : 0;

    jm_buf_add(out, &flags, 1);

    jm_ticket_number(out, (uint64_t) t->created);
    jm_ticket_number(out, t->size.width);
    jm_ticket_number(out, t->size.height);
    jm_ticket_number(out, t->size.area);
    jm_ticket_number(out, t->max_images);

    if (t->entry) {
        jm_ticket_number(out, t->entry);
    }

    jm_ticket_string(out, t->req_key);
    jm_ticket_string(out, t->account);
    jm_ticket_string(out, t->owner);
    jm_ticket_string(out, marks);

    jm_ticket_number(out, t->n);

    for (i = 0; i < t->n; i++) {
        jm_ticket_id(out, t->ids[i]);
    }

    return out->rc;
}


static unsigned
jm_ticket_valid(const jm_ticket_t *t)
{
    size_t  i;

    if (t->n == 0 || t->n > JM_TICKET_TASKS || t->created < 0
        || t->entry > INT64_MAX || t->quality > JM_QUALITY_LOW)
    {
        return 0;
    }

    for (i = 0; i < t->n; i++) {
        if (t->ids[i].len > JM_VISUAL_TASK_ID) {
            return 0;
        }
    }

    return 1;
}


/* the members of req_json that are not the same in each; 0: it is none */

static unsigned
jm_ticket_marks(const jm_ticket_t *t, jm_str_t *marks)
{
    size_t  head, tail;

    head = sizeof(JM_TICKET_HEAD) - 1;
    tail = sizeof(JM_TICKET_TAIL) - 1;

    if (t->req_json.len < head + tail
        || memcmp(t->req_json.data, JM_TICKET_HEAD, head) != 0
        || memcmp(t->req_json.data + t->req_json.len - tail, JM_TICKET_TAIL,
                  tail)
           != 0)
    {
        return 0;
    }

    marks->len = t->req_json.len - head - tail;
    marks->data = t->req_json.data + head;

    return 1;
}


static void
jm_ticket_number(jm_buf_t *out, uint64_t value)
{
    size_t   n;
    uint8_t  bytes[JM_TICKET_NUMBER];

    for (n = 0; value > 0x7f; n++) {
        bytes[n] = (uint8_t) (value | 0x80);
        value >>= 7;
    }

    bytes[n++] = (uint8_t) value;

    jm_buf_add(out, bytes, n);
}


static void
jm_ticket_string(jm_buf_t *out, jm_str_t s)
{
    jm_ticket_number(out, s.len);
    jm_buf_str(out, s);
}


/* the lowest bit of the length tells digits from bytes */

static void
jm_ticket_id(jm_buf_t *out, jm_str_t id)
{
    size_t   i;
    uint8_t  bytes[(JM_VISUAL_TASK_ID + 1) / 2];

    memset(bytes, 0, sizeof(bytes));

    for (i = 0; i < id.len; i++) {

        if (id.data[i] < '0' || id.data[i] > '9') {
            jm_ticket_number(out, id.len * 2);
            jm_buf_str(out, id);
            return;
        }

        bytes[i / 2] = (uint8_t) (bytes[i / 2] << 4 | (id.data[i] - '0'));
    }

    jm_ticket_number(out, id.len * 2 + 1);
    jm_buf_add(out, bytes, (id.len + 1) / 2);
}


jm_rc_e
jm_ticket_read(jm_ticket_t *t, jm_str_t bytes, jm_mem_t *mem)
{
    size_t              i;
    uint64_t            flags;
    jm_ticket_reader_t  r;

    /* at the worst, all of it are digits, and the form is around nothing */

    r.dst = mem->alloc(mem->ctx, 2 * bytes.len + sizeof(JM_TICKET_HEAD)
                                 + sizeof(JM_TICKET_TAIL));
    if (r.dst == NULL) {
        return JM_ERROR;
    }

    r.p = bytes.data;
    r.end = bytes.data + bytes.len;
    r.bad = 0;

    flags = jm_ticket_read_number(&r, JM_TICKET_FLAGS);
    t->b64 = (flags & JM_TICKET_B64) != 0;
    t->gpt = (flags & JM_TICKET_GPT) != 0;
    t->jpeg = (flags & JM_TICKET_JPEG) != 0;
    t->quality = (jm_quality_e) (flags >> JM_TICKET_QUALITY
                                 & JM_TICKET_QUALITIES);

    if (t->quality > JM_QUALITY_LOW) {
        r.bad = 1;
    }

    t->created = (int64_t) jm_ticket_read_number(&r, INT64_MAX);
    t->size.width = (uint32_t) jm_ticket_read_number(&r, UINT32_MAX);
    t->size.height = (uint32_t) jm_ticket_read_number(&r, UINT32_MAX);
    t->size.area = (uint32_t) jm_ticket_read_number(&r, UINT32_MAX);
    t->size.named = (flags & JM_TICKET_NAMED) != 0;
    t->max_images = (uint32_t) jm_ticket_read_number(&r, UINT32_MAX);

    t->entry = 0;

    if (flags & JM_TICKET_ENTRY) {
        t->entry = jm_ticket_read_number(&r, INT64_MAX);
        r.bad |= (t->entry == 0);
    }

    t->req_key = jm_ticket_read_string(&r);
    t->account = jm_ticket_read_string(&r);
    t->owner = jm_ticket_read_string(&r);
    t->req_json = jm_ticket_read_form(&r);

    t->n = jm_ticket_read_number(&r, JM_TICKET_TASKS);

    for (i = 0; i < t->n; i++) {
        t->ids[i] = jm_ticket_read_id(&r);
    }

    return (r.bad || r.p != r.end || t->n == 0) ? JM_INVALID : JM_OK;
}


static uint64_t
jm_ticket_read_number(jm_ticket_reader_t *r, uint64_t max)
{
    uint64_t  value, bits;
    unsigned  shift;

    value = 0;

    for (shift = 0; shift < 63 && r->p != r->end; shift += 7) {
        bits = *r->p & 0x7f;
        value |= bits << shift;

        if (*r->p++ < 0x80) {

            if (value > max) {
                break;
            }

            return value;
        }
    }

    /* one that is too large, too long, or not complete */

    r->p = r->end;
    r->bad = 1;

    return 0;
}


/* the next bytes; of those that are not there, none */

static const uint8_t *
jm_ticket_take(jm_ticket_reader_t *r, size_t *len)
{
    const uint8_t  *p;

    if (*len > (size_t) (r->end - r->p)) {
        r->p = r->end;
        r->bad = 1;
        *len = 0;
    }

    p = r->p;
    r->p += *len;

    return p;
}


static jm_str_t
jm_ticket_put(jm_ticket_reader_t *r, const void *data, size_t len)
{
    jm_str_t  s;

    s.len = len;
    s.data = r->dst;

    if (len != 0) {
        memcpy(r->dst, data, len);
        r->dst += len;
    }

    return s;
}


static jm_str_t
jm_ticket_read_string(jm_ticket_reader_t *r)
{
    size_t          len;
    const uint8_t  *p;

    len = (size_t) jm_ticket_read_number(r, SIZE_MAX);
    p = jm_ticket_take(r, &len);

    return jm_ticket_put(r, p, len);
}


static jm_str_t
jm_ticket_read_form(jm_ticket_reader_t *r)
{
    jm_str_t  s;

    s = jm_ticket_put(r, JM_TICKET_HEAD, sizeof(JM_TICKET_HEAD) - 1);
    s.len += jm_ticket_read_string(r).len;
    s.len += jm_ticket_put(r, JM_TICKET_TAIL, sizeof(JM_TICKET_TAIL) - 1).len;

    return s;
}


static jm_str_t
jm_ticket_read_id(jm_ticket_reader_t *r)
{
    size_t          i, len, n;
    uint8_t         digit, digits[JM_VISUAL_TASK_ID];
    unsigned        packed;
    const uint8_t  *p;

    len = (size_t) jm_ticket_read_number(r, 2 * JM_VISUAL_TASK_ID + 1);
    packed = len & 1;
    len /= 2;

    n = packed ? (len + 1) / 2 : len;
    p = jm_ticket_take(r, &n);

    if (!packed || n == 0) {
        return jm_ticket_put(r, p, n);
    }

    for (i = 0; i < len; i++) {
        digit = (i % 2 == 0 && i + 1 < len) ? p[i / 2] >> 4 : p[i / 2] & 0x0f;

        if (digit > 9) {
            r->bad = 1;
        }

        digits[i] = (uint8_t) ('0' + digit);
    }

    return jm_ticket_put(r, digits, len);
}


jm_rc_e
jm_ticket_data_json(jm_buf_t *out, const jm_ticket_t *t)
{
    jm_str_t  marks;

    if (!jm_ticket_marks(t, &marks)) {
        return JM_ERROR;
    }

    jm_buf_literal(out, JM_TICKET_DATA);
    jm_buf_str(out, marks);
    jm_buf_literal(out, JM_TICKET_TAIL);

    return out->rc;
}


unsigned
jm_ticket_fits(const jm_ticket_t *t)
{
    size_t                i;
    uint8_t               bytes[JM_TICKET_MAX];
    jm_buf_t              b;
    jm_ticket_t           worst;
    static const uint8_t  longest[JM_VISUAL_TASK_ID];

    worst = *t;
    worst.entry = INT64_MAX;

    for (i = 0; i < jm_min(t->n, JM_TICKET_TASKS); i++) {
        worst.ids[i].len = JM_VISUAL_TASK_ID;
        worst.ids[i].data = longest;
    }

    jm_buf_fixed(&b, bytes, JM_TICKET_MAX);

    return jm_ticket_write(&b, &worst) == JM_OK;
}


/* digests have one length, and tell nothing of where the owners differ */

unsigned
jm_ticket_owned(const jm_ticket_t *t, jm_str_t owner)
{
    uint8_t      ours[JM_DIGEST_LEN], theirs[JM_DIGEST_LEN];
    unsigned     owned;
    jm_digest_t  d;

    if (jm_digest_init(&d, NULL) != JM_OK) {
        return 0;
    }

    owned = jm_digest_from(&d, ours, &t->owner, 1) == JM_OK
            && jm_digest_from(&d, theirs, &owner, 1) == JM_OK
            && CRYPTO_memcmp(ours, theirs, JM_DIGEST_LEN) == 0;

    jm_digest_free(&d);

    return owned;
}
