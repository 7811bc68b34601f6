
/*
 * The JSON reader: what is read and what is refused, the limits, and every
 * allocation that can fail.
 *
 * The checks before yajl were seen to matter: without them each of the texts
 * under "yajl takes" below is read as if nothing were wrong.
 */


#include "tap.h"
#include "jm_json.h"
#include "jm_text.h"


#define NOT_JSON    "is not valid JSON"
#define NOT_UTF8    "is not valid UTF-8"
#define EMPTY       "is empty"
#define TOO_DEEP    "is nested too deeply"
#define TOO_MANY    "has too many values"


typedef struct {
    const char      *text;
    const char      *why;
} bad_case_t;

typedef struct {
    const char      *text;
    const char      *expected;      /* when written again; NULL: the same */
} good_case_t;


static const bad_case_t  bad_cases[] = {
    { "", EMPTY },
    { " ", EMPTY },
    { " \t\r\n ", EMPTY },

    { "{", NOT_JSON },
    { "[", NOT_JSON },
    { "}", NOT_JSON },
    { "]", NOT_JSON },
    { "{]", NOT_JSON },
    { "[}", NOT_JSON },
    { "{\"a\"", NOT_JSON },
    { "{\"a\":", NOT_JSON },
    { "{\"a\":1", NOT_JSON },
    { "{\"a\":1,", NOT_JSON },
    { "{\"a\":1,}", NOT_JSON },
    { "{,}", NOT_JSON },
    { "{\"a\"}", NOT_JSON },
    { "{\"a\" \"b\"}", NOT_JSON },
    { "{\"a\":}", NOT_JSON },
    { "{a:1}", NOT_JSON },
    { "{1:1}", NOT_JSON },
    { "{\"a\":1 \"b\":2}", NOT_JSON },
    { "{'a':1}", NOT_JSON },
    { "[1,]", NOT_JSON },
    { "[,1]", NOT_JSON },
    { "[1 2]", NOT_JSON },
    { "[1", NOT_JSON },
    { "[1,", NOT_JSON },
    { "\"abc", NOT_JSON },
    { "\"abc\\", NOT_JSON },
    { "\"abc\\\"", NOT_JSON },
    { "\\", NOT_JSON },
    { "\"a\nb\"", NOT_JSON },
    { "\"a\tb\"", NOT_JSON },
    { "\"a\x01" "b\"", NOT_JSON },
    { "\"\\x41\"", NOT_JSON },
    { "\"\\u12\"", NOT_JSON },
    { "\"\\u12g4\"", NOT_JSON },
    { "\"\\u", NOT_JSON },
    { "\"\\ud83", NOT_JSON },
    { "'a'", NOT_JSON },
    { "tru", NOT_JSON },
    { "True", NOT_JSON },
    { "truee", NOT_JSON },
    { "nul", NOT_JSON },
    { "falsy", NOT_JSON },
    { "undefined", NOT_JSON },
    { "NaN", NOT_JSON },
    { "Infinity", NOT_JSON },
    { "-Infinity", NOT_JSON },
    { "-", NOT_JSON },
    { "+1", NOT_JSON },
    { "01", NOT_JSON },
    { "-01", NOT_JSON },
    { "[01]", NOT_JSON },
    { ".5", NOT_JSON },
    { "1.", NOT_JSON },
    { "[1.]", NOT_JSON },
    { "1e", NOT_JSON },
    { "1e+", NOT_JSON },
    { "0x1", NOT_JSON },
    { "1_000", NOT_JSON },
    { "// c\n1", NOT_JSON },
    { "/* c */ 1", NOT_JSON },
    { "[1] // c", NOT_JSON },
    { "\xef\xbb\xbf{}", NOT_JSON },

    { "1 2", NOT_JSON },
    { "{} {}", NOT_JSON },
    { "{},", NOT_JSON },
    { "{}]", NOT_JSON },
    { "{}}", NOT_JSON },
    { "{}x", NOT_JSON },
    { "null null", NOT_JSON },
    { "\"a\" \"b\"", NOT_JSON },

    /* yajl takes an unterminated string behind the value */
    { "{} \"abc", NOT_JSON },
    { "1 \"", NOT_JSON },

    /* yajl takes VT and FF for white space */
    { "{\v}", NOT_JSON },
    { "\f{}", NOT_JSON },
    { "[1,\v2]", NOT_JSON },

    /* yajl takes half a surrogate pair, and swallows the character behind */
    { "\"\\ud800\"", NOT_JSON },
    { "\"\\uD83D\"", NOT_JSON },
    { "\"\\udc00\"", NOT_JSON },
    { "\"\\uDFFF\"", NOT_JSON },
    { "\"\\ud800abc\"", NOT_JSON },
    { "\"\\ud800\xe4\xb8\x80\"", NOT_JSON },
    { "\"\\ud800\\n\"", NOT_JSON },
    { "\"\\ud800\\u0041\"", NOT_JSON },
    { "\"\\ud800\\ud800\"", NOT_JSON },
    { "\"\\ud800\\ud800\\udc00\"", NOT_JSON },
    { "\"\\udc00\\ud800\"", NOT_JSON },
    { "{\"\\ud800\":1}", NOT_JSON },
    { "\"\\\\\\ud800\"", NOT_JSON },

    /* yajl takes overlong forms, surrogates and what is over U+10FFFF */
    { "\"\xc0\xaf\"", NOT_UTF8 },
    { "\"\xe0\x80\xaf\"", NOT_UTF8 },
    { "\"\xed\xa0\x80\"", NOT_UTF8 },
    { "\"\xf4\x90\x80\x80\"", NOT_UTF8 },

    { "\"\x80\"", NOT_UTF8 },
    { "\"\xc3\"", NOT_UTF8 },
    { "\"\xff\"", NOT_UTF8 },
    { "{\"\xe4\xb8\":1}", NOT_UTF8 },
    { "\xff", NOT_UTF8 },
    { "{\"a\":1}\xc3", NOT_UTF8 }
};


static const good_case_t  good_cases[] = {
    { "null", NULL },
    { "true", NULL },
    { "false", NULL },
    { "0", NULL },
    { "-0", NULL },
    { "-0.0e-0", NULL },
    { "1e400", NULL },
    { "15977608121972527084", NULL },
    { "0.1234567890123456789012345678901234567890", NULL },
    { "1E+05", NULL },
    { "[1,2.50,-3e4]", NULL },
    { "\"\"", NULL },
    { "\"abc\"", NULL },
    { "\"a/b\"", NULL },
    { "\"a\\/b\"", "\"a/b\"" },
    { "\"\\\"\\\\\\b\\f\\n\\r\\t\"", NULL },
    { "\"\\u0041\\u00e9\\u4e00\"", "\"A\xc3\xa9\xe4\xb8\x80\"" },
    { "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
    { "\"\\uD83D\\uDE00x\"", "\"\xf0\x9f\x98\x80x\"" },
    { "\"\\udbff\\udfff\"", "\"\xf4\x8f\xbf\xbf\"" },
    { "\"\\\\ud800\"", NULL },
    { "\"\\\\\\\\ud800\"", NULL },
    { "\"\\ud7ff\\ue000\"", "\"\xed\x9f\xbf\xee\x80\x80\"" },
    { "\"\\u0000\"", "\"\\u0000\"" },
    { "\"a\\u0000b\"", "\"a\\u0000b\"" },
    { "\"\\u001f\\u007f\"", "\"\\u001F\x7f\"" },
    { "\"\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8c\xab\"", NULL },
    { "[]", NULL },
    { "{}", NULL },
    { "[[],{},[[]],{\"a\":{}}]", NULL },
    { " [ 1 , \"a\" ,\t{ \"b\" : null }\r\n] ", "[1,\"a\",{\"b\":null}]" },
    { "{\"a\":1,\"a\":2}", NULL },
    { "{\"\":\"\"}", NULL },
    { "{\"a\\nb\":1,\"\\u4e00\":2}", "{\"a\\nb\":1,\"\xe4\xb8\x80\":2}" },
    { "\n1\n", "1" },
    { "1 ", "1" },
    { " \"x\" ", "\"x\"" }
};


static const jm_json_limits_t  wide = { 64, 1000 };


static void
write_tree(jm_json_writer_t *w, const jm_json_t *node)
{
    char        key[64];
    jm_json_t  *child;

    switch (node->type) {

    case JM_JSON_NULL:
        jm_json_null(w);
        break;

    case JM_JSON_BOOL:
        jm_json_bool(w, node->boolean);
        break;

    case JM_JSON_NUMBER:
        jm_json_raw(w, node->text);
        break;

    case JM_JSON_STRING:
        jm_json_string(w, node->text);
        break;

    case JM_JSON_ARRAY:
        jm_json_array(w);

        for (child = node->child; child != NULL; child = child->next) {
            write_tree(w, child);
        }

        jm_json_end_array(w);
        break;

    case JM_JSON_OBJECT:
        jm_json_object(w);

        for (child = node->child; child != NULL; child = child->next) {
            snprintf(key, sizeof(key), "%.*s", (int) child->key.len,
                     (const char *) child->key.data);
            jm_json_name(w, key);
            write_tree(w, child);
        }

        jm_json_end_object(w);
        break;
    }
}


static void
test_bad(void)
{
    size_t       i;
    jm_rc_e      rc;
    jm_str_t     s;
    tap_mem_t    m;
    jm_json_t   *root;
    const char  *why;

    for (i = 0; i < jm_nitems(bad_cases); i++) {
        tap_mem_init(&m, 0);

        s = exact(str(bad_cases[i].text));
        why = NULL;
        rc = jm_json_read(&root, s, &wide, &m.mem, &why);

        tap_dump("text: ", s.data, s.len);
        is_int(rc, JM_INVALID, "it is refused");
        is_cstr(why, bad_cases[i].why, "for its reason");
        ok(root == NULL, "without a tree");

        tap_mem_done(&m);
        exact_done(s);
    }

    tap_mem_init(&m, 0);

    rc = jm_json_read(&root, str(NULL), &wide, &m.mem, &why);
    is_int(rc, JM_INVALID, "no text at all is refused");
    is_cstr(why, EMPTY, "as empty");

    s = exact((jm_str_t) jm_string("[1\0]"));
    rc = jm_json_read(&root, s, &wide, &m.mem, &why);
    is_int(rc, JM_INVALID, "a zero is no white space");
    exact_done(s);

    s = exact((jm_str_t) jm_string("1\0"));
    rc = jm_json_read(&root, s, &wide, &m.mem, &why);
    is_int(rc, JM_INVALID, "nor behind the value");
    exact_done(s);

    tap_mem_done(&m);
}


static void
test_good(void)
{
    char               out[512];
    size_t             i;
    jm_rc_e            rc;
    jm_str_t           s;
    jm_buf_t           b;
    tap_mem_t          m;
    jm_json_t         *root;
    const char        *why;
    jm_json_writer_t   w;

    for (i = 0; i < jm_nitems(good_cases); i++) {
        tap_mem_init(&m, 0);

        s = exact(str(good_cases[i].text));
        tap_dump("text: ", s.data, s.len);

        rc = jm_json_read(&root, s, &wide, &m.mem, &why);

        if (is_int(rc, JM_OK, "it is read")) {
            jm_buf_fixed(&b, out, sizeof(out));
            jm_json_open(&w, &b);
            write_tree(&w, root);

            is_int(jm_json_close(&w), JM_OK, "and written again");
            is_str(jm_buf_view(&b), good_cases[i].expected != NULL
                                    ? good_cases[i].expected
                                    : good_cases[i].text, "as it should be");
        }

        tap_mem_done(&m);
        exact_done(s);
    }
}


static int
within(jm_str_t v, jm_str_t text)
{
    return v.data >= text.data && v.data + v.len <= text.data + text.len;
}


static void
test_tree(void)
{
    size_t       live;
    jm_str_t     s, zero;
    tap_mem_t    m;
    jm_json_t   *root, *node;
    const char  *why;

    tap_mem_init(&m, 0);

    s = str("{\"a\":[1,\"x\",true,false,null,{}],\"b\":\"p\\u0000q\","
            "\"c\":\"plain\",\"k\\ney\":-1.50e1,\"a\":\"last\",\"\":0}");

    is_int(jm_json_read(&root, s, &wide, &m.mem, &why), JM_OK, "a tree");
    live = m.live;

    is_int(root->type, JM_JSON_OBJECT, "an object");
    is_int((int64_t) root->count, 6, "of six members");
    is_int((int64_t) root->key.len, 0, "the root has no key");
    ok(root->next == NULL, "nor a next");

    node = root->child;
    is_str(node->key, "a", "the first member's key");
    ok(within(node->key, s), "is a view");
    is_int(node->type, JM_JSON_ARRAY, "an array");
    is_int((int64_t) node->count, 6, "of six values");

    node = node->child;
    is_int(node->type, JM_JSON_NUMBER, "a number");
    is_str(node->text, "1", "as text");
    ok(within(node->text, s), "that is a view");
    is_int((int64_t) node->key.len, 0, "a value of an array has no key");

    node = node->next;
    is_int(node->type, JM_JSON_STRING, "a string");
    is_str(node->text, "x", "its text");

    node = node->next;
    is_int(node->type, JM_JSON_BOOL, "a bool");
    is_int(node->boolean, 1, "true");

    node = node->next;
    is_int(node->type, JM_JSON_BOOL, "a bool");
    is_int(node->boolean, 0, "false");

    node = node->next;
    is_int(node->type, JM_JSON_NULL, "null");

    node = node->next;
    is_int(node->type, JM_JSON_OBJECT, "an object");
    is_int((int64_t) node->count, 0, "that is empty");
    ok(node->child == NULL && node->next == NULL, "and the last");

    zero.data = (const uint8_t *) "p\0q";
    zero.len = 3;
    node = jm_json_get(root, "b");
    ok(node != NULL, "a member by its name");
    is_bytes(node->text, zero, "an escaped zero is a byte");
    ok(!within(node->text, s), "of a copy");

    node = jm_json_get(root, "c");
    ok(within(node->text, s), "a plain string is a view");

    node = jm_json_get(root, "k\ney");
    ok(node != NULL, "a key with an escape");
    ok(!within(node->key, s), "is a copy");
    is_str(node->text, "-1.50e1", "a number stays as it was written");

    is_str(jm_json_get(root, "a")->text, "last", "of equal keys the last");
    is_str(jm_json_get(root, "")->text, "0", "the empty key");

    ok(jm_json_get(root, "x") == NULL, "a name that is not there");
    ok(jm_json_get(root, "aa") == NULL, "a name that starts like one");
    ok(jm_json_get(root->child, "a") == NULL, "no member of an array");
    ok(jm_json_get(NULL, "a") == NULL, "no member of nothing");

    is_int((int64_t) live, 13 + 2, "13 nodes and 2 copies are what is left");

    tap_mem_done(&m);
    tap_mem_init(&m, 0);

    s = exact(str("12"));
    is_int(jm_json_read(&root, s, &wide, &m.mem, &why), JM_OK,
           "a number that ends with the text");
    is_str(root->text, "12", "is whole");
    is_int((int64_t) m.live, 2, "and outlives the parser as a copy");

    tap_mem_done(&m);
    exact_done(s);
}


static jm_rc_e
read_limited(const char *text, size_t depth, size_t nodes, const char **why)
{
    jm_rc_e           rc;
    tap_mem_t         m;
    jm_json_t        *root;
    jm_json_limits_t  limits;

    tap_mem_init(&m, 0);

    limits.depth = depth;
    limits.nodes = nodes;
    *why = "";
    rc = jm_json_read(&root, str(text), &limits, &m.mem, why);

    tap_mem_done(&m);

    return rc;
}


static void
test_limits(void)
{
    size_t        i;
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_json_t    *root;
    const char   *why;
    static char   deep[20001];

    rc = read_limited("1", 0, 10, &why);
    is_int(rc, JM_OK, "depth 0 takes a number");
    rc = read_limited("[]", 0, 10, &why);
    is_int(rc, JM_INVALID, "but no array");
    is_cstr(why, TOO_DEEP, "as that would be too deep");
    rc = read_limited("{}", 0, 10, &why);
    is_int(rc, JM_INVALID, "nor an object");

    rc = read_limited("[{\"a\":[]},{\"b\":[1]}]", 3, 10, &why);
    is_int(rc, JM_OK, "three levels within three");
    rc = read_limited("[{\"a\":[]},{\"b\":[1]}]", 2, 10, &why);
    is_int(rc, JM_INVALID, "but not within two");
    is_cstr(why, TOO_DEEP, "as they are too deep");

    rc = read_limited("[1,{\"a\":2,\"b\":[]}]", 9, 5, &why);
    is_int(rc, JM_OK, "five values within five");
    rc = read_limited("[1,{\"a\":2,\"b\":[]}]", 9, 4, &why);
    is_int(rc, JM_INVALID, "but not within four");
    is_cstr(why, TOO_MANY, "as they are too many");
    rc = read_limited("1", 9, 0, &why);
    is_int(rc, JM_INVALID, "no value within none");

    rc = read_limited("[[[1,2", 2, 10, &why);
    is_cstr(why, TOO_DEEP, "the first thing that is wrong counts");
    is_int(rc, JM_INVALID, "whatever follows");

    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);

    rc = read_limited(deep, 32, 100000, &why);
    is_int(rc, JM_INVALID, "10,000 levels");
    is_cstr(why, TOO_DEEP, "are too deep");

    rc = read_limited(deep, 10000, 100000, &why);
    is_int(rc, JM_OK, "unless they are allowed");

    rc = read_limited(deep, SIZE_MAX, SIZE_MAX, &why);
    is_int(rc, JM_OK, "or there is no limit");

    deep[19999] = '\0';
    rc = read_limited(deep, SIZE_MAX, SIZE_MAX, &why);
    is_cstr(why, NOT_JSON, "one bracket short they are no JSON");
    is_int(rc, JM_INVALID, "however deep");

    for (i = 0; i < 20000; i++) {
        deep[i] = "{\"a\":"[i % 5];
    }

    rc = read_limited(deep, 32, 100000, &why);
    is_int(rc, JM_INVALID, "4,000 objects within each other");
    is_cstr(why, TOO_DEEP, "are too deep");

    tap_mem_init(&m, 0);
    jm_json_read(&root, str(deep), &wide, &m.mem, &why);
    ok(m.bytes < 20000, "and take no memory to speak of");
    tap_mem_done(&m);
}


/* text that makes the reader allocate in all the ways it can */

static void
test_read_failures(void)
{
    size_t            n, i;
    jm_rc_e           rc;
    tap_mem_t         m;
    jm_json_t        *root;
    const char       *why;
    static char       text[16384];
    jm_json_limits_t  limits;

    limits.depth = 1000;
    limits.nodes = 1000;

    /* over 128 levels, and an escaped string over 2048 bytes, grow buffers */

    n = (size_t) snprintf(text, sizeof(text), "{\"k\\ney\":1,\"s\":\"\\n");

    for (i = 0; i < 5000; i++) {
        text[n++] = 'x';
    }

    text[n++] = '"';
    text[n++] = ',';
    memcpy(text + n, "\"d\":", 4);
    n += 4;
    memset(text + n, '[', 140);
    memset(text + n + 140, ']', 140);
    n += 280;
    text[n++] = '}';

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);

        rc = jm_json_read(&root, str(text), &limits, &m.mem, &why);

        if (tap_mem_unfailed(&m)) {
            break;
        }

        if (rc != JM_ERROR || root != NULL) {
            ok(0, "allocation %zu fails", n);
        }

        tap_mem_done(&m);
    }

    is_int(rc, JM_OK, "after the failure of each allocation it works");
    ok(n > 140, "there were %zu of them", n - 1);
    is_int((int64_t) m.live, 1 + 3 + 139 + 2,
           "what is left is the tree and its copies");

    tap_mem_done(&m);

    /* the number that ends with the text comes from a buffer of its own */

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        rc = jm_json_read(&root, str("12"), &limits, &m.mem, &why);

        if (tap_mem_unfailed(&m)) {
            break;
        }

        is_int(rc, JM_ERROR, "a number, allocation %zu fails", n);
        tap_mem_done(&m);
    }

    is_int(rc, JM_OK, "and works when none does");
    tap_mem_done(&m);

    /* nothing of the parser is left when the text is bad, either */

    tap_mem_init(&m, 0);
    rc = jm_json_read(&root, str("[\"a\\n\",1,x"), &limits, &m.mem, &why);
    is_int(rc, JM_INVALID, "bad text");
    is_int((int64_t) m.live, 4, "leaves what the tree had, and no parser");
    tap_mem_done(&m);
}


int
main(void)
{
    test_bad();
    test_good();
    test_tree();
    test_limits();
    test_read_failures();

    return done_testing();
}
