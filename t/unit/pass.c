
/*
 * An answer taken apart.  Every answer is also fed in two pieces, cut at every
 * point, and byte by byte, from memory of just its size.
 */


#include "tap.h"
#include "jm_buf.h"
#include "jm_pass.h"


#define KEY   "\"binary_data_base64\""
#define DEEP  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["                              \
              "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"


typedef struct {
    const char      *answer;
    const char      *rest;
    const char      *pictures;      /* "(" each ")", "!" where it is invalid */
} case_t;

typedef struct {
    jm_buf_t         rest;
    jm_buf_t         pictures;
    unsigned         bad;
    uint8_t          space[2][1024];
} result_t;


static const case_t  cases[] = {
    { "", "", "" },
    { "{}", "{}", "" },
    { "{" KEY ":[\"QUJD\",\"RA==\"]}", "{" KEY ":[\"\",\"\"]}",
      "(QUJD)(RA==)" },
    { "{\"a\":{" KEY ":[\"QUJD\"],\"b\":\"c\"},\"d\":[\"e\"]}",
      "{\"a\":{" KEY ":[\"\"],\"b\":\"c\"},\"d\":[\"e\"]}", "(QUJD)" },
    { "{ " KEY "\n:\t[ \"QUJD\" ,\r\"RA==\" ] }",
      "{ " KEY "\n:\t[ \"\" ,\r\"\" ] }", "(QUJD)(RA==)" },
    { "{" KEY ":[\"\",\"\"]}", "{" KEY ":[\"\",\"\"]}", "()()" },
    { "{" KEY ":[]}", "{" KEY ":[]}", "" },
    { "{" KEY ":null}", "{" KEY ":null}", "" },
    { "{" KEY ":[null,\"QQ\",1,true]}", "{" KEY ":[null,\"\",1,true]}",
      "(QQ)" },
    { "{" KEY ":[\"QQ\"]," KEY ":[\"Qg\"]}", "{" KEY ":[\"\"]," KEY ":[\"\"]}",
      "(QQ)(Qg)" },
    { "{\"binary_data_base6\\u0034\":[\"QQ\"]}",
      "{\"binary_data_base6\\u0034\":[\"\"]}", "(QQ)" },
    { "{\"\\u0062inary_\\u0064ata\\u005Fbase64\":[\"QQ\"]}",
      "{\"\\u0062inary_\\u0064ata\\u005Fbase64\":[\"\"]}", "(QQ)" },

    /* other keys, and the key as something else */

    { "{\"binary_data_base6\":[\"x\"]}", "{\"binary_data_base6\":[\"x\"]}",
      "" },
    { "{\"binary_data_base644\":[\"x\"]}", "{\"binary_data_base644\":[\"x\"]}",
      "" },
    { "{\"xbinary_data_base64\":[\"x\"]}", "{\"xbinary_data_base64\":[\"x\"]}",
      "" },
    { "{\"Binary_data_base64\":[\"x\"]}", "{\"Binary_data_base64\":[\"x\"]}",
      "" },
    { "{\"binary_data_base64\\u0000\":[\"x\"]}",
      "{\"binary_data_base64\\u0000\":[\"x\"]}", "" },
    { "{\"binary_data_base6\\u0134\":[\"x\"]}",
      "{\"binary_data_base6\\u0134\":[\"x\"]}", "" },
    { "{\"\":[\"x\"]}", "{\"\":[\"x\"]}", "" },
    { "[" KEY ",[\"x\"]]", "[" KEY ",[\"x\"]]", "" },
    { "{\"a\":" KEY ",\"b\":[\"x\"]}", "{\"a\":" KEY ",\"b\":[\"x\"]}", "" },
    { "{" KEY ":\"x\",\"b\":[\"x\"]}", "{" KEY ":\"x\",\"b\":[\"x\"]}", "" },
    { "{" KEY ":1,\"b\":[\"x\"]}", "{" KEY ":1,\"b\":[\"x\"]}", "" },
    { "{" KEY ":{\"b\":[\"x\"]}}", "{" KEY ":{\"b\":[\"x\"]}}", "" },
    { "{\"a\":\"\\\"binary_data_base64\\\":[\\\"x\\\"]\"}",
      "{\"a\":\"\\\"binary_data_base64\\\":[\\\"x\\\"]\"}", "" },
    { "{\"a\\\\\":[\"x\"]}", "{\"a\\\\\":[\"x\"]}", "" },
    { "{\"a\":\"[{\"," KEY ":[\"QQ\"]}", "{\"a\":\"[{\"," KEY ":[\"\"]}",
      "(QQ)" },
    { "{\"a\":\"]}\\\\\"," KEY ":[\"QQ\"]}",
      "{\"a\":\"]}\\\\\"," KEY ":[\"\"]}", "(QQ)" },
    { "{" KEY " x:[\"x\"]}", "{" KEY " x:[\"x\"]}", "" },
    { "{" KEY "[\"x\"]}", "{" KEY "[\"x\"]}", "" },
    { "{" KEY ":x[\"x\"]}", "{" KEY ":x[\"x\"]}", "" },

    /* what else may be in the array */

    { "{" KEY ":[[\"x\"],\"QQ\",{\"a\":\"y\"},\"Qg\"],\"b\":[\"z\"]}",
      "{" KEY ":[[\"x\"],\"\",{\"a\":\"y\"},\"\"],\"b\":[\"z\"]}",
      "(QQ)(Qg)" },
    { "{" KEY ":[{" KEY ":[\"QQ\"]},\"Qg\"]}",
      "{" KEY ":[{" KEY ":[\"\"]},\"\"]}", "(QQ)(Qg)" },
    { "{" KEY ":[" DEEP ",\"QQ\"]}", "{" KEY ":[" DEEP ",\"\"]}", "(QQ)" },
    { "]]}{" KEY ":[\"QQ\"]}", "]]}{" KEY ":[\"\"]}", "(QQ)" },

    /* escapes and white space in a picture */

    { "{" KEY ":[\"\\/\\/+\\/\"]}", "{" KEY ":[\"\"]}", "(//+/)" },
    { "{" KEY ":[\"QU\\nJD\\r\\nRA \\t=\\u000a=\"]}", "{" KEY ":[\"\"]}",
      "(QUJDRA==)" },
    { "{" KEY ":[\"\\u0051\\u002b\\u002F\\u003D\"]}", "{" KEY ":[\"\"]}",
      "(Q+/=)" },
    { "{" KEY ":[\" \"]}", "{" KEY ":[\"\"]}", "()" },

    /* cut */

    { "{" KEY ":[\"QU", "{" KEY ":[\"", "(QU" },
    { "{" KEY ":[\"QU\\", "{" KEY ":[\"", "(QU" },
    { "{" KEY ":[\"QU\\u00", "{" KEY ":[\"", "(QU" },
    { "{" KEY ":[\"", "{" KEY ":[\"", "(" },

    /* no base64 */

    { "{" KEY ":[\"QU-_\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\n\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\\"\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\\\\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\b\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\x\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\u00g0\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\u00/0\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\u0000\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\u0141\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU\\u012b\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"QU,\"]}", "{" KEY ":[\"", "(QU!" },
    { "{" KEY ":[\"http://a/b.png\"]}", "{" KEY ":[\"", "(http!" },
    { "{" KEY ":[\"QU\xc3\xa4\"]}", "{" KEY ":[\"", "(QU!" }
};


/* takes a piece, of which only what is in it may be read */

static void
take(result_t *r, jm_pass_t *p, jm_str_t piece)
{
    jm_str_t    in, run;
    jm_pass_e   rc;

    piece = exact(piece);
    in = piece;

    do {
        rc = jm_pass_next(p, &in, &run);

        r->bad += (rc == JM_PASS_REST || rc == JM_PASS_TEXT) != (run.len != 0);

        switch (rc) {

        case JM_PASS_REST:
            jm_buf_str(&r->rest, run);
            break;

        case JM_PASS_OPEN:
            r->bad += !jm_pass_inside(p);
            jm_buf_literal(&r->pictures, "(");
            break;

        case JM_PASS_TEXT:
            r->bad += !jm_pass_inside(p);
            jm_buf_str(&r->pictures, run);
            break;

        case JM_PASS_CLOSE:
            r->bad += jm_pass_inside(p);
            jm_buf_literal(&r->pictures, ")");
            break;

        default:
            break;
        }

    } while (rc != JM_PASS_AGAIN && rc != JM_PASS_INVALID);

    if (rc == JM_PASS_INVALID) {
        if (r->pictures.data[r->pictures.len - 1] != '!') {
            jm_buf_literal(&r->pictures, "!");
        }

    } else {
        r->bad += in.len != 0;
    }

    exact_done(piece);
}


/* the first piece has first bytes, the others step */

static void
pass(result_t *r, jm_str_t answer, size_t first, size_t step)
{
    jm_str_t   piece;
    jm_pass_t  p;

    r->bad = 0;
    jm_buf_fixed(&r->rest, r->space[0], sizeof(r->space[0]));
    jm_buf_fixed(&r->pictures, r->space[1], sizeof(r->space[1]));
    jm_pass_init(&p);

    r->bad += jm_pass_inside(&p);

    for (piece.len = first; ; piece.len = step) {
        piece.len = jm_min(piece.len, answer.len);
        piece.data = answer.data;

        take(r, &p, piece);

        answer.data += piece.len;
        answer.len -= piece.len;

        if (answer.len == 0) {
            break;
        }
    }
}


static unsigned
same(jm_buf_t *b, const char *expected)
{
    return b->len == strlen(expected)
           && (b->len == 0 || memcmp(b->data, expected, b->len) == 0);
}


static void
test_cases(void)
{
    size_t           i, k;
    int64_t          bad;
    jm_str_t         answer;
    const case_t    *c;
    static result_t  r;

    for (i = 0; i < jm_nitems(cases); i++) {
        c = &cases[i];
        answer = str(c->answer);

        pass(&r, answer, answer.len, 1);
        is_str(jm_buf_view(&r.rest), c->rest, "case %zu: the rest", i);
        is_str(jm_buf_view(&r.pictures), c->pictures, "the pictures");
        is_int(r.bad, 0, "runs as they are to be");

        bad = 0;

        for (k = 0; k <= answer.len; k++) {
            pass(&r, answer, k, answer.len + 1);
            bad += r.bad || !same(&r.rest, c->rest)
                   || !same(&r.pictures, c->pictures);
        }

        pass(&r, answer, 1, 1);
        bad += r.bad || !same(&r.rest, c->rest)
               || !same(&r.pictures, c->pictures);

        is_int(bad, 0, "the same however it is cut");
    }
}


/* a byte within a picture of some blocks: what ends the first run, and how */

static unsigned
wrong_byte(int c, size_t at, size_t len)
{
    uint8_t     text[256];
    jm_str_t    in, run;
    jm_pass_e   rc;
    jm_pass_t   p;

    jm_pass_init(&p);
    in = str("{" KEY ":[\"");
    (void) jm_pass_next(&p, &in, &run);
    (void) jm_pass_next(&p, &in, &run);

    memset(text, 'A' + (int) (at % 26), len);
    text[at] = (uint8_t) c;
    in.data = text;
    in.len = len;

    rc = jm_pass_next(&p, &in, &run);

    if (c == '+' || c == '/' || c == '=' || (c >= '0' && c <= '9')
        || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
    {
        return rc != JM_PASS_TEXT || run.data != text || run.len != len;
    }

    if (at != 0) {
        if (rc != JM_PASS_TEXT || run.data != text || run.len != at) {
            return 1;
        }

        rc = jm_pass_next(&p, &in, &run);
    }

    switch (c) {

    case '"':
        return rc != JM_PASS_CLOSE || in.len != len - at;

    case ' ':
        return rc != (at == len - 1 ? JM_PASS_AGAIN : JM_PASS_TEXT)
               || run.len != len - at - 1;

    case '\\':
        return rc != (at == len - 1 ? JM_PASS_AGAIN : JM_PASS_INVALID);

    default:
        return rc != JM_PASS_INVALID;
    }
}


static void
test_every_byte(void)
{
    int      c;
    size_t   at, i;
    int64_t  bad;
    size_t   lens[] = { 1, 15, 16, 17, 63, 64, 65, 80, 145 };

    for (i = 0; i < jm_nitems(lens); i++) {
        bad = 0;

        for (at = 0; at < lens[i]; at++) {
            for (c = 0; c < 256; c++) {
                bad += wrong_byte(c, at, lens[i]);
            }
        }

        is_int(bad, 0, "every byte at every place of %zu", lens[i]);
    }
}


int
main(void)
{
    test_cases();
    test_every_byte();

    return done_testing();
}
