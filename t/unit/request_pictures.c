
/*
 * The pictures of a request in JSON: URLs, data in memory and in the body,
 * what each is called; and in which form the result is wanted.
 *
 * Guards against pictures that are sent where they are not taken, and billed;
 * seen failing with the look at rules.upload taken out, and with a stand-in
 * of the skeleton taken for the prompt.
 */


#include "request.h"


typedef struct {
    const char      *body;
    unsigned         upload;
    const char      *types;         /* u, b: of each picture */
    const char      *params;        /* each with a space behind */
} good_case_t;

typedef struct {
    const char      *body;
    unsigned         upload;
    unsigned         edit;
    const char      *param;
    const char      *part;          /* of the message */
} bad_case_t;

typedef struct {
    const char      *body;
    unsigned         b64;
    jm_stream_e      stream;
} result_case_t;


#define P         "\"prompt\":\"a cat\"}"
#define M(s)      "{\"model\":\"" s "\","
#define SEQ       "\"sequential_image_generation\""
#define ARK       "doubao-seedream-4-0-250828"
#define I2I       "jimeng_i2i_v30"
#define T2I       "jimeng_t2i_v30"
#define INPAINT   "jimeng_image2image_dream_inpaint"
#define URI       "\"data:image/png;base64,iVBORw0KGgo=\""
#define BASE64    "\"iVBORw0KGgo=\""
#define URL       "\"http://h/\""
#define X32       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

#define SKELETON_MAX  16


static const good_case_t  good_cases[] = {
    { "{" P, 0, "", "" },
    { "{\"image\":" URL "," P, 0, "u", "image " },
    { "{\"image\":[" URL "]," P, 0, "u", "image[0] " },
    { "{\"images\":[" URL ",{\"url\":" URL "}]," P, 0, "uu",
      "images[0] images[1] " },
    { "{\"images\":[" URL "],\"image\":" BASE64 "," P, 1, "bu",
      "image images[0] " },
    { "{\"image\":" BASE64 "," P, 1, "b", "image " },
    { "{\"image\":" URI "," P, 1, "b", "image " },
    { "{\"image\":\"DATA:,\"," P, 1, "b", "image " },
    { "{\"image\":\"data:no picture\"," P, 1, "b", "image " },
    { "{\"image\":\"-_+/9aZ= \\r\\n\\t\"," P, 1, "b", "image " },
    { "{\"image\":\"" X32 X32 "?\"," P, 1, "b", "image " },
    { "{\"image\":[{\"image_url\":{\"url\":" URI "}}," URL "," BASE64 "]," P,
      1, "bub", "image[0] image[1] image[2] " },
    { M("jimeng-4.6") "\"images\":[" URL "," URL "," URL "," URL "," URL ","
      URL "," URL "," URL "," URL "," URL "," URL "," URL "," URL "," URL
      "]," P, 0, "uuuuuuuuuuuuuu",
      "images[0] images[1] images[2] images[3] images[4] images[5] "
      "images[6] images[7] images[8] images[9] images[10] images[11] "
      "images[12] images[13] " },

    /* the other names, all of them in one order */
    { "{\"image_urls\":[" URL "," URL "]," P, 0, "uu",
      "image_urls[0] image_urls[1] " },
    { "{\"image_urls\":" URL "," P, 0, "u", "image_urls " },
    { "{\"binary_data_base64\":[" BASE64 "]," P, 1, "b",
      "binary_data_base64[0] " },
    { "{\"binary_data_base64\":" BASE64 "," P, 1, "b", "binary_data_base64 " },
    { "{\"image_url\":" URL "," P, 0, "u", "image_url " },
    { "{\"image_url\":{\"url\":" URL ",\"detail\":\"high\"}," P, 0, "u",
      "image_url " },
    { "{\"image_url\":{\"image_url\":{\"url\":" URL "}}," P, 0, "u",
      "image_url " },
    { "{\"image_url\":[{\"type\":\"image_url\",\"image_url\":{\"url\":" URL
      "}}]," P, 0, "u", "image_url[0] " },
    { "{\"input_image\":{\"type\":\"input_image\",\"image_url\":" URL "}," P,
      0, "u", "input_image " },
    { "{\"input_image\":" BASE64 "," P, 1, "b", "input_image " },
    { "{\"reference_images\":[" URL ",{\"url\":" URI "}]," P, 1, "ub",
      "reference_images[0] reference_images[1] " },
    { "{\"images\":[{\"b64_json\":" BASE64 "}]," P, 1, "b", "images[0] " },
    { "{\"images\":{\"b64_json\":" BASE64 ",\"url\":null}," P, 1, "b",
      "images " },
    { "{\"image\":{\"b64_json\":" BASE64 ",\"url\":" URL "}," P, 1, "u",
      "image " },
    { "{\"images\":" URL "," P, 0, "u", "images " },
    { "{\"reference_images\":" URL ",\"image_url\":" URL ",\"image_urls\":["
      URL "],\"input_image\":" URL ",\"images\":" URL
      ",\"binary_data_base64\":" BASE64 ",\"image\":" URL "," P, 1, "uuubuuu",
      "image images image_urls[0] binary_data_base64 image_url input_image "
      "reference_images " },
    { "{\"extra_body\":{\"image_urls\":[" URL "],\"image\":" URL "}," P, 0,
      "uu", "image image_urls[0] " },
    { "{\"image_urls\":[" URL "],\"extra_body\":{\"image_urls\":[7]}," P, 0,
      "u", "image_urls[0] " },

    /* what is none */
    { "{\"image\":\"\",\"images\":[],\"image_urls\":null,\"image_url\":\"\","
      "\"mask\":\"\"," P, 0, "", "" },
    { "{\"image\":\"\",\"extra_body\":{\"image\":" URL "}," P, 0, "u",
      "image " },
    { M(INPAINT) "\"mask\":[],\"image\":[" URL "," URL "]," P, 0, "uu",
      "image[0] image[1] " },

    /* a mask that is not taken is not looked at */
    { "{\"image\":" URL ",\"mask\":" BASE64 "," P, 0, "u", "image " },

    /* some models take data always */
    { M(I2I) "\"image\":" BASE64 "," P, 0, "b", "image " },
    { M(I2I) "\"image\":" URI "," P, 1, "b", "image " },
    { M(INPAINT) "\"mask\":" BASE64 ",\"image\":" URI "," P, 0, "bb",
      "image mask " },
    { M(INPAINT) "\"mask\":" URL ",\"image\":[" URL "]," P, 0, "uu",
      "image[0] mask " },
    { M(INPAINT) "\"mask\":[" URL "],\"images\":[" URL "]," P, 1, "uu",
      "images[0] mask[0] " }
};


static const bad_case_t  bad_cases[] = {
    { "{\"image\":" BASE64 "," P, 0, 0, "image", "gateway takes URLs only" },
    { "{\"image\":[" URL "," URI "]," P, 0, 0, "image[1]",
      "Picture 2 of \"image\" is no http:" },
    { "{\"image\":\"ftp://h/\"," P, 0, 0, "image", "URLs only" },
    { "{\"image\":[\"\"]," P, 1, 0, "image[0]", "is neither an http:" },
    { "{\"image\":\"ftp://h/\"," P, 1, 0, "image", "is neither" },
    { "{\"image\":\"//h/a.png\"," P, 1, 0, "image", "is neither" },
    { "{\"image\":\"data\\u0000\"," P, 1, 0, "image", "is neither" },
    { "{\"image\":\"\xe7\x8c\xab\"," P, 1, 0, "image", "is neither" },
    { "{\"image\":\"" X32 "?\"," P, 1, 0, "image", "is neither" },
    { "{\"image\":\"@[`{\"," P, 1, 0, "image", "is neither" },
    { "{\"images\":[" URL ",\"a.png\"]," P, 1, 0, "images[1]",
      "Picture 2 of \"images\" is neither" },
    { "{\"image\":[" BASE64 ",7]," P, 1, 0, "image[1]", "must be a URL" },
    { "{\"image\":[\"http://\"]," P, 1, 0, "image[0]", "no host" },
    { "{\"image_urls\":[" URL ",\"a.png\"]," P, 1, 0, "image_urls[1]",
      "Picture 2 of \"image_urls\" is neither" },
    { "{\"image_url\":{}," P, 1, 0, "image_url", "must be a URL" },
    { "{\"image_url\":{\"url\":\"\"}," P, 1, 0, "image_url", "is neither" },
    { "{\"images\":[{\"file_id\":\"file-1\"}]," P, 1, 0, "images[0]",
      "object with a \"url\" or a \"b64_json\"" },
    { "{\"images\":[{\"image_url\":{\"b64_json\":" BASE64 "}}]," P, 1, 0,
      "images[0]", "must be a URL" },
    { "{\"images\":[null]," P, 1, 0, "images[0]", "must be a URL" },
    { "{\"binary_data_base64\":" BASE64 "," P, 0, 0, "binary_data_base64",
      "URLs only" },
    { "{\"reference_images\":[" URL "," URL "," URL "," URL "," URL "," URL
      "],\"image_urls\":[" URL "," URL "," URL "," URL "," URL "]," P, 0, 0,
      "reference_images", "11 pictures, and this model takes at most 10" },
    { "{\"ref_image\":" URL "," P, 0, 0, "ref_image", "looks like a picture" },

    { M(INPAINT) "\"image\":" URL ",\"mask\":" BASE64 "," P, 0, 0, "mask",
      "all as URLs or all as data" },
    { M(INPAINT) "\"image\":[" BASE64 "," URL "]," P, 1, 0, "image[1]",
      "all as URLs or all as data" },

    { "{" P, 0, 1, "image", "An edit needs a picture in \"image\"" },
    { "{\"images\":[]," P, 1, 1, "image", "An edit needs" },
    { "{\"images\":\"\",\"image_urls\":[]," P, 1, 1, "image",
      "An edit needs" },
    { "{\"mask\":" URL "," P, 1, 1, "image", "An edit needs" },
    { M(T2I) P, 0, 1, "model", "takes no pictures" },
    { M(T2I) "\"image\":" URL "," P, 0, 1, "image", "at most 0" },
    { M(INPAINT) "\"image\":" URL "," P, 0, 1, "image", "two pictures" }
};


static const result_case_t  result_cases[] = {
    { "{" P, 0, JM_STREAM_NONE },
    { "{\"response_format\":\"url\",\"stream\":false," P, 0, JM_STREAM_NONE },
    { "{\"response_format\":\"b64_json\"," P, 1, JM_STREAM_NONE },
    { "{\"response_format\":null,\"stream\":null," P, 0, JM_STREAM_NONE },
    { "{\"stream\":true," P, 1, JM_STREAM_OPENAI },
    { "{\"stream\":true,\"force_single\":false," P, 1, JM_STREAM_OPENAI },
    { "{\"stream\":true,\"response_format\":\"url\"," P, 0, JM_STREAM_OPENAI },
    { "{\"stream\":true,\"response_format\":\"b64_json\",\"n\":2," P, 1,
      JM_STREAM_OPENAI },
    { "{\"stream\":true," SEQ ":\"auto\"," P, 0, JM_STREAM_ARK },
    { "{\"stream\":true," SEQ ":\"disabled\"," P, 0, JM_STREAM_ARK },
    { "{\"extra_body\":{\"stream\":true," SEQ ":\"auto\"}," P, 0,
      JM_STREAM_ARK },
    { "{\"stream\":false," SEQ ":\"auto\"," P, 0, JM_STREAM_NONE },
    { M(ARK) "\"stream\":true," P, 0, JM_STREAM_ARK },
    { M(ARK) P, 0, JM_STREAM_NONE }
};


static void
test_good(void)
{
    char                text[1024];
    size_t              i, k;
    jm_rc_e             rc;
    unsigned            numbers;
    tap_mem_t           m;
    jm_error_t          e;
    jm_request_t        r;
    const good_case_t  *c;

    for (i = 0; i < jm_nitems(good_cases); i++) {
        c = &good_cases[i];
        rules.upload = c->upload;
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_OK && r.nimages == strlen(c->types), "%s: %s", c->body,
           e.message);

        text[0] = '\0';
        numbers = 0;

        for (k = 0; rc == JM_OK && k < r.nimages; k++) {
            strcat(text, r.images[k].param);
            strcat(text, " ");

            numbers += r.images[k].number == k + 1
                       && r.images[k].text.data != NULL
                       && r.images[k].type == (c->types[k] == 'u'
                                               ? JM_IMAGE_URL
                                               : JM_IMAGE_BASE64);
        }

        is_cstr(text, c->params, "are its pictures");
        is_int(numbers, (int64_t) strlen(c->types), "with types and numbers");

        tap_mem_done(&m);
    }

    rules.upload = 0;
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
        rules.upload = c->upload;
        rules.edit = c->edit;
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_INVALID && e.cause == JM_CAUSE_INVALID_REQUEST
           && e.param != NULL && strcmp(e.param, c->param) == 0
           && strstr(e.message, c->part) != NULL
           && e.message[strlen(e.message) - 1] == '.'
           && strstr(e.message, "iVBOR") == NULL
           && strstr(e.message, "//h") == NULL,
           "%s: %s", c->body, e.message);

        tap_mem_done(&m);
    }

    rules.upload = 0;
    rules.edit = 0;
}


static void
test_result(void)
{
    size_t                i;
    jm_rc_e               rc;
    tap_mem_t             m;
    jm_error_t            e;
    jm_request_t          r;
    const result_case_t  *c;

    for (i = 0; i < jm_nitems(result_cases); i++) {
        c = &result_cases[i];
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_OK && r.b64 == c->b64 && r.stream == c->stream,
           "%s: %s", c->body, e.message);

        tap_mem_done(&m);
    }
}


/* a row of Visual's */

static void
visual(jm_model_t *m, const char *name, const char *req_key)
{
    jm_model_init(m, str(name), str(req_key), JM_PROVIDER_VISUAL);
}


/* the client's word, then the row's, the location's, and the stream's */

static void
test_format(void)
{
    size_t        i;
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_error_t    e;
    jm_model_t    rows[2];
    jm_models_t   extra;
    jm_request_t  r;

    static const struct {
        const char   *body;
        jm_format_e   format;
        unsigned      b64;
    } cases[] = {
        { "{" P, JM_FORMAT_UNSAID, 0 },
        { "{" P, JM_FORMAT_URL, 0 },
        { "{" P, JM_FORMAT_B64, 1 },
        { "{\"stream\":true," P, JM_FORMAT_URL, 0 },
        { "{\"response_format\":\"url\"," P, JM_FORMAT_B64, 0 },
        { M("gpt-image-1") P, JM_FORMAT_UNSAID, 1 },
        { M("gpt-image-1") P, JM_FORMAT_URL, 1 },
        { M("gpt-image-1") "\"response_format\":\"url\"," P, JM_FORMAT_B64, 0 },
        { M("links") P, JM_FORMAT_B64, 0 },
        { M("links") "\"stream\":true," P, JM_FORMAT_B64, 0 },
        { M("links") "\"response_format\":\"b64_json\"," P, JM_FORMAT_URL, 1 },
        { M(ARK) "\"stream\":true," P, JM_FORMAT_B64, 1 },
        { M(ARK) "\"stream\":true," P, JM_FORMAT_UNSAID, 0 }
    };

    visual(&rows[0], "gpt-image-1", "jimeng_t2i_v40");
    visual(&rows[1], "links", "jimeng_t2i_v40");
    rows[1].takes |= JM_MODEL_URL;

    extra.rows = rows;
    extra.n = 2;
    extra.providers = jm_provider_bit(JM_PROVIDER_VISUAL);
    rules.models = &extra;

    for (i = 0; i < jm_nitems(cases); i++) {
        rules.format = cases[i].format;
        rc = read_body(&r, cases[i].body, &m, &e);

        ok(rc == JM_OK && r.b64 == cases[i].b64, "%s, %d", cases[i].body,
           cases[i].format);

        tap_mem_done(&m);
    }

    rules.models = NULL;
    rules.format = JM_FORMAT_UNSAID;
}


static void
test_quality(void)
{
    size_t        i;
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    static const struct {
        const char    *body;
        jm_quality_e   quality;
    } cases[] = {
        { "{" P, JM_QUALITY_HIGH },
        { "{\"quality\":\"low\"," P, JM_QUALITY_LOW },
        { "{\"quality\":\"medium\"," P, JM_QUALITY_MEDIUM },
        { "{\"quality\":\"standard\"," P, JM_QUALITY_MEDIUM },
        { "{\"quality\":\"high\"," P, JM_QUALITY_HIGH },
        { "{\"quality\":\"hd\"," P, JM_QUALITY_HIGH },
        { "{\"quality\":\"auto\"," P, JM_QUALITY_HIGH },
        { "{\"quality\":\"xhigh\"," P, JM_QUALITY_HIGH },
        { "{\"quality\":[\"low\"]," P, JM_QUALITY_HIGH },
        { "{\"extra_body\":{\"quality\":\"low\"}," P, JM_QUALITY_LOW }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        rc = read_body(&r, cases[i].body, &m, &e);

        ok(rc == JM_OK && r.quality == cases[i].quality, "%s", cases[i].body);

        tap_mem_done(&m);
    }
}


/* reads the skeleton of a body */

static jm_rc_e
read_skeleton(jm_request_t *r, const char *body, tap_mem_t *m, jm_error_t *e)
{
    jm_rc_e        rc;
    jm_buf_t       b;
    jm_skeleton_t  s;

    tap_mem_init(m, 0);
    memset(r, 0xa5, sizeof(jm_request_t));
    memset(e, 0, sizeof(jm_error_t));

    jm_buf_init(&b, &m->mem, 64, 4096);
    jm_skeleton_init(&s, &b, SKELETON_MAX);

    rules.skeleton = &s;
    rules.upload = 1;

    rc = jm_skeleton_add(&s, str(body));

    if (rc == JM_OK) {
        rc = jm_request_read(r, jm_buf_view(&b), &rules, &m->mem, e);
    }

    rules.skeleton = NULL;
    rules.upload = 0;

    return rc;
}


static void
is_away(const jm_image_t *image, const char *body, const char *raw)
{
    ok(image->type == JM_IMAGE_BASE64 && image->text.data == NULL
       && image->json && image->len == strlen(raw)
       && memcmp(body + image->offset, raw, strlen(raw)) == 0,
       "\"%s\" is in the body", image->param);
}


static void
test_skeleton(void)
{
    tap_mem_t           m;
    jm_error_t          e;
    jm_request_t        r;
    static char         body[] =
        "{\"prompt\":\"a cat\",\"image\":[\"data:image\\/png;base64,iVBOR\","
        "\"http://h/1\",{\"url\":\"iVBORw0KGgoAAAAN\"},"
        "{\"image_url\":{\"url\":\"iVBORw0KGgoAAAANS\"}},\"...\"],"
        "\"negative_prompt\":\"what nobody wants to see\","
        "\"an unknown field\":\"with an unknown value\"}";

    is_int(read_skeleton(&r, body, &m, &e), JM_INVALID,
           "a text that looks like a stand-in: %s", e.message);
    is_cstr(e.param, "image[4]", "is none");
    tap_mem_done(&m);

    memcpy(strstr(body, "..."), "xyz", 3);

    is_int(read_skeleton(&r, body, &m, &e), JM_OK, "a skeleton: %s",
           e.message);
    is_int((int64_t) r.nimages, 5, "pictures");
    is_away(&r.images[0], body, "data:image\\/png;base64,iVBOR");
    is_str(r.images[1].text, "http://h/1", "a URL is in memory");
    is_str(r.images[2].text, "iVBORw0KGgoAAAAN", "and so is short base64");
    ok(!r.images[2].json && r.images[2].type == JM_IMAGE_BASE64,
       "without escapes");
    is_away(&r.images[3], body, "iVBORw0KGgoAAAANS");
    is_str(r.images[4].text, "xyz", "and very short base64");
    ok(strcmp(jm_request_field_name(0), "model") == 0 && r.ignored != 0,
       "a long text of no use is none's concern");
    tap_mem_done(&m);

    is_int(read_skeleton(&r, "\xef\xbb\xbf{\"image\":"
                         "\"data:image/png;base64,iV\"," P, &m, &e),
           JM_OK, "behind U+FEFF: %s", e.message);
    is_int((int64_t) r.nimages, 1, "there is a picture");
    ok(r.images[0].text.data == NULL && r.images[0].offset == 13,
       "which lies in the body");
    tap_mem_done(&m);

    is_int(read_skeleton(&r, "{\"prompt\":\"seventeen letters\"}", &m, &e),
           JM_INVALID, "a prompt that was taken out: %s", e.message);
    is_int(e.cause, JM_CAUSE_PROMPT_TOO_LONG, "is too long");
    is_cstr(e.param, "prompt", "and named");
    tap_mem_done(&m);

    is_int(read_skeleton(&r, "{\"extra_body\":{\"size\":\"1024x1024xxxxxxxx\"},"
                         P, &m, &e),
           JM_INVALID, "another text: %s", e.message);
    is_cstr(e.param, "size", "that is too long");
    tap_mem_done(&m);

    is_int(read_skeleton(&r, "{\"model\":\"jimeng_t2i_v40___\"," P, &m, &e),
           JM_INVALID, "a model: %s", e.message);
    ok(strstr(e.message, "...") == NULL && strstr(e.message, "long") != NULL,
       "is not taken for its stand-in");
    tap_mem_done(&m);

    is_int(read_skeleton(&r, "{\"aigc_meta\":{\"producer_id\":"
                         "\"seventeen letters\"}," P, &m, &e),
           JM_INVALID, "a text within an object: %s", e.message);
    is_cstr(e.param, "aigc_meta.producer_id", "that is too long");
    tap_mem_done(&m);

    is_int(read_skeleton(&r, "{\"response_format\":\"url______________\"," P,
                         &m, &e),
           JM_INVALID, "a format: %s", e.message);
    tap_mem_done(&m);
}


int
main(void)
{
    test_good();
    test_bad();
    test_result();
    test_format();
    test_quality();
    test_skeleton();

    return done_testing();
}
