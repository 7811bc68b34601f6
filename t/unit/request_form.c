
/*
 * A request as a form: each field by its name, pictures as files and as text,
 * and everything that is to be refused.
 *
 * Guards against a picture that got lost on its way and a task that is billed
 * all the same; seen failing with files in other fields ignored.
 */


#include "request.h"
#include "jm_field.h"
#include "jm_visual.h"


#define PARTS     20
#define OFFSET    1000      /* of part i: i * OFFSET */

#define FILE_LEN  77

#define INPAINT   "jimeng_image2image_dream_inpaint"
#define BASE64    "iVBORw0KGgo="


/*
 * value NULL: a file; AWAY: a text that was not kept; NOTHING: a file that a
 * browser's user has not chosen; FOREIGN: text of another charset
 */

typedef struct {
    const char      *name;
    const char      *value;
} part_t;

typedef struct {
    part_t           parts[PARTS];
    const char      *sent;
} sent_case_t;

typedef struct {
    part_t           parts[PARTS];
    const char      *params;        /* with the type, and a space behind */
} image_case_t;

typedef struct {
    part_t           parts[PARTS];
    jm_cause_e       cause;
    const char      *param;
    const char      *part;          /* of the message */
} bad_case_t;


static const char  away[] = "(not kept)";
static const char  nothing[] = "";
static const char  foreign[] = "1";

#define AWAY     away
#define NOTHING  nothing
#define FOREIGN  foreign
#define P     { "prompt", "a cat" }
#define KEY   "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":\"a cat\","
#define ONE   "\"force_single\":true}"
#define BAD   JM_CAUSE_INVALID_REQUEST


static const sent_case_t  sent_cases[] = {
    { { P }, KEY ONE },
    { { { "prompt", "first" }, P }, KEY ONE },
    { { P, { "size", "2048x2048" } },
      KEY "\"width\":2048,\"height\":2048," ONE },
    { { P, { "size", "4194304" } }, KEY "\"size\":4194304," ONE },
    { { P, { "width", "2560" }, { "height", " 1440 " } },
      KEY "\"width\":2560,\"height\":1440," ONE },
    { { P, { "scale", "0.5" } }, KEY "\"scale\":0.5," ONE },
    { { P, { "force_single", "false" } },
      KEY "\"force_single\":false}" },
    { { P, { "extra_body", "{\"force_single\":false,\"scale\":0.1}" },
        { "scale", "1" } },
      KEY "\"scale\":1,\"force_single\":false}" },

    /* a text stays one, whatever it looks like */
    { { { "prompt", "true" } },
      "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":\"true\"," ONE },
    { { { "prompt", "\"12\"" } },
      "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":\"\\\"12\\\"\"," ONE },

    /* nothing is nothing, and the unknown is ignored */
    { { P, { "size", "" }, { "n", "" }, { "image", "" }, { "image[]", "" },
        { "unknown", "x" }, { "prompt[]", "y" }, { "prompt[0]", "y" },
        { "size[x]", "y" }, { "seed[x]", "y" }, { "image[0]", "" },
        { "[]", "y" }, { "]", "y" }, { "", "y" }, { "unknown", AWAY },
        { "image_size", "y" }, { "num_images", "2" }, { "_charset_", "" } },
      KEY ONE },
    { { P, { "image", NOTHING }, { "image[]", NOTHING }, { "mask", NOTHING },
        { "prompt", NOTHING }, { "unknown", NOTHING }, { "", NOTHING },
        { "_charset_", "Utf-8" } }, KEY ONE },
    { { { "extra_body[prompt]", "12" }, { "extra_body[scale]", "0.1" },
        { "extra_body[force_single]", "0" },
        { "extra_body[image_urls]", "[\"http://h/\"]" } },
      "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":\"12\","
      "\"image_urls\":[\"http://h/\"],\"scale\":0.1,"
      "\"force_single\":false}" },
    { { P, { "image", "http://h/1" }, { "image[]", "http://h/2" } },
      KEY "\"image_urls\":[\"http://h/1\",\"http://h/2\"]," ONE },
    { { { "model", "jimeng_t2i_v30" }, P, { "seed", "7" },
        { "use_pre_llm", "true" } },
      "{\"req_key\":\"jimeng_t2i_v30\",\"prompt\":\"a cat\",\"seed\":7,"
      "\"use_pre_llm\":true}" },
    { { { "model", "jimeng_t2i_v30" }, P, { "seed", "1" },
        { "use_pre_llm", "0" } },
      "{\"req_key\":\"jimeng_t2i_v30\",\"prompt\":\"a cat\",\"seed\":1,"
      "\"use_pre_llm\":false}" }
};


static const image_case_t  image_cases[] = {
    { { P, { "image", NULL } }, "image:bytes " },
    { { { "image[]", NULL }, P, { "image[]", NULL } },
      "image[0]:bytes image[1]:bytes " },
    { { P, { "image", NULL }, { "image", NULL } },
      "image[0]:bytes image[1]:bytes " },
    { { P, { "image", NULL }, { "image[]", NULL }, { "image", NULL } },
      "image[0]:bytes image[1]:bytes image[2]:bytes " },
    { { P, { "images[]", NULL }, { "image", "http://h/" } },
      "image:url images[0]:bytes " },
    { { P, { "images", BASE64 } }, "images[0]:base64 " },
    { { P, { "image", AWAY }, { "image", "data:" } },
      "image[0]:away image[1]:base64 " },
    { { P, { "image", NULL }, { "mask", NULL } }, "image:bytes " },
    { { { "model", INPAINT }, P, { "mask", NULL }, { "image", AWAY } },
      "image:away mask:bytes " },
    { { { "model", INPAINT }, P, { "image[]", NULL }, { "image[]", BASE64 } },
      "image[0]:bytes image[1]:base64 " },
    { { P, { "extra_body", "{\"images\":[\"" BASE64 "\"]}" } },
      "images[0]:base64 " },

    /* the other names, and numbers */
    { { P, { "image[0]", NULL }, { "image[1]", BASE64 } },
      "image[0]:bytes image[1]:base64 " },
    { { P, { "image[10]", NULL }, { "image[2]", BASE64 },
        { "image[2]", AWAY }, { "image[]", "http://h/" } },
      "image[0]:base64 image[1]:away image[2]:bytes image[3]:url " },
    { { P, { "image", NULL }, { "image[0]", BASE64 } },
      "image[0]:base64 image[1]:bytes " },
    { { P, { "images[0]", NULL }, { "images[1]", "http://h/" } },
      "images[0]:bytes images[1]:url " },
    { { P, { "image_urls[]", "http://h/" }, { "image_urls[]", BASE64 } },
      "image_urls[0]:url image_urls[1]:base64 " },
    { { P, { "image_urls", "http://h/" } }, "image_urls:url " },
    { { P, { "reference_images[000001]", NULL }, { "image_url", "http://h/" },
        { "input_image", NULL }, { "binary_data_base64", AWAY } },
      "binary_data_base64:away image_url:url input_image:bytes "
      "reference_images[0]:bytes " },
    { { { "model", INPAINT }, P, { "image[0]", NULL }, { "mask[0]", NULL } },
      "image[0]:bytes mask[0]:bytes " },
    { { P, { "image", NOTHING }, { "image", NULL } }, "image:bytes " }
};


static const bad_case_t  bad_cases[] = {
    { { { "image", NULL } }, BAD, "prompt", "missing" },
    { { { "prompt", "" } }, BAD, "prompt", "missing" },
    { { { "prompt", " " } }, BAD, "prompt", "empty" },
    { { { "prompt", AWAY } }, JM_CAUSE_PROMPT_TOO_LONG, "prompt", "limit" },
    { { P, { "size", AWAY } }, BAD, "size", "too long" },
    { { { "prompt", "\xff" } }, BAD, "prompt", "must be UTF-8" },
    { { P, { "user", "\xed\xa0\x80" } }, BAD, "user", "must be UTF-8" },
    { { P, { "n", "one" } }, BAD, "n", "a number" },
    { { P, { "n", "true" } }, BAD, "n", "a number" },
    { { P, { "n", "1 1" } }, BAD, "n", "a number" },
    { { P, { "n", "null" } }, BAD, "n", "a number" },
    { { P, { "n", "11" } }, BAD, "n", "1 to 10" },
    { { P, { "stream", "2" } }, BAD, "stream", "true or false" },
    { { P, { "stream", "01" } }, BAD, "stream", "true or false" },
    { { P, { "async", "t" } }, BAD, "async", "true or false" },
    { { P, { "watermark[add_logo]", "2" } }, BAD, "watermark.add_logo",
      "true or false" },
    { { { "model", "jimeng_t2i_v30" }, P, { "use_pre_llm", "2" } }, BAD,
      "use_pre_llm", "true or false" },
    { { P, { "n", "on" } }, BAD, "n", "a number" },
    { { P, { "async", "true" }, { "stream", "true" } }, BAD, "async",
      "exclude each other" },
    { { P, { "aigc_meta", "x" } }, BAD, "aigc_meta", "an object" },
    { { P, { "extra_body", "[]" } }, BAD, "extra_body", "an object" },
    { { P, { "watermark[position]", "9" } }, BAD, "watermark.position",
      "0 to 3" },
    { { P, { "watermark[logo_text_content]", AWAY } }, BAD,
      "watermark.logo_text_content", "at most 64" },

    /* files where none are taken */
    { { P, { "prompt", NULL } }, BAD, "prompt", "has a file in a field" },
    { { P, { "watermark[x]", NULL } }, BAD, "watermark[x]", "has a file" },
    { { P, { "picture", NULL } }, BAD, "picture", "go into \"image\"" },
    { { P, { "image[a]", NULL } }, BAD, "image[a]", "has a file in a field" },
    { { P, { "image[1000000]", NULL } }, BAD, "image[1000000]", "has a file" },
    { { P, { "markup", NULL } }, BAD, "markup", "has a file in a field" },
    { { P, { "\xff", NULL } }, BAD, NULL, "has a file in a field" },
    { { P, { "", NULL } }, BAD, NULL, "has a file in a field" },
    { { P, { "image[]", NOTHING }, { "image[]", NULL }, { "image[]", "." } },
      BAD, "image[1]", "Picture 2" },

    /* other charsets */
    { { P, { "n", FOREIGN } }, BAD, "n", "charset than UTF-8" },
    { { P, { "unknown", FOREIGN } }, BAD, "unknown", "send it as UTF-8" },
    { { P, { "_charset_", "GBK" } }, BAD, "_charset_", "send it as UTF-8" },
    { { P, { "_charset_", AWAY } }, BAD, "_charset_", "send it as UTF-8" },

    /* pictures */
    { { P, { "image", "ftp://h/" } }, BAD, "image", "is neither" },
    { { P, { "ref_image", "http://h/" } }, BAD, "ref_image",
      "looks like a picture" },
    { { P, { "image[a]", "http://h/" } }, BAD, "image[a]",
      "looks like a picture" },
    { { P, { "image[0][url]", "http://h/" } }, BAD, "image[0][url]",
      "looks like a picture" },
    { { P, { "unknown", "data:image/png;base64," BASE64 } }, BAD, "unknown",
      "looks like a picture" },
    { { P, { "image[]", NULL }, { "image[]", "a.png" } }, BAD, "image[1]",
      "Picture 2 of \"image\" is neither" },
    { { P, { "image[]", NULL }, { "image[]", NULL }, { "image[]", NULL },
        { "image[]", NULL }, { "image[]", NULL }, { "image[]", NULL },
        { "image[]", NULL }, { "image[]", NULL }, { "image[]", NULL },
        { "image[]", NULL }, { "image[]", NULL } }, BAD, "image",
      "11 pictures, and this model takes at most 10" },
    { { { "model", INPAINT }, P, { "image", "http://h/" }, { "mask", NULL } },
      BAD, "mask", "all as URLs or all as data" },
    { { { "model", INPAINT }, P, { "mask", NULL } }, BAD, "mask",
      "two pictures" }
};


static jm_form_field_t  fields[PARTS];


static jm_rc_e
read_form(jm_request_t *r, const part_t *parts, tap_mem_t *m, jm_error_t *e)
{
    size_t  n;

    memset(fields, 0, sizeof(fields));

    for (n = 0; n < PARTS && parts[n].name != NULL; n++) {
        fields[n].name = str(parts[n].name);
        fields[n].offset = n * OFFSET;
        fields[n].len = FILE_LEN;

        if (parts[n].value == NULL) {
            fields[n].file = 1;

        } else if (parts[n].value == nothing) {
            fields[n].file = 1;
            fields[n].unnamed = 1;
            fields[n].len = 0;

        } else if (parts[n].value != away) {
            fields[n].value = str(parts[n].value);
            fields[n].len = fields[n].value.len;
            fields[n].foreign = parts[n].value == foreign;
        }
    }

    memset(r, 0xa5, sizeof(jm_request_t));
    memset(e, 0, sizeof(jm_error_t));

    return jm_request_read_form(r, fields, n, &rules, &m->mem, e);
}


static void
test_sent(void)
{
    size_t               i;
    jm_rc_e              rc;
    jm_buf_t             b;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    const sent_case_t   *c;

    for (i = 0; i < jm_nitems(sent_cases); i++) {
        c = &sent_cases[i];
        tap_mem_init(&m, 0);
        jm_buf_init(&b, &m.mem, 64, 4096);

        rc = read_form(&r, c->parts, &m, &e);

        ok(rc == JM_OK && jm_visual_submit(&b, &r, NULL) == JM_OK,
           "form %zu: %s", i, e.message);
        is_str(jm_buf_view(&b), c->sent, "is sent");

        tap_mem_done(&m);
    }
}


static void
test_images(void)
{
    char                 text[1024];
    size_t               i, k, n;
    jm_rc_e              rc;
    unsigned             good;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    const part_t        *part;
    const jm_image_t    *image;
    const image_case_t  *c;

    for (i = 0; i < jm_nitems(image_cases); i++) {
        c = &image_cases[i];
        tap_mem_init(&m, 0);
        rc = read_form(&r, c->parts, &m, &e);

        text[0] = '\0';
        good = 1;

        for (k = 0; rc == JM_OK && k < r.nimages; k++) {
            image = &r.images[k];

            strcat(text, image->param);
            strcat(text, image->type == JM_IMAGE_URL ? ":url "
                         : image->type == JM_IMAGE_BYTES ? ":bytes "
                         : image->text.data == NULL ? ":away " : ":base64 ");

            good = good && !image->json && image->number == k + 1;

            if (image->text.data != NULL) {
                continue;
            }

            /* the part that is there */

            n = (size_t) image->offset / OFFSET;
            part = &c->parts[n];

            good = good && image->len == FILE_LEN
                   && part->value == (image->type == JM_IMAGE_BYTES
                                      ? NULL : away);
        }

        is_int(rc, JM_OK, "form %zu: %s", i, e.message);
        is_cstr(text, c->params, "its pictures");
        ok((int) good, "and where they are");

        tap_mem_done(&m);
    }
}


static void
test_bad(void)
{
    size_t             i;
    jm_rc_e            rc;
    tap_mem_t          m;
    jm_error_t         e;
    jm_request_t       r;
    const bad_case_t  *c;

    for (i = 0; i < jm_nitems(bad_cases); i++) {
        c = &bad_cases[i];
        tap_mem_init(&m, 0);
        rc = read_form(&r, c->parts, &m, &e);

        ok(rc == JM_INVALID && e.cause == c->cause
           && (c->param == NULL ? e.param == NULL
               : e.param != NULL && strcmp(e.param, c->param) == 0)
           && strstr(e.message, c->part) != NULL,
           "%s: %s", c->param != NULL ? c->param : "form", e.message);

        tap_mem_done(&m);
    }
}


/* what a location without uploads takes of a form */

static void
test_no_upload(void)
{
    tap_mem_t           m;
    jm_error_t          e;
    jm_request_t        r;
    static const part_t  file[] = { P, { "image[]", NULL }, { NULL, NULL } };
    static const part_t  url[] = { P, { "image[]", "https://h/" },
                                   { NULL, NULL } };
    static const part_t  none[] = { P, { NULL, NULL } };
    static const part_t  base64[] = {
        { "model", "jimeng_i2i_v30" }, P, { "image", NULL }, { NULL, NULL }
    };

    rules.upload = 0;
    tap_mem_init(&m, 0);

    is_int(read_form(&r, file, &m, &e), JM_INVALID, "a file: %s", e.message);
    is_cstr(e.param, "image[0]", "is refused");
    ok(strstr(e.message, "URLs only") != NULL, "for what it is");
    is_int(read_form(&r, url, &m, &e), JM_OK, "a URL is not");
    is_int(read_form(&r, base64, &m, &e), JM_OK,
           "nor a file for a model that takes data");

    rules.edit = 1;
    is_int(read_form(&r, none, &m, &e), JM_INVALID, "an edit of nothing: %s",
           e.message);
    is_int(read_form(&r, url, &m, &e), JM_OK, "an edit");

    rules.edit = 0;
    rules.upload = 1;
    tap_mem_done(&m);
}


/* objects, as forms spell them */

static void
test_members(void)
{
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    static const part_t  parts[] = {
        P, { "watermark[position]", "2" },
        { "watermark[logo_text_content]", "2026" },
        { "watermark[add_logo]", "true" },
        { "aigc_meta", "{\"producer_id\":\"x\",\"propagate_id\":\"y\"}" },
        { "aigc_meta[producer_id]", "123" },
        { "sequential_image_generation", "auto" },
        { "sequential_image_generation_options[max_images]", "3" },
        { "optimize_prompt_options[mode]", "fast" },
        { NULL, NULL }
    };

    tap_mem_init(&m, 0);

    is_int(read_form(&r, parts, &m, &e), JM_OK, "objects: %s", e.message);
    ok(r.watermark && r.logo.position == 2, "numbers and bools in them");
    is_str(r.logo.text, "2026", "a text of digits");
    is_str(r.aigc_meta.producer_id, "123", "an id of digits");
    is_str(r.aigc_meta.propagate_id, "y", "beside what JSON said");
    ok(!r.force_single && r.max_images == 3, "options");
    ok((r.ignored >> JM_FIELD_OPTIMIZE_OPTIONS & 1) != 0, "those of Ark");

    tap_mem_done(&m);
}


/* whatever is a bool, in every way that clients of forms write one */

static void
test_bools(void)
{
    size_t               i, k;
    jm_rc_e              rc;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    part_t               parts[] = { P, { NULL, NULL }, { NULL, NULL } };
    static const char   *words[] = {
        "false", "true", "0", "1", "False", "True", "FALSE", "TRUE", "off",
        "on", "Off", "ON", "no", "yes", "No", "YES"
    };
    static const char   *names[] = {
        "watermark", "watermark[add_logo]", "stream", "async", "force_single",
        "extra_body[async]"
    };

    for (i = 0; i < jm_nitems(names); i++) {

        for (k = 0; k < jm_nitems(words); k++) {
            parts[1].name = names[i];
            parts[1].value = words[k];

            tap_mem_init(&m, 0);
            rc = read_form(&r, parts, &m, &e);

            ok(rc == JM_OK
               && (i < 2 ? r.watermark
                   : i == 2 ? (unsigned) (r.stream == JM_STREAM_OPENAI)
                   : i == 4 ? r.force_single : r.async) == (k & 1),
               "%s=%s", names[i], words[k]);

            tap_mem_done(&m);
        }
    }
}


/* a long text of a field that is not known: its beginning tells */

static void
test_heads(void)
{
    size_t           i;
    jm_rc_e          rc;
    tap_mem_t        m;
    jm_error_t       e;
    jm_request_t     r;
    jm_form_field_t  parts[2];

    static const struct {
        const char  *head;
        jm_rc_e      rc;
    } heads[] = {
        { "data:image/png;base64,iVBORw0KGg", JM_INVALID },
        { "iVBORw0KGgoAAAANSUhEUgAAAEAAAABA", JM_INVALID },
        { "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD", JM_INVALID },
        { "a text of a client's own, as lon", JM_OK }
    };

    memset(parts, 0, sizeof(parts));

    parts[0].name = str("prompt");
    parts[0].value = str("a cat");
    parts[0].len = 5;
    parts[1].name = str("unknown");
    parts[1].len = 1000000;

    for (i = 0; i < jm_nitems(heads); i++) {
        parts[1].head = str(heads[i].head);

        tap_mem_init(&m, 0);
        rc = jm_request_read_form(&r, parts, 2, &rules, &m.mem, &e);

        is_int(rc, heads[i].rc, "%s", heads[i].head);
        tap_mem_done(&m);
    }
}


static void
test_memory(void)
{
    size_t               n;
    jm_rc_e              rc;
    unsigned             good;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    static const part_t  parts[] = {
        P, { "size", "4194304" }, { "image", NULL }, { "image", NULL },
        { "watermark[position]", "2" }, { "response_format", "b64_json" },
        { "user", AWAY }, { NULL, NULL }
    };

    good = 1;

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        rc = read_form(&r, parts, &m, &e);

        if (tap_mem_unfailed(&m)) {
            tap_mem_done(&m);
            break;
        }

        good = good && rc == JM_ERROR;
        tap_mem_done(&m);
    }

    ok(good && n > 8 && rc == JM_INVALID,
       "each of %zu allocations fails without harm", n - 1);
}


int
main(void)
{
    rules.upload = 1;

    test_sent();
    test_images();
    test_bad();
    test_no_upload();
    test_members();
    test_bools();
    test_heads();
    test_memory();

    return done_testing();
}
