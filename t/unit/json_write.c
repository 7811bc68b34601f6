
/*
 * The JSON writer: what it writes, every way to misuse it, and buffers that
 * fail.
 */


#include "tap.h"
#include "jm_json.h"


/* every byte at every place of texts of up to three times eight */

static void
test_escapes(void)
{
    size_t            i, len;
    uint8_t           text[24], out[32];
    jm_buf_t          b;
    jm_str_t          s;
    unsigned          c, bad, escaped;
    jm_json_writer_t  w;

    bad = 0;
    s.data = text;

    for (len = 1; len <= sizeof(text); len++) {
        for (i = 0; i < len; i++) {
            for (c = 0; c < 256; c++) {
                memset(text, 'x', sizeof(text));
                text[i] = (uint8_t) c;
                s.len = len;

                jm_buf_fixed(&b, out, sizeof(out));
                jm_json_open(&w, &b);
                jm_json_string(&w, s);

                escaped = (c < 0x20 || c == '"' || c == '\\');

                bad += (jm_json_close(&w) != JM_OK
                        || memcmp(out + 1, text, i) != 0
                        || out[0] != '"' || out[b.len - 1] != '"'
                        || (out[1 + i] == '\\' && out[2 + i] != '\0') != escaped
                        || (b.len == len + 2) == escaped);
            }
        }
    }

    is_int(bad, 0, "what is escaped, wherever it is");
}


static void
test_write(void)
{
    char              out[1024];
    jm_buf_t          b;
    jm_str_t          s;
    unsigned          i;
    jm_json_writer_t  w;

    jm_buf_fixed(&b, out, sizeof(out));
    jm_json_open(&w, &b);
    jm_json_object(&w);
    jm_json_key(&w, "null");
    jm_json_null(&w);
    jm_json_key(&w, "bools");
    jm_json_array(&w);
    jm_json_bool(&w, 0);
    jm_json_bool(&w, 1);
    jm_json_bool(&w, 8);
    jm_json_end_array(&w);
    jm_json_key(&w, "ints");
    jm_json_array(&w);
    jm_json_int(&w, 0);
    jm_json_int(&w, -1);
    jm_json_int(&w, INT64_MAX);
    jm_json_int(&w, INT64_MIN);
    jm_json_end_array(&w);
    jm_json_key(&w, "number");
    jm_json_raw(&w, str("0.50"));
    jm_json_key(&w, "cstring");
    jm_json_cstring(&w, "a\"b\\c/d");
    jm_json_name(&w, "ke\"y");
    jm_json_string(&w, str("\xe4\xb8\x80"));
    jm_json_key(&w, "empty");
    jm_json_string(&w, str(""));
    jm_json_key(&w, "none");
    jm_json_string(&w, str(NULL));
    jm_json_key(&w, "objects");
    jm_json_array(&w);
    jm_json_object(&w);
    jm_json_end_object(&w);
    jm_json_object(&w);
    jm_json_key(&w, "");
    jm_json_int(&w, 7);
    jm_json_end_object(&w);
    jm_json_end_array(&w);
    jm_json_end_object(&w);
    is_int(jm_json_close(&w), JM_OK, "one of each is written");
    is_str(jm_buf_view(&b),
           "{\"null\":null,\"bools\":[false,true,true],"
           "\"ints\":[0,-1,9223372036854775807,-9223372036854775808],"
           "\"number\":0.50,\"cstring\":\"a\\\"b\\\\c/d\","
           "\"ke\\\"y\":\"\xe4\xb8\x80\",\"empty\":\"\",\"none\":\"\","
           "\"objects\":[{},{\"\":7}]}", "compactly");

    s.data = (const uint8_t *) "\0\1\b\t\n\v\f\r\x1f \x7f";
    s.len = 11;
    jm_buf_fixed(&b, out, sizeof(out));
    jm_json_open(&w, &b);
    jm_json_string(&w, s);
    is_int(jm_json_close(&w), JM_OK, "control characters");
    is_str(jm_buf_view(&b),
           "\"\\u0000\\u0001\\b\\t\\n\\u000B\\f\\r\\u001F \x7f\"",
           "are escaped");

    test_escapes();

    jm_buf_fixed(&b, out, sizeof(out));
    jm_buf_literal(&b, "x=");
    jm_json_open(&w, &b);
    jm_json_int(&w, 1);
    jm_json_close(&w);
    jm_json_open(&w, &b);
    jm_json_int(&w, 2);
    is_int(jm_json_close(&w), JM_OK, "a writer can be opened again");
    is_str(jm_buf_view(&b), "x=12", "and appends");

    jm_buf_fixed(&b, out, sizeof(out));
    jm_json_open(&w, &b);

    for (i = 0; i < JM_JSON_LEVELS; i++) {
        if (i % 2) {
            jm_json_object(&w);
            jm_json_key(&w, "a");

        } else {
            jm_json_array(&w);
        }
    }

    jm_json_null(&w);

    for (i = JM_JSON_LEVELS; i > 0; i--) {
        if (i % 2) {
            jm_json_end_array(&w);

        } else {
            jm_json_end_object(&w);
        }
    }

    is_int(jm_json_close(&w), JM_OK, "as many levels as can be");
}


/* calls in one letter each: { } [ ] k m s c n i b 0, and what is wrong */

static const char  *const misuses[] = {
    "", "{", "[", "}", "]", "{]", "[}", "{}}", "[]]", "[]}", "{}{", "ss", "ii",
    "[]s", "{s}", "{i}", "{0}", "{b}", "{n}", "{c}", "{[]}", "{{}}", "{k}",
    "{kk", "{kss", "{ki", "[k", "k", "ks", "{kik}", "[{]}", "{k[}", "[[]",
    "{k{}", "{k}i", "{ki}}]]}}", "m", "[m", "{m}", "{mk", "{km", "{mm"
};


static void
perform(jm_json_writer_t *w, char c)
{
    switch (c) {

    case '{':
        jm_json_object(w);
        break;

    case '}':
        jm_json_end_object(w);
        break;

    case '[':
        jm_json_array(w);
        break;

    case ']':
        jm_json_end_array(w);
        break;

    case 'k':
        jm_json_key(w, "k");
        break;

    case 'm':
        jm_json_name(w, "m");
        break;

    case 's':
        jm_json_string(w, str("s"));
        break;

    case 'c':
        jm_json_cstring(w, "c");
        break;

    case 'n':
        jm_json_raw(w, str("1.0"));
        break;

    case 'i':
        jm_json_int(w, 1);
        break;

    case 'b':
        jm_json_bool(w, 1);
        break;

    default:
        jm_json_null(w);
        break;
    }
}


static void
test_misuse(void)
{
    char               out[1024];
    size_t             i;
    jm_buf_t           b;
    const char        *p;
    jm_json_writer_t   w;

    for (i = 0; i < jm_nitems(misuses); i++) {
        jm_buf_fixed(&b, out, sizeof(out));
        jm_json_open(&w, &b);

        for (p = misuses[i]; *p != '\0'; p++) {
            perform(&w, *p);
        }

        is_int(jm_json_close(&w), JM_ERROR, "\"%s\" is no value", misuses[i]);
        is_int(b.rc, JM_ERROR, "and the buffer knows");
    }

    jm_buf_fixed(&b, out, sizeof(out));
    jm_json_open(&w, &b);

    for (i = 0; i <= JM_JSON_LEVELS; i++) {
        jm_json_array(&w);
    }

    for (i = 0; i <= JM_JSON_LEVELS; i++) {
        jm_json_end_array(&w);
    }

    is_int(jm_json_close(&w), JM_ERROR, "a level more than can be");
}


static void
test_write_failures(void)
{
    char               out[64];
    size_t             n, i;
    jm_buf_t           b;
    tap_mem_t          m;
    const char        *p;
    jm_json_writer_t   w;
    static const char  calls[] = "{k[scnib0]k{}}";

    for (n = 0; n < sizeof(out); n++) {
        jm_buf_fixed(&b, out, n);
        jm_json_open(&w, &b);

        for (p = calls; *p != '\0'; p++) {
            perform(&w, *p);
        }

        if (jm_json_close(&w) == JM_OK) {
            break;
        }

        if (b.rc != JM_ERROR) {
            ok(0, "a buffer of %zu bytes has its error", n);
        }
    }

    is_str(jm_buf_view(&b), "{\"k\":[\"s\",\"c\",1.0,1,true,null],\"k\":{}}",
           "a buffer of each size fails until it fits");
    is_int((int64_t) n, (int64_t) b.len, "just");

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        jm_buf_init(&b, &m.mem, 1, 1000);
        jm_json_open(&w, &b);
        jm_json_array(&w);

        for (i = 0; i < 100; i++) {
            jm_json_int(&w, 12345);
        }

        jm_json_end_array(&w);

        if (tap_mem_unfailed(&m)) {
            break;
        }

        is_int(jm_json_close(&w), JM_ERROR, "allocation %zu fails", n);
        tap_mem_done(&m);
    }

    is_int(jm_json_close(&w), JM_OK, "and none");
    tap_mem_done(&m);

    jm_buf_fixed(&b, out, sizeof(out));
    b.rc = JM_ERROR;
    jm_json_open(&w, &b);
    jm_json_null(&w);
    jm_json_key(&w, "k");
    jm_json_end_array(&w);
    is_int(jm_json_close(&w), JM_ERROR, "a buffer with an error keeps it");
    is_int((int64_t) b.len, 0, "and gets nothing");
}


int
main(void)
{
    test_write();
    test_misuse();
    test_write_failures();

    return done_testing();
}
