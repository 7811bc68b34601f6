
/*
 * Forms as clients send them, and as they should not.  Each body is read at
 * once, in two pieces cut at every point, and byte by byte: with the same
 * result, written as name=[value], name*=[value] for a file, name*?=[value]
 * for one without a name, name!=[value] for text of another charset, or
 * "! why".
 *
 * Seen failing with each of these taken out of the reader: matched = 2 at the
 * body's begin and at a value's, the blanks behind a boundary, mark not set
 * at a delimiter's CR, the look at a CR as another delimiter's after one that
 * did not go on, the limits of parts, names and header lines, the unfolding,
 * the looks at a zero, a LF and a CR in header lines, at a second name.
 */


#include "tap.h"
#include "jm_multipart.h"


#define CD      "Content-Disposition: form-data; "
#define TYPE    "multipart/form-data; boundary=xx"
#define A       "--xx\r\n" CD "name=a\r\n\r\n"

#define BROKEN  "! has a part with a malformed header line"
#define CUT     "! ends before its closing boundary"
#define ABSENT  "! has no line with the boundary that its Content-Type names"
#define CODED   "! has a part with a Content-Transfer-Encoding, which forms " \
                "do not have"
#define NONAME  "! has a part without " \
                "\"Content-Disposition: form-data; name=...\""


typedef struct {
    const char      *what;
    const char      *type;
    jm_str_t         body;
    const char      *expected;
} form_case_t;

typedef struct {
    const char      *type;
    const char      *boundary;      /* NULL: invalid */
} type_case_t;


static const type_case_t  type_cases[] = {
    { "multipart/form-data; boundary=xx", "xx" },
    { "multipart/form-data;boundary=xx", "xx" },
    { "Multipart/Form-Data ; BOUNDARY=xX", "xX" },
    { "multipart/form-data; boundary=\"xx\"", "xx" },
    { "multipart/form-data; boundary=\"a b;c=d\" ; charset=utf-8", "a b;c=d" },
    { "multipart/form-data; charset=utf-8; boundary=xx", "xx" },
    { "multipart/form-data; charset=\"a;boundary=b\"; boundary=xx", "xx" },
    { "multipart/form-data; charset; boundary=xx", "xx" },
    { "multipart/form-data; boundary=xx;", "xx" },
    { "multipart/form-data; boundary=xx\t", "xx" },
    { "multipart/form-data; boundary = xx", "xx" },
    { "multipart/form-data; boundary===_a=", "==_a=" },
    { "multipart/form-data; boundary=*****", "*****" },
    { "multipart/form-data; boundary='()+_,-./:=?", "'()+_,-./:=?" },
    { "multipart/form-data; boundary=x; boundary=y", "x" },
    { "multipart/form-data; boundary="
      "1234567890123456789012345678901234567890123456789012345678901234567890",
      "1234567890123456789012345678901234567890123456789012345678901234567890"
    },

    { "", NULL },
    { "multipart/form-data", NULL },
    { "multipart/form-data;", NULL },
    { "multipart/form-data; charset=utf-8", NULL },
    { "multipart/form-data; boundary", NULL },
    { "multipart/form-data; boundary=", NULL },
    { "multipart/form-data; boundary=\"\"", NULL },
    { "multipart/form-data; boundary=\"xx", NULL },
    { "multipart/form-data; boundary=\"xx\"y", NULL },
    { "multipart/form-data; boundary=\"xx \"", NULL },
    { "multipart/form-data; boundary=\"x\ry\"", NULL },
    { "multipart/form-data; boundary=x\x7f", NULL },
    { "multipart/form-data; boundary=x\xc3\xa9", NULL },
    { "multipart/form-data; boundary=\"x\\\"y\"", NULL },
    { "multipart/form-data; boundary=\"x\\y\"", NULL },
    { "multipart/form-data; =y; boundary=xx", NULL },
    { "multipart/form-data; xboundary=xx", NULL },
    { "multipart/form-data boundary=xx", NULL },
    { "multipart/mixed; boundary=xx", NULL },
    { "multipart/form-data2; boundary=xx", NULL },
    { "application/json; boundary=xx", NULL },
    { "multipart/form-data; boundary="
      "1234567890123456789012345678901234567890123456789012345678901234567890"
      "1",
      NULL }
};


static const form_case_t  form_cases[] = {

    { "the openai npm client",
      "multipart/form-data; boundary=----formdata-undici-000378049976",
      jm_string("------formdata-undici-000378049976\r\n"
                CD "name=\"model\"\r\n\r\njimeng\r\n"
                "------formdata-undici-000378049976\r\n"
                CD "name=\"prompt\"\r\n\r\na cat\r\n"
                "------formdata-undici-000378049976\r\n"
                CD "name=\"image[]\"; filename=\"\xe4\xb8\x80.png\"\r\n"
                "Content-Type: image/png\r\n\r\nPIC1\r\n"
                "------formdata-undici-000378049976\r\n"
                CD "name=\"image[]\"; filename=\"b.jpg\"\r\n"
                "Content-Type: image/jpeg\r\n\r\nPIC2\r\n"
                "------formdata-undici-000378049976--\r\n"),
      "model=[jimeng] prompt=[a cat] image[]*=[PIC1] image[]*=[PIC2]" },

    { "curl -F",
      "multipart/form-data; boundary=------------------------c759dc21a2591802",
      jm_string("--------------------------c759dc21a2591802\r\n"
                CD "name=\"image[]\"; filename=\"a %22b%22.png\"\r\n"
                "Content-Type: image/png\r\n\r\nPIC\r\n--\r\n"
                "--------------------------c759dc21a2591802\r\n"
                CD "name=\"odd%22na\\me\"\r\n\r\n1\r\n"
                "--------------------------c759dc21a2591802--\r\n"),
      "image[]*=[PIC\r\n--] odd\"na\\me=[1]" },

    { "Python's requests, with the filename of an old one",
      "multipart/form-data; boundary=0d5bd3a4d0b9f8e4a7b1c2d3e4f50617",
      jm_string("--0d5bd3a4d0b9f8e4a7b1c2d3e4f50617\r\n"
                CD "name=\"image\"; filename*=utf-8''%E4%B8%80.png\r\n"
                "Content-Type: image/png\r\n\r\nPIC\r\n"
                "--0d5bd3a4d0b9f8e4a7b1c2d3e4f50617--\r\n"),
      "image*=[PIC]" },

    { "a browser's file field with nothing chosen", TYPE,
      jm_string("--xx\r\n" CD "name=\"image\"; filename=\"\"\r\n"
                "Content-Type: application/octet-stream\r\n\r\n\r\n--xx--"),
      "image*?=[]" },

    { "two filenames, of which one is empty", TYPE,
      jm_string("--xx\r\n" CD "name=a; filename=\"\"; filename*=UTF-8''b\r\n"
                "\r\n1\r\n--xx\r\n" CD "name=a; filename=b; filename*=\"\"\r\n"
                "\r\n1\r\n--xx\r\n" CD "name=a; filename=; filename*=\r\n"
                "\r\n1\r\n--xx--"),
      "a*=[1] a*=[1] a*?=[1]" },

    { "charsets that are UTF-8", TYPE,
      jm_string("--xx\r\n" CD "name=a\r\nContent-Type: a/b; charset=UTF-8"
                "\r\n\r\n1\r\n--xx\r\nContent-Type: a/b;charset=\"utf-8\""
                "\r\n" CD "name=b\r\n\r\n1\r\n--xx\r\n" CD "name=c\r\n"
                "content-type: text/plain; x=y; CHARSET = us-ascii\r\n\r\n1\r\n"
                "--xx\r\n" CD "name=d\r\nContent-Type: a/b; charset=\r\n\r\n1"
                "\r\n--xx--"),
      "a=[1] b=[1] c=[1] d=[1]" },

    { "charsets that are not", TYPE,
      jm_string("--xx\r\n" CD "name=a\r\nContent-Type: text/plain; charset=GBK"
                "\r\n\r\n1\r\n--xx\r\nContent-Type: text/plain;x=y;"
                "charset=\"iso-8859-1\"\r\n" CD "name=b\r\n\r\n1\r\n--xx\r\n"
                CD "name=c; filename=d\r\nContent-Type: a/b; charset=utf-16\r\n"
                "\r\n1\r\n--xx\r\n" CD "name=e\r\n\r\n1\r\n--xx--"),
      "a!=[1] b!=[1] c*!=[1] e=[1]" },

    { "a quoted boundary", "multipart/form-data; boundary=\"a b\"",
      jm_string("--a b\r\n" CD "name=a\r\n\r\n1\r\n--a b--\r\n"), "a=[1]" },

    { "no parts", TYPE, jm_string("--xx--\r\n"), "" },
    { "no end of the last line", TYPE, jm_string(A "1\r\n--xx--"), "a=[1]" },
    { "an empty value", TYPE, jm_string(A "\r\n--xx--"), "a=[]" },
    { "a part of no body at all", TYPE, jm_string(A "--xx--"), "a=[]" },
    { "two of them", TYPE, jm_string(A A "--xx--"), "a=[] a=[]" },
    { "a value of an end of line", TYPE, jm_string(A "\r\n\r\n--xx--"),
      "a=[\r\n]" },
    { "a preamble", TYPE, jm_string("so\r\n" A "1\r\n--xx--"), "a=[1]" },
    { "a preamble of an end of line", TYPE, jm_string("\r\n" A "1\r\n--xx--"),
      "a=[1]" },
    { "a preamble with the boundary inside a line", TYPE,
      jm_string("so--xx\r\n" A "1\r\n--xx--"), "a=[1]" },
    { "an epilogue", TYPE,
      jm_string(A "1\r\n--xx--\r\n" A "2\r\n--xx--\r\n"), "a=[1]" },
    { "an epilogue on the same line", TYPE, jm_string(A "1\r\n--xx--yes"),
      "a=[1]" },
    { "blanks behind boundaries", TYPE,
      jm_string("--xx \t\r\n" CD "name=a\r\n\r\n1\r\n--xx  \r\n"
                CD "name=b\r\n\r\n2\r\n--xx-- \r\n"),
      "a=[1] b=[2]" },

    { "half a boundary in a value", TYPE,
      jm_string(A "1\r\n--x\r\n-\r\n--\r\n--x-\r\n--xx--"),
      "a=[1\r\n--x\r\n-\r\n--\r\n--x-]" },
    { "a boundary that goes on", TYPE,
      jm_string(A "1\r\n--xxx\r\n--xx-\r\n--xx 1\r\n--xx\r1\r\n--xx--"),
      "a=[1\r\n--xxx\r\n--xx-\r\n--xx 1\r\n--xx\r1]" },
    { "a boundary that goes on at a value's begin", TYPE,
      jm_string(A "--xxx\r\n--xx--"), "a=[--xxx]" },
    { "a boundary, a blank and two dashes", TYPE,
      jm_string(A "1\r\n--xx --\r\n--xx--"), "a=[1\r\n--xx --]" },
    { "a boundary amid a line", TYPE, jm_string(A "1--xx--\r\n--xx--"),
      "a=[1--xx--]" },
    { "a boundary behind a LF", TYPE, jm_string(A "1\n--xx--\r\n--xx--"),
      "a=[1\n--xx--]" },
    { "a boundary behind a CR", TYPE, jm_string(A "1\r--xx--\r\n--xx--"),
      "a=[1\r--xx--]" },
    { "a boundary before a LF", TYPE, jm_string(A "1\r\n--xx\n\r\n--xx--"),
      "a=[1\r\n--xx\n]" },
    { "a boundary right behind half of one", TYPE,
      jm_string(A "\r\n--x\r\n--xx--"), "a=[\r\n--x]" },
    { "one behind CRs", TYPE, jm_string(A "\r\r\r\n\r\r\n--xx--"),
      "a=[\r\r\r\n\r]" },
    { "one behind a boundary and CRs", TYPE,
      jm_string(A "1\r\n--xx\r\r\n--xx--"), "a=[1\r\n--xx\r]" },
    { "one behind a boundary and a dash", TYPE,
      jm_string(A "1\r\n--xx-\r\n--xx--"), "a=[1\r\n--xx-]" },
    { "one behind a boundary and blanks", TYPE,
      jm_string(A "1\r\n--xx  \r\r\n--xx--"), "a=[1\r\n--xx  \r]" },
    { "a boundary of dashes", "multipart/form-data; boundary=----",
      jm_string("------\r\n" CD "name=a\r\n\r\n---\r\n-----\r\n--------"),
      "a=[---\r\n-----]" },
    { "zeros", TYPE, jm_string(A "\0\r\n\0--xx\0\r\n--xx--\0"),
      "a=[\\0\r\n\\0--xx\\0]" },

    { "a name without quotes", TYPE,
      jm_string("--xx\r\n" CD "name = image[] \r\n\r\n1\r\n--xx--"),
      "image[]=[1]" },
    { "headers in another case", TYPE,
      jm_string("--xx\r\ncONTENT-dISPOSITION:Form-Data;NAME=\"a\";FileName=b"
                "\r\n\r\n1\r\n--xx--"),
      "a*=[1]" },
    { "headers in another order", TYPE,
      jm_string("--xx\r\nContent-Type: text/plain; name=z\r\nX:\r\n"
                CD "filename=b; size=3; name=\"a\";\r\n\r\n1\r\n--xx--"),
      "a*=[1]" },
    { "folded headers", TYPE,
      jm_string("--xx\r\nContent-Disposition:\r\n form-data;\r\n\tname=a\r\n"
                "X: y\r\n z\r\n\r\n1\r\n--xx--"),
      "a=[1]" },
    { "quotes in a name", TYPE,
      jm_string("--xx\r\n" CD "name=\"a\\\"; filename=\\\\\"\r\n\r\n1"
                "\r\n--xx--"),
      "a\"; filename=\\=[1]" },
    { "a name as browsers escape it", TYPE,
      jm_string("--xx\r\n" CD "name=\"a%22%0D%0A%41%0a%2\"\r\n\r\n1"
                "\r\n--xx--"),
      "a\"\r\n%41%0a%2=[1]" },
    { "a name of Chinese characters", TYPE,
      jm_string("--xx\r\n" CD "name=\"\xe4\xb8\x80\"\r\n\r\n1\r\n--xx--"),
      "\xe4\xb8\x80=[1]" },
    { "an empty name", TYPE,
      jm_string("--xx\r\n" CD "name=\"\"\r\n\r\n1\r\n--xx--"), "=[1]" },
    { "a filename with a backslash at its end", TYPE,
      jm_string("--xx\r\n" CD "name=\"a\"; filename=\"b\\\"\r\n\r\n1"
                "\r\n--xx--"),
      "a*=[1]" },
    { "a filename with two of them", TYPE,
      jm_string("--xx\r\n" CD "name=\"a\"; filename=\"b\\\\\"\r\n\r\n1"
                "\r\n--xx--"),
      "a*=[1]" },
    { "a filename that looks like a name", TYPE,
      jm_string("--xx\r\n" CD "filename=\"; name=b\"; name=\"a\"\r\n\r\n1"
                "\r\n--xx--"),
      "a*=[1]" },
    { "encodings that are none", TYPE,
      jm_string("--xx\r\n" CD "name=a\r\nContent-Transfer-Encoding: BINARY "
                "\r\n\r\n1\r\n--xx\r\ncontent-transfer-encoding:8bit\r\n"
                CD "name=b\r\n\r\n2\r\n--xx\r\n"
                "Content-Transfer-Encoding: 7bit\r\n" CD "name=c\r\n\r\n3"
                "\r\n--xx--"),
      "a=[1] b=[2] c=[3]" },

    { "nothing", TYPE, jm_null_string, ABSENT },
    { "another boundary", TYPE,
      jm_string("--yy\r\n" CD "name=a\r\n\r\n1\r\n--yy--\r\n"), ABSENT },
    { "lines that end with LF", TYPE,
      jm_string("--xx\n" CD "name=a\n\n1\n--xx--\n"), ABSENT },
    { "a boundary in another case", "multipart/form-data; boundary=XX",
      jm_string(A "1\r\n--xx--"), ABSENT },
    { "a boundary alone", TYPE, jm_string("--xx"), CUT },
    { "half a closing one", TYPE, jm_string(A "1\r\n--xx-"), CUT },
    { "a value without end", TYPE, jm_string(A "1"), CUT },
    { "a value with half a delimiter", TYPE, jm_string(A "1\r\n--x"), CUT },
    { "no value", TYPE, jm_string("--xx\r\n" CD "name=a\r\n\r\n"), CUT },
    { "half a part's headers", TYPE, jm_string(A "1\r\n--xx\r\n" CD), CUT },
    { "one part, and no end", TYPE, jm_string(A "1\r\n--xx\r\n"), CUT },

    { "no headers", TYPE, jm_string("--xx\r\n\r\n1\r\n--xx--"), NONAME },
    { "no disposition", TYPE,
      jm_string("--xx\r\nContent-Type: a/b; name=a\r\n\r\n1\r\n--xx--"),
      NONAME },
    { "no name", TYPE,
      jm_string("--xx\r\n" CD "filename=\"a\"\r\n\r\n1\r\n--xx--"), NONAME },
    { "no name, only one of RFC 2231", TYPE,
      jm_string("--xx\r\n" CD "name*=utf-8''a\r\n\r\n1\r\n--xx--"), NONAME },
    { "a name without a value, and a \";\"", TYPE,
      jm_string("--xx\r\n" CD "size; filename=\r\n\r\n1\r\n--xx--"), NONAME },
    { "another disposition", TYPE,
      jm_string("--xx\r\nContent-Disposition: attachment; name=a\r\n\r\n1"
                "\r\n--xx--"), NONAME },
    { "a second part without a name", TYPE,
      jm_string(A "1\r\n--xx\r\nX: y\r\n\r\n1\r\n--xx--"), NONAME },

    { "a boundary where headers should be", TYPE,
      jm_string("--xx\r\n--xx--\r\n\r\n"), BROKEN },
    { "a header line without a name", TYPE,
      jm_string("--xx\r\n: x\r\n" CD "name=a\r\n\r\n1\r\n--xx--"), BROKEN },
    { "two names", TYPE,
      jm_string("--xx\r\n" CD "name=a; name=b\r\n\r\n1\r\n--xx--"), BROKEN },
    { "two dispositions", TYPE,
      jm_string("--xx\r\n" CD "name=a\r\n" CD "name=b\r\n\r\n1\r\n--xx--"),
      BROKEN },
    { "a name without its second quote", TYPE,
      jm_string("--xx\r\n" CD "name=\"a\r\n\r\n1\r\n--xx--"), BROKEN },
    { "a name with more behind its quotes", TYPE,
      jm_string("--xx\r\n" CD "name=\"a\"b\r\n\r\n1\r\n--xx--"), BROKEN },
    { "a parameter without a name", TYPE,
      jm_string("--xx\r\n" CD "=b; name=a\r\n\r\n1\r\n--xx--"), BROKEN },
    { "a LF alone in the headers", TYPE,
      jm_string("--xx\r\nX: y\n" CD "name=a\r\n\r\n1\r\n--xx--"), BROKEN },
    { "a CR alone in the headers", TYPE,
      jm_string("--xx\r\nX: y\r" CD "name=a\r\n\r\n1\r\n--xx--"), BROKEN },
    { "a zero in the headers", TYPE,
      jm_string("--xx\r\n" CD "name=a\0b\r\n\r\n1\r\n--xx--"), BROKEN },
    { "base64", TYPE,
      jm_string("--xx\r\n" CD "name=a\r\nContent-Transfer-Encoding: base64"
                "\r\n\r\nMQ==\r\n--xx--"), CODED },
    { "an encoding before the name", TYPE,
      jm_string("--xx\r\nContent-Transfer-Encoding: quoted-printable\r\n"
                CD "name=a\r\n\r\nMQ==\r\n--xx--"), CODED }
};


static jm_multipart_t  m;


/* hands on a piece in memory of its own: a read beyond it is ASan's to see */

static jm_rc_e
add(jm_str_t body, size_t from, size_t to, const char **why)
{
    jm_rc_e   rc;
    jm_str_t  piece;

    piece.data = body.data + from;
    piece.len = to - from;

    piece = exact(piece);
    rc = jm_multipart_add(&m, piece, why);
    exact_done(piece);

    return rc;
}


static void
text(char *out, size_t size, size_t *n, jm_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len && *n < size - 3; i++) {
        if (s.data[i] == '\0') {
            out[(*n)++] = '\\';
            out[(*n)++] = '0';

        } else {
            out[(*n)++] = (char) s.data[i];
        }
    }
}


/* what a reading came to; an error must stay */

static void
result(char *out, size_t size, jm_str_t body, jm_rc_e rc, const char *why)
{
    size_t                      i, n;
    jm_str_t                    value;
    const char                 *again;
    const jm_multipart_part_t  *part;

    if (rc == JM_OK) {
        rc = jm_multipart_end(&m, &why);
    }

    if (rc != JM_OK) {
        again = NULL;

        if (rc != JM_INVALID || add(str("--xx--"), 0, 6, &again) != rc
            || again != why || jm_multipart_end(&m, &again) != rc
            || again != why)
        {
            why = "it did not last";
        }

        (void) snprintf(out, size, "! %s", why);
        return;
    }

    n = 0;

    for (i = 0; i < m.nparts; i++) {
        part = &m.parts[i];

        text(out, size, &n, str(i == 0 ? "" : " "));
        text(out, size, &n, part->name);
        text(out, size, &n, str(part->file ? "*" : ""));
        text(out, size, &n, str(part->unnamed ? "?" : ""));
        text(out, size, &n, str(part->foreign ? "!=[" : "=["));

        if (part->offset > body.len || part->len > body.len - part->offset) {
            text(out, size, &n, str("out of range"));

        } else {
            value.data = body.data + part->offset;
            value.len = (size_t) part->len;
            text(out, size, &n, value);
        }

        text(out, size, &n, str("]"));
    }

    out[n] = '\0';
}


static void
is_form(const char *type, jm_str_t body, const char *expected,
    const char *what)
{
    size_t       i, bad;
    jm_rc_e      rc;
    const char  *why;
    static char  got[8192];

    why = NULL;

    is_int(jm_multipart_init(&m, str(type)), JM_OK, "%s: its Content-Type",
           what);
    rc = add(body, 0, body.len, &why);
    result(got, sizeof(got), body, rc, why);
    is_cstr(got, expected, "%s", what);

    for (i = 0, bad = 0; i <= body.len; i++) {
        (void) jm_multipart_init(&m, str(type));

        rc = add(body, 0, i, &why);

        if (rc == JM_OK) {
            rc = add(body, i, body.len, &why);
        }

        result(got, sizeof(got), body, rc, why);
        bad += strcmp(got, expected) != 0;
    }

    is_int((int64_t) bad, 0, "%s: cut at every point", what);

    (void) jm_multipart_init(&m, str(type));

    for (i = 0, rc = JM_OK; i < body.len && rc == JM_OK; i++) {
        rc = add(body, i, i + 1, &why);
    }

    result(got, sizeof(got), body, rc, why);
    is_cstr(got, expected, "%s: byte by byte", what);
}


static void
test_types(void)
{
    size_t              i;
    jm_rc_e             rc;
    jm_str_t            s;
    const type_case_t  *c;

    for (i = 0; i < jm_nitems(type_cases); i++) {
        c = &type_cases[i];

        rc = jm_multipart_init(&m, str(c->type));

        if (!is_int(rc, c->boundary == NULL ? JM_INVALID : JM_OK, "\"%s\"",
                    c->type)
            || rc != JM_OK)
        {
            continue;
        }

        s.data = m.delimiter + 4;
        s.len = m.delimiter_len - 4;
        is_str(s, c->boundary, "its boundary");
    }

    is_int(jm_multipart_init(&m, str(NULL)), JM_INVALID, "no Content-Type");
}


static void
test_forms(void)
{
    size_t              i;
    const form_case_t  *c;

    for (i = 0; i < jm_nitems(form_cases); i++) {
        c = &form_cases[i];
        is_form(c->type, c->body, c->expected, c->what);
    }
}


/* a name of so many characters, written in two or three bytes each */

static void
test_name(size_t len, size_t kept, const char *escape)
{
    size_t       i, n;
    char         what[64];
    jm_str_t     body;
    static char  space[1024], expected[1024];

    n = (size_t) snprintf(space, sizeof(space), "--xx\r\n" CD "name=\"");

    for (i = 0; i < len; i++) {
        n += (size_t) snprintf(space + n, sizeof(space) - n, "%s", escape);
    }

    n += (size_t) snprintf(space + n, sizeof(space) - n,
                           "\"; filename=b\r\n\r\n1\r\n--xx--");

    memset(expected, '"', kept);
    (void) snprintf(expected + kept, sizeof(expected) - kept, "*=[1]");
    (void) snprintf(what, sizeof(what), "a name of %zu times %s", len, escape);

    body.data = (const uint8_t *) space;
    body.len = n;
    is_form(TYPE, body, expected, what);
}


/* header lines of so many bytes, the empty one among them */

static void
test_headers(size_t len, const char *expected)
{
    char         what[64];
    size_t       n;
    jm_str_t     body;
    static char  space[8192];

    n = (size_t) snprintf(space, sizeof(space),
                          "--xx\r\n" CD "name=\"a\"\r\nX: ");
    memset(space + n, 'y', len);
    n = len + strlen("--xx\r\n") - strlen("\r\n\r\n");
    n += (size_t) snprintf(space + n, sizeof(space) - n,
                           "\r\n\r\n1\r\n--xx--");

    (void) snprintf(what, sizeof(what), "%zu bytes of header lines", len);

    body.data = (const uint8_t *) space;
    body.len = n;
    is_form(TYPE, body, expected, what);
}


static void
test_parts(size_t parts)
{
    size_t       i, n;
    char         what[64];
    jm_str_t     body;
    static char  space[8192], expected[8192];

    for (i = 0, n = 0; i < parts; i++) {
        n += (size_t) snprintf(space + n, sizeof(space) - n, A "1\r\n");
        memcpy(expected + 6 * i, " a=[1]", 7);
    }

    n += (size_t) snprintf(space + n, sizeof(space) - n, "--xx--");
    (void) snprintf(what, sizeof(what), "%zu parts", parts);

    body.data = (const uint8_t *) space;
    body.len = n;
    is_form(TYPE, body, parts <= JM_MULTIPART_PARTS
                        ? expected + 1 : "! has more than 64 parts", what);
}


/* offsets do not wrap where 32 bits end */

static void
test_long(void)
{
    uint64_t        left;
    jm_str_t        piece, tail;
    const char     *why;
    static uint8_t  data[1 << 20];

    memset(data, '\n', sizeof(data));
    piece.data = data;
    tail = str(A);

    (void) jm_multipart_init(&m, str(TYPE));
    (void) jm_multipart_add(&m, tail, &why);

    for (left = 5000000000; left != 0; left -= piece.len) {
        piece.len = (size_t) jm_min(left, sizeof(data));
        (void) jm_multipart_add(&m, piece, &why);
    }

    (void) jm_multipart_add(&m, str("\r\n" A "1\r\n--xx--"), &why);

    is_int(jm_multipart_end(&m, &why), JM_OK, "a value of 5 GB");
    is_int((int64_t) m.parts[0].offset, (int64_t) tail.len, "its offset");
    is_int((int64_t) m.parts[0].len, 5000000000, "its length");
    is_int((int64_t) m.parts[1].offset,
           5000000000 + 2 * (int64_t) tail.len + 2, "the offset of the next");
}


int
main(void)
{
    test_types();
    test_forms();

    test_name(JM_MULTIPART_NAME - 1, JM_MULTIPART_NAME - 1, "\\\"");
    test_name(JM_MULTIPART_NAME, JM_MULTIPART_NAME, "%22");
    test_name(JM_MULTIPART_NAME + 1, JM_MULTIPART_NAME, "%22");
    test_name(JM_MULTIPART_NAME + 99, JM_MULTIPART_NAME, "\\\"");

    test_headers(JM_MULTIPART_HEADERS, "a=[1]");
    test_headers(JM_MULTIPART_HEADERS + 1,
                 "! has a part with more than 4 KB of header lines");

    test_parts(JM_MULTIPART_PARTS);
    test_parts(JM_MULTIPART_PARTS + 1);

    test_long();

    return done_testing();
}
