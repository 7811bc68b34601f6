
/*
 * The skeleton of a JSON text: what stays, what is taken out and where it was,
 * at every split into two pieces and byte by byte.
 *
 * Guards against a picture of one client's being looked for at the wrong place
 * of the body; seen failing with an escaped quote at the start of a piece
 * taken for the end of a string.
 */


#include "tap.h"
#include "jm_json.h"
#include "jm_skeleton.h"


#define MAX         8       /* bytes of a string that stays */
#define STRINGS     4


typedef struct {
    const char      *text;
    const char      *skeleton;
    const char      *strings[STRINGS];      /* raw, those taken out */
} case_t;


static const case_t  cases[] = {
    { "", "", { NULL } },
    { "{}", "{}", { NULL } },
    { " [ 1 , true ] ", " [ 1 , true ] ", { NULL } },
    { "\"\"", "\"\"", { NULL } },
    { "\"12345678\"", "\"12345678\"", { NULL } },
    { "\"123456789\"", "\"...\"", { "123456789" } },
    { "{\"image\":\"iVBORw0KGgo=\",\"n\":1}", "{\"image\":\"...\",\"n\":1}",
      { "iVBORw0KGgo=" } },
    { "[\"aaaaaaaaa\",\"b\",\"ccccccccccc\",\"...\"]",
      "[\"...\",\"b\",\"...\",\"...\"]", { "aaaaaaaaa", "ccccccccccc" } },

    /* a key is a string as any */
    { "{\"kkkkkkkkkk\":\"vvvvvvvvvv\",\"k\":{}}", "{\"...\":\"...\",\"k\":{}}",
      { "kkkkkkkkkk", "vvvvvvvvvv" } },

    /* escapes count as they are written */
    { "[\"\\\"\\\"\\\"\\\"\"]", "[\"\\\"\\\"\\\"\\\"\"]", { NULL } },
    { "[\"\\\"\\\"\\\"\\\"\\\"\"]", "[\"...\"]",
      { "\\\"\\\"\\\"\\\"\\\"" } },
    { "[\"\\\\\",\"\\\\\\\"\",\"1234567\\\\\",\"x\"]",
      "[\"\\\\\",\"\\\\\\\"\",\"...\",\"x\"]", { "1234567\\\\" } },
    { "[\"a\\/b\\/c\\/d\\/e\",\"\\u0022\\u0022\"]", "[\"...\",\"...\"]",
      { "a\\/b\\/c\\/d\\/e", "\\u0022\\u0022" } },
    { "[\"12345678\\\"\"]", "[\"...\"]", { "12345678\\\"" } },
    { "[\"[{\\\",:}]\"]", "[\"[{\\\",:}]\"]", { NULL } },
    { "[\"[{\\\"],,,:}]\"]", "[\"...\"]", { "[{\\\"],,,:}]" } },

    /* a character is not cut in two */
    { "[\"\xe7\x8c\xab\xe7\x8c\xab\",\"\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab\"]",
      "[\"\xe7\x8c\xab\xe7\x8c\xab\",\"...\"]",
      { "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab" } },

    /* what is no JSON */
    { "{\"a\":\"123456789", "{\"a\":\"...", { "" } },
    { "\\\"12345678", "\\\"12345678", { NULL } },
    { "\"123456789\"x\"", "\"...\"x\"", { "123456789" } },
    { "[\"1234567\\", "[\"1234567\\", { NULL } }
};


/* adds text in pieces of split, and then of more bytes */

static jm_rc_e
add_pieces(jm_skeleton_t *s, jm_str_t text, size_t split, size_t more)
{
    size_t    n;
    jm_rc_e   rc;
    jm_str_t  piece;

    rc = JM_OK;

    while (text.len != 0) {
        n = jm_min(split, text.len);
        split = more;

        piece.data = text.data;
        piece.len = n;

        piece = exact(piece);
        rc = jm_skeleton_add(s, piece);
        exact_done(piece);

        text.data += n;
        text.len -= n;
    }

    return rc;
}


static unsigned
same(jm_str_t a, jm_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static unsigned
check_case(const case_t *c, size_t split, size_t more)
{
    size_t         i;
    jm_buf_t       b;
    jm_str_t       raw;
    unsigned       good;
    tap_mem_t      m;
    jm_skeleton_t  s;

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1, 1024);
    memset(&s, 0xa5, sizeof(jm_skeleton_t));
    jm_skeleton_init(&s, &b, MAX);

    good = add_pieces(&s, str(c->text), split, more) == JM_OK
           && same(jm_buf_view(&b), str(c->skeleton));

    for (i = 0; i < STRINGS && c->strings[i] != NULL; i++) {
        good = good && i < s.nstrings;

        if (good) {
            raw.data = (const uint8_t *) c->text + s.strings[i].offset;
            raw.len = (size_t) s.strings[i].len;

            good = same(raw, str(c->strings[i]))
                   && memcmp(b.data + s.strings[i].at, "...", 3) == 0;
        }
    }

    good = good && s.nstrings == i;

    tap_mem_done(&m);

    return good;
}


static void
test_cases(void)
{
    size_t         i, split, len;
    unsigned       good;
    const case_t  *c;

    for (i = 0; i < jm_nitems(cases); i++) {
        c = &cases[i];
        len = strlen(c->text);
        good = check_case(c, 1, 1) && check_case(c, 2, 2);

        for (split = 0; split <= len; split++) {
            good = good && check_case(c, split, jm_max(len, 1));
        }

        ok((int) good, "%s is %s", c->text, c->skeleton);
    }
}


/* a text that is read as a tree tells the stand-ins from its own strings */

static void
test_find(void)
{
    jm_buf_t                     b;
    tap_mem_t                    m;
    jm_json_t                   *root, *node;
    const char                  *why;
    jm_skeleton_t                s;
    jm_json_limits_t             limits;
    const jm_skeleton_string_t  *string;
    static const char            text[] =
        "{\"a\":\"...\",\"123456789\":\"123456789\",\"c\":\"\\u002e..\","
        "\"d\":\"\",\"e\":[\"0123456789\"]}";

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1, 1024);
    jm_skeleton_init(&s, &b, MAX);
    add_pieces(&s, str(text), 5, 5);

    limits.depth = 8;
    limits.nodes = 16;
    is_int(jm_json_read(&root, jm_buf_view(&b), &limits, &m.mem, &why), JM_OK,
           "it is JSON");

    node = root->child;
    ok(jm_skeleton_find(&s, node->text) == NULL,
       "a client's string that looks like a stand-in is none");

    node = node->next;
    ok(jm_skeleton_find(&s, node->key) == &s.strings[0], "a key is found");

    string = jm_skeleton_find(&s, node->text);
    ok(string == &s.strings[1], "a string is found");
    is_int((int64_t) string->offset, strstr(text, ":\"1234") + 2 - text,
           "where it was");
    is_int((int64_t) string->len, 9, "and its length");

    node = node->next;
    is_str(node->text, "...", "an escaped one");
    ok(jm_skeleton_find(&s, node->text) == NULL, "is none");
    ok(jm_skeleton_find(&s, node->next->text) == NULL, "nor is an empty one");
    ok(jm_skeleton_find(&s, str("...")) == NULL, "nor one of another text");
    ok(jm_skeleton_find(&s, str(NULL)) == NULL, "nor nothing");

    node = jm_json_get(root, "e")->child;
    ok(jm_skeleton_find(&s, node->text) == &s.strings[2],
       "one within an array is found");

    tap_mem_done(&m);
}


static void
test_limits(void)
{
    char           text[1024];
    char           fixed[64];
    size_t         i;
    jm_buf_t       b;
    jm_str_t       first;
    tap_mem_t      m;
    jm_skeleton_t  s;

    /* strings */

    strcpy(text, "[");

    for (i = 0; i <= JM_SKELETON_STRINGS; i++) {
        strcat(text, "\"123456789\",");
    }

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1, 1024);
    jm_skeleton_init(&s, &b, MAX);

    first = str(text);
    first.len = 1 + JM_SKELETON_STRINGS * strlen("\"123456789\",");

    is_int(add_pieces(&s, first, 7, 7), JM_OK,
           "as many strings as there is room for");
    is_int((int64_t) s.nstrings, JM_SKELETON_STRINGS, "are all taken out");
    tap_mem_done(&m);

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1, 1024);
    jm_skeleton_init(&s, &b, MAX);
    is_int(add_pieces(&s, str(text), 7, 7), JM_INVALID, "one more");
    is_int(jm_skeleton_add(&s, str("1")), JM_INVALID, "for good");
    tap_mem_done(&m);

    /* bytes */

    memset(text, 'x', sizeof(text) - 1);
    text[0] = '"';
    text[sizeof(text) - 1] = '\0';

    jm_buf_fixed(&b, fixed, 1 + MAX);
    jm_skeleton_init(&s, &b, MAX);
    is_int(add_pieces(&s, str(text), 1, 1), JM_OK,
           "a long string needs no room but for what may stay");
    is_int((int64_t) s.strings[0].offset, 1, "it begins there");

    jm_buf_fixed(&b, fixed, sizeof(fixed));
    jm_skeleton_init(&s, &b, MAX);
    memset(text, ' ', sizeof(text) - 1);
    is_int(add_pieces(&s, str(text), 10, 10), JM_ERROR,
           "all else has to be within the buffer's cap");
    is_int(jm_skeleton_add(&s, str("1")), JM_ERROR, "for good, too");

    tap_mem_init(&m, 2);
    jm_buf_init(&b, &m.mem, 1, 1024);
    jm_skeleton_init(&s, &b, MAX);
    is_int(add_pieces(&s, str(text), 10, 10), JM_ERROR, "memory runs out");
    tap_mem_done(&m);
}


int
main(void)
{
    test_cases();
    test_find();
    test_limits();

    return done_testing();
}
