
/*
 * Tickets as bytes: what is written is read again, whatever it is, and nothing
 * else is a ticket; whether one will fit; whose it is.
 */


#include "ticket.h"
#include "jm_text.h"


/* what is read from the bytes, each in memory of its own size */

static jm_rc_e
read_exactly(jm_ticket_t *t, jm_str_t bytes, tap_mem_t *m, size_t fail)
{
    jm_rc_e  rc;

    tap_mem_init(m, fail);
    memset(t, 0xa5, sizeof(jm_ticket_t));

    bytes = exact(bytes);
    rc = jm_ticket_read(t, bytes, &m->mem);
    exact_done(bytes);

    return rc;
}


/* no bytes when that fails, which are no ticket */

static jm_str_t
write_ticket(const jm_ticket_t *t, uint8_t *dst)
{
    jm_buf_t  b;

    jm_buf_fixed(&b, dst, JM_TICKET_MAX);

    if (jm_ticket_write(&b, t) != JM_OK) {
        b.len = 0;
    }

    return jm_buf_view(&b);
}


static void
test_round_trip(const jm_ticket_t *t, const char *name)
{
    size_t       i, len;
    uint8_t      dst[JM_TICKET_MAX];
    unsigned     bad;
    jm_buf_t     b;
    jm_str_t     bytes;
    tap_mem_t    m;
    jm_ticket_t  got;

    bytes = write_ticket(t, dst);

    is_int(read_exactly(&got, bytes, &m, 0), JM_OK,
           "%s is read, from %zu bytes", name, bytes.len);
    ok(same_ticket(&got, t) != 0, "as it was");
    is_int((int64_t) m.calls, 1, "into one allocation");
    tap_mem_done(&m);

    is_int(read_exactly(&got, bytes, &m, 1), JM_ERROR, "which may fail");
    tap_mem_done(&m);

    bad = 0;

    for (i = 0; i < bytes.len; i++) {
        jm_buf_fixed(&b, dst, i);
        bad += (jm_ticket_write(&b, t) != JM_ERROR);
    }

    is_int(bad, 0, "%s does not fit into any room that is smaller", name);

    bytes = write_ticket(t, dst);
    len = bytes.len;
    bad = 0;

    while (bytes.len-- > 0) {
        bad += (read_exactly(&got, bytes, &m, 0) != JM_INVALID);
        tap_mem_done(&m);
    }

    is_int(bad, 0, "%s, cut anywhere, is none", name);

    bytes.len = len + 1;
    dst[len] = 0;

    is_int(read_exactly(&got, bytes, &m, 0), JM_INVALID,
           "nor with one byte more");
    tap_mem_done(&m);
}


/* the bytes of a ticket as they were in the first version, for good */

static void
test_bytes(void)
{
    uint8_t      dst[JM_TICKET_MAX];
    jm_ticket_t  t;

    ordinary_ticket(&t);

    is_bytes(write_ticket(&t, dst),
             (jm_str_t) jm_string("\0" "\xe9\x9e\x86\xd8\x06" "\x80\x12"
                                  "\xc0\x0d" "\0" "\0" "\x0e" "jimeng_t2i_v40"
                                  "\x04" "main" "\0" "\0" "\x01" "\x27"
                                  "\x73\x92\x61\x63\x36\x51\x96\x10\x40\x09"),
             "these are its bytes");

    t.entry = 300;

    is_bytes(write_ticket(&t, dst),
             (jm_str_t) jm_string("\x10" "\xe9\x9e\x86\xd8\x06" "\x80\x12"
                                  "\xc0\x0d" "\0" "\0" "\xac\x02"
                                  "\x0e" "jimeng_t2i_v40"
                                  "\x04" "main" "\0" "\0" "\x01" "\x27"
                                  "\x73\x92\x61\x63\x36\x51\x96\x10\x40\x09"),
             "and these with an entry of the ledger");
}


static void
test_numbers(void)
{
    int64_t             created;
    uint8_t             dst[JM_TICKET_MAX];
    unsigned            bad, shift;
    jm_str_t            bytes;
    tap_mem_t           m;
    jm_ticket_t         t, got;

    ordinary_ticket(&t);
    bad = 0;

    for (shift = 0; shift < 63; shift++) {
        for (created = -1; created <= 1; created++) {
            t.created = (int64_t) ((uint64_t) 1 << shift) + created;
            t.max_images = (uint32_t) t.created;
            t.entry = (uint64_t) t.created;

            bytes = write_ticket(&t, dst);

            bad += (read_exactly(&got, bytes, &m, 0) != JM_OK
                    || !same_ticket(&got, &t));
            tap_mem_done(&m);
        }
    }

    is_int(bad, 0, "numbers around each power of two");
}


static void
refused(const jm_ticket_t *t, const char *name)
{
    uint8_t   dst[JM_TICKET_MAX];
    jm_buf_t  b;

    jm_buf_fixed(&b, dst, sizeof(dst));

    is_int(jm_ticket_write(&b, t), JM_ERROR, "%s", name);
    is_int((int64_t) b.len, 0, "nothing is written of it");
    ok(!jm_ticket_fits(t), "nor does it fit");
}


static void
test_refused(void)
{
    size_t             i;
    uint8_t            dst[JM_TICKET_MAX];
    jm_buf_t           b;
    jm_ticket_t        t;
    static const char  *const  forms[] = {
        "", "{}", "{\"return_url\":true", "{\"return_url\":false}",
        "{\"return_url\":true]", " {\"return_url\":true}"
    };

    ordinary_ticket(&t);
    t.n = 0;
    refused(&t, "no task");

    t.n = JM_TICKET_TASKS + 1;
    refused(&t, "a task too many");

    ordinary_ticket(&t);
    t.created = -1;
    refused(&t, "a time before 1970");

    ordinary_ticket(&t);
    t.quality = JM_QUALITY_LOW + 1;
    refused(&t, "a quality that is none");

    ordinary_ticket(&t);
    t.entry = (uint64_t) INT64_MAX + 1;
    jm_buf_fixed(&b, dst, sizeof(dst));
    is_int(jm_ticket_write(&b, &t), JM_ERROR, "an entry of 64 bits");
    ok(jm_ticket_fits(&t) != 0, "is not looked at before it is there");

    for (i = 0; i < jm_nitems(forms); i++) {
        ordinary_ticket(&t);
        t.req_json = str(forms[i]);
        refused(&t, forms[i]);

        jm_buf_fixed(&b, dst, sizeof(dst));
        is_int(jm_ticket_data_json(&b, &t), JM_ERROR, "nor has it a form");
    }

    ordinary_ticket(&t);
    t.ids[0] = str("00000000000000000000000000000000"
                   "000000000000000000000000000000000");

    jm_buf_fixed(&b, dst, sizeof(dst));
    is_int(jm_ticket_write(&b, &t), JM_ERROR, "an id that is too long");
}


static void
not_a_ticket(jm_str_t bytes, const char *name)
{
    tap_mem_t    m;
    jm_ticket_t  t;

    is_int(read_exactly(&t, bytes, &m, 0), JM_INVALID, "%s", name);
    tap_mem_done(&m);
}


#define ZEROS  "\0\0\0\0\0"     /* a ticket's numbers */
#define EMPTY  "\0\0\0\0"       /* and strings */

#define invalid(s, name)                                                      \
    not_a_ticket((jm_str_t) jm_string(s), name)


static void
test_invalid(void)
{
    tap_mem_t    m;
    jm_ticket_t  t;

    is_int(read_exactly(&t, (jm_str_t) jm_string("\0" ZEROS EMPTY "\1\0"), &m,
                        0),
           JM_OK, "the smallest ticket");
    is_str(t.req_json, URL_JSON, "has a form");
    tap_mem_done(&m);

    not_a_ticket((jm_str_t) jm_null_string, "nothing");
    invalid("\x80\1" ZEROS EMPTY "\1\0", "a flag that is not known");
    invalid("\x10" ZEROS "\0" EMPTY "\1\0", "no entry, though a flag says so");
    invalid("\x10" ZEROS EMPTY "\1\0", "an entry that is not there");
    invalid("\x10" ZEROS "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" EMPTY "\1\0",
            "an entry of 64 bits");
    invalid("\x1c" ZEROS "\1" EMPTY "\1\0", "an entry, and no quality");
    invalid("\x0c" ZEROS EMPTY "\1\0", "a quality that is none");
    invalid("\0" ZEROS EMPTY "\0", "no task");
    invalid("\0" ZEROS EMPTY "\x0b" ZEROS ZEROS "\0", "eleven tasks");
    invalid("\0" ZEROS EMPTY "\2\0", "a task too few");
    invalid("\0" "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" "\0\0\0\0" EMPTY
            "\1\0", "a time of 64 bits");
    invalid("\0" "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0" "\0\0\0\0" EMPTY
            "\1\0", "a number that is too long");
    invalid("\0" "\0" "\x80\x80\x80\x80\x10" "\0\0\0" EMPTY "\1\0",
            "a side of 33 bits");
    invalid("\0" ZEROS "\x0f" "\0\0\0" "\1\0", "a string that is not there");
    invalid("\0" ZEROS "\xff\xff\xff\xff\xff\xff\xff\xff\x7f" "\0\0\0" "\1\0",
            "a string of 2^63 bytes");
    invalid("\0" ZEROS EMPTY "\1\1\x0a", "a digit of ten");
    invalid("\0" ZEROS EMPTY "\1\3\xaf", "a digit of fifteen");
    invalid("\0" ZEROS EMPTY "\1\x82\1" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "an id of 65 bytes");
}


/* as the reader of requests makes it, of which only the marks are kept */

static void
test_form(void)
{
    uint8_t       urls[1024], data[1024], got[1024];
    jm_buf_t      u, d, b;
    tap_mem_t     m;
    jm_error_t    e;
    jm_ticket_t   t;
    jm_request_t  r;
    static const jm_rules_t  rules = {
        NULL, jm_string("jimeng_t2i_v40"), 800, 0, JM_FORMAT_UNSAID, 0, 0, NULL
    };
    static const char  *const bodies[] = {
        "{\"prompt\":\"p\"}",
        "{\"prompt\":\"p\",\"watermark\":{\"logo_text_content\":\"}\"},"
        "\"aigc_meta\":{\"producer_id\":\"return_url\"}}"
    };
    size_t        i;

    for (i = 0; i < jm_nitems(bodies); i++) {
        tap_mem_init(&m, 0);
        jm_buf_fixed(&u, urls, sizeof(urls));
        jm_buf_fixed(&d, data, sizeof(data));
        jm_buf_fixed(&b, got, sizeof(got));

        ok(jm_request_read(&r, str(bodies[i]), &rules, &m.mem, &e) == JM_OK
           && jm_visual_req_json(&u, &r, 1) == JM_OK
           && jm_visual_req_json(&d, &r, 0) == JM_OK, "the form of %s",
           bodies[i]);

        ordinary_ticket(&t);
        t.req_json = jm_buf_view(&u);

        test_round_trip(&t, "a ticket with it");

        is_int(jm_ticket_data_json(&b, &t), JM_OK, "as data");
        is_bytes(jm_buf_view(&b), jm_buf_view(&d), "it is the other form");

        jm_buf_fixed(&b, got, d.len - 1);
        is_int(jm_ticket_data_json(&b, &t), JM_ERROR, "a small buffer");

        tap_mem_done(&m);
    }
}


static void
test_fits(void)
{
    size_t             i, most;
    uint8_t            form[JM_TICKET_MAX], dst[JM_TICKET_MAX];
    jm_buf_t           b;
    jm_ticket_t        t;
    static const uint8_t  id[JM_VISUAL_TASK_ID];

    memset(form, ' ', sizeof(form));
    memcpy(form, URL_JSON, sizeof(URL_JSON) - 2);

    full_ticket(&t);
    t.entry = 0;
    t.req_json.data = form;
    most = 0;

    for (i = sizeof(URL_JSON) - 1; i < sizeof(form); i++) {
        form[i - 1] = '}';
        t.req_json.len = i;

        if (jm_ticket_fits(&t)) {
            most = i;
        }

        form[i - 1] = ' ';
    }

    for (i = 0; i < t.n; i++) {
        t.ids[i].len = sizeof(id);
        t.ids[i].data = id;
    }

    t.entry = INT64_MAX;

    for (i = most; i <= most + 1; i++) {
        form[most - 1] = ' ';
        form[i - 1] = '}';
        t.req_json.len = i;

        jm_buf_fixed(&b, dst, sizeof(dst));

        is_int(jm_ticket_write(&b, &t), i == most ? JM_OK : JM_ERROR,
               "a form of %zu bytes, with the longest ids", i);

        if (i == most) {
            is_int((int64_t) b.len, JM_TICKET_MAX, "leaves no room");
        }
    }
}


static void
test_owned(void)
{
    jm_ticket_t  t;

    ordinary_ticket(&t);

    ok(jm_ticket_owned(&t, str("")) != 0, "nobody's");
    ok(!jm_ticket_owned(&t, str("a")), "and not somebody's");

    t.owner = str("alice");

    ok(jm_ticket_owned(&t, str("alice")) != 0, "the owner's");
    ok(!jm_ticket_owned(&t, str("")), "and not nobody's");
    ok(!jm_ticket_owned(&t, str("alic")), "nor a shorter one's");
    ok(!jm_ticket_owned(&t, str("alice ")), "nor a longer one's");
    ok(!jm_ticket_owned(&t, str("Alice")), "nor another's");
}


int
main(void)
{
    jm_ticket_t  t;

    test_bytes();

    ordinary_ticket(&t);
    test_round_trip(&t, "an ordinary ticket");

    full_ticket(&t);
    test_round_trip(&t, "a full ticket");

    test_numbers();
    test_refused();
    test_invalid();
    test_form();
    test_fits();
    test_owned();

    return done_testing();
}
