
/*
 * What a client's body says beside prompt, size and pictures: how many
 * pictures, marks, what has no effect; and the models that take fields of
 * their own.
 *
 * Guards against pictures that nobody ordered and that are billed; seen
 * failing with "n" above 1 leaving "force_single" false.  Guards against a
 * stream that ends before it began; seen failing with "async" beside "stream"
 * taken.
 */


#include "request.h"


typedef struct {
    const char      *body;
    const char      *param;
    const char      *part;          /* of the message */
} bad_case_t;

typedef struct {
    const char      *body;
    uint32_t         n;
    unsigned         force_single;
    uint32_t         max_images;
    uint32_t         retries;
} group_case_t;

typedef struct {
    const char      *body;
    const char      *ignored;       /* the names, each with a space behind */
} ignored_case_t;

typedef struct {
    const char      *body;
    unsigned         async;
    jm_stream_e      stream;
} async_case_t;

typedef struct {
    const char      *body;
    uint32_t         width;
    uint32_t         height;
} sides_case_t;


#define P     "\"prompt\":\"a cat\"}"
#define I     "\"image\":\"http://h/\","
#define M(s)  "{\"model\":\"" s "\","
#define SEQ   "\"sequential_image_generation\""
#define OPT(s)                                                                \
    "\"sequential_image_generation_options\":{\"max_images\":" s "},"

#define SEQ_NAME    "sequential_image_generation"
#define MAX_NAME    "sequential_image_generation_options.max_images"
#define T2I         "jimeng_t2i_v30"
#define I2I         "jimeng_i2i_v30"
#define INPAINT     "jimeng_image2image_dream_inpaint"
#define TILES       "jimeng_i2i_seed3_tilesr_cvtob"


static const bad_case_t  bad_cases[] = {

    /* how many */

    { "{\"n\":2,\"force_single\":false," P, "n", "choose one" },
    { "{\"n\":10," SEQ ":\"auto\"," P, "n", "choose one" },
    { "{\"force_single\":true," SEQ ":\"auto\"," P, "force_single",
      "contradict" },
    { "{\"force_single\":false," SEQ ":\"disabled\"," P, "force_single",
      "contradict" },
    { "{" SEQ ":\"on\"," P, SEQ_NAME, "\"auto\" or \"disabled\"" },
    { "{" SEQ ":true," P, SEQ_NAME, "a string" },
    { "{" OPT("0") P, MAX_NAME, "1 to 15" },
    { "{" OPT("16") P, MAX_NAME, "1 to 15" },
    { "{" OPT("1.5") P, MAX_NAME, "1 to 15" },
    { "{" OPT("\"3\"") P, MAX_NAME, "1 to 15" },
    { "{\"sequential_image_generation_options\":3," P,
      "sequential_image_generation_options", "an object" },
    { "{\"retries\":-1," P, "retries", "0 to 5" },
    { "{\"retries\":6," P, "retries", "0 to 5" },
    { "{\"retries\":0.5," P, "retries", "0 to 5" },
    { "{\"retries\":\"1\"," P, "retries", "a number" },

    /* a stream has no end to wait for, and the reply is not to wait */

    { "{\"async\":true,\"stream\":true," P, "async", "exclude each other" },
    { "{\"async\":true,\"stream\":true," SEQ ":\"auto\"," P, "async",
      "exclude each other" },
    { "{\"stream\":true,\"extra_body\":{\"async\":true}," P, "async",
      "exclude each other" },
    { "{\"async\":1," P, "async", "true or false" },
    { "{\"async\":\"true\"," P, "async", "true or false" },
    { "{\"async\":{}," P, "async", "true or false" },

    /* marks */

    { "{\"watermark\":{\"add_logo\":1}," P, "watermark.add_logo",
      "true or false" },
    { "{\"watermark\":{\"position\":4}," P, "watermark.position", "0 to 3" },
    { "{\"watermark\":{\"position\":-1}," P, "watermark.position", "0 to 3" },
    { "{\"watermark\":{\"position\":\"0\"}," P, "watermark.position",
      "0 to 3" },
    { "{\"watermark\":{\"language\":2}," P, "watermark.language", "0 to 1" },
    { "{\"watermark\":{\"opacity\":1.001}," P, "watermark.opacity",
      "within 0 and 1" },
    { "{\"watermark\":{\"opacity\":-0.001}," P, "watermark.opacity",
      "within 0 and 1" },
    { "{\"watermark\":{\"opacity\":true}," P, "watermark.opacity",
      "within 0 and 1" },
    { "{\"watermark\":{\"logo_text_content\":7}," P,
      "watermark.logo_text_content", "at most 64" },
    { "{\"watermark\":{\"logo_text_content\":\"1234567890123456789012345678"
      "9012345678901234567890123456789012345\"}," P,
      "watermark.logo_text_content", "at most 64" },
    { "{\"aigc_meta\":\"x\"," P, "aigc_meta", "an object" },
    { "{\"aigc_meta\":{}," P, "aigc_meta.producer_id", "needs" },
    { "{\"aigc_meta\":{\"producer_id\":\"\"}," P, "aigc_meta.producer_id",
      "needs" },
    { "{\"aigc_meta\":{\"content_producer\":\"x\"}," P,
      "aigc_meta.producer_id", "needs" },
    { "{\"aigc_meta\":{\"producer_id\":7}," P, "aigc_meta.producer_id",
      "a string" },
    { "{\"aigc_meta\":{\"producer_id\":\"x\",\"propagate_id\":[]}," P,
      "aigc_meta.propagate_id", "a string" },

    /* models with fields of their own */

    { M(T2I) I P, "image", "at most 0" },
    { M(T2I) "\"seed\":-2," P, "seed", "-1 to 2147483647" },
    { M(T2I) "\"seed\":2147483648," P, "seed", "-1 to 2147483647" },
    { M(T2I) "\"seed\":\"1\"," P, "seed", "integer" },
    { M(T2I) "\"n\":2,\"seed\":1," P, "seed", "every picture is the same" },
    { M(T2I) "\"use_pre_llm\":1," P, "use_pre_llm", "true or false" },
    { M(T2I) "\"size\":\"2049x1024\"," P, "size", "512 to 2048" },
    { M(T2I) "\"size\":\"100x500\"," P, "size", "512 to 2048" },
    { M(T2I) "\"size\":\"4K\"," P, "size", "512 to 2048" },
    { M(T2I) "\"width\":1024,\"height\":4096," P, "width", "512 to 2048" },
    { M(T2I) "\"ratio\":\"16:1\"," P, "size", "512 to 2048" },
    { M(T2I) "\"ratio\":\"wide\"," P, "ratio", "16:9" },
    { M(T2I) "\"ratio\":\"1:17\"," P, "ratio", "1:16" },
    { M(I2I) P, "image", "needs a picture" },
    { M(I2I) "\"images\":[]," P, "image", "needs a picture" },
    { M(I2I) "\"images\":[\"http://h\",\"http://h\"]," P, "images",
      "at most 1" },
    { M(I2I) I "\"size\":\"2017x1024\"," P, "size", "512 to 2016" },
    { M(I2I) I "\"scale\":50," P, "scale", "within 0 and 1." },
    { M(INPAINT) I P, "image", "two pictures" },
    { M(INPAINT) "\"mask\":\"http://h/\"," P, "mask", "two pictures" },
    { M(INPAINT) I "\"mask\":5," P, "mask", "must be a URL" },
    { M(INPAINT) I "\"mask\":\"data:,\"," P, "mask", "all as URLs or all" },
    { M(INPAINT) I "\"mask\":\"ftp://h/\"," P, "mask", "is neither" },
    { M(INPAINT) I "\"images\":[\"http://h/\"],\"mask\":\"http://h/\"," P,
      "mask", "at most 2" },
    { M(TILES) P, "image", "needs a picture" },
    { M(TILES) I "\"resolution\":\"2k\"," P, "resolution", "\"8k\"" },
    { M(TILES) I "\"resolution\":\"\"," P, "resolution", "\"8k\"" }
};


static const group_case_t  group_cases[] = {
    { "{" P, 1, 1, 0, 0 },
    { "{\"n\":1," P, 1, 1, 0, 0 },
    { "{\"n\":2," P, 2, 1, 0, 0 },
    { "{\"n\":10.0,\"force_single\":true," P, 10, 1, 0, 0 },
    { "{\"n\":3," SEQ ":\"disabled\",\"retries\":5," P, 3, 1, 0, 5 },
    { "{\"n\":1,\"force_single\":false,\"retries\":0," P, 1, 0, 0, 0 },
    { "{" SEQ ":\"auto\"," P, 1, 0, 0, 0 },
    { "{" SEQ ":\"auto\"," OPT("3") P, 1, 0, 3, 0 },
    { "{" SEQ ":\"auto\"," OPT("null") P, 1, 0, 0, 0 },
    { "{" SEQ ":\"auto\",\"force_single\":false," OPT("15") P, 1, 0, 15, 0 },
    { "{\"force_single\":false," OPT("1") P, 1, 0, 1, 0 },
    { "{\"extra_body\":{" SEQ ":\"auto\"," OPT("3") "\"retries\":1}," P,
      1, 0, 3, 1 },
    { "{" OPT("3") P, 1, 1, 0, 0 },
    { "{" SEQ ":\"disabled\"," OPT("3") P, 1, 1, 0, 0 },
    { M("jimeng-4.6") SEQ ":\"auto\"," P, 1, 0, 0, 0 },
    { M(T2I) SEQ ":\"auto\"," OPT("3") P, 1, 1, 0, 0 },
    { M(T2I) "\"n\":4," P, 4, 1, 0, 0 },
    { M(T2I) "\"n\":4,\"force_single\":false," P, 4, 1, 0, 0 },
    { M(T2I) "\"n\":4," SEQ ":\"auto\"," OPT("3") P, 4, 1, 0, 0 }
};


static const ignored_case_t  ignored_cases[] = {
    { "{" P, "" },
    { "{\"user\":null,\"seed\":null,\"unknown\":1," P, "" },
    { "{\"negative_prompt\":1,\"quality\":\"hd\",\"style\":{},"
      "\"style_preset\":[],\"background\":\"x\",\"moderation\":\"low\","
      "\"mask\":\"m\",\"output_format\":\"png\",\"output_compression\":9,"
      "\"user\":\"u\",\"seed\":1,\"use_pre_llm\":true," P,
      "seed use_pre_llm mask negative_prompt quality style style_preset "
      "background moderation output_format output_compression user " },
    { "{\"extra_body\":{\"seed\":1}," P, "seed " },
    { "{\"async\":true," P, "" },
    { "{\"strength\":0.1,\"scale\":0.2," P, "strength " },
    { M(T2I) "\"strength\":7,\"scale\":8," P, "strength scale " },
    { "{\"width\":1024,\"height\":1024,\"size\":\"2K\",\"ratio\":\"x\","
      "\"resolution\":\"1k\"," P, NULL },
    { "{\"width\":1024,\"height\":1024,\"size\":\"2K\",\"ratio\":\"1:1\","
      "\"aspect_ratio\":\"1:1\",\"resolution\":\"1k\"," P,
      "size ratio aspect_ratio resolution " },
    { "{\"size\":\"1024x1024\",\"ratio\":\"x\",\"resolution\":\"y\"," P,
      "ratio resolution " },
    { "{\"ratio\":\"1:1\",\"aspect_ratio\":\"x\"," P, "aspect_ratio " },
    { "{\"ratio\":\"1:1\",\"size\":\"4K\",\"resolution\":\"1k\"," P,
      "size " },
    { "{\"ratio\":\"1:1\",\"size\":\"4K\"," P, "" },
    { "{\"size\":\"4K\",\"resolution\":\"1k\"," P, "resolution " },
    { "{" OPT("3") P, "sequential_image_generation_options " },
    { "{\"sequential_image_generation_options\":{}," P, "" },
    { M(T2I) "\"force_single\":false,\"min_ratio\":0,\"max_ratio\":99," P,
      "force_single min_ratio max_ratio " },
    { M(T2I) "\"n\":2,\"force_single\":false," P, "force_single " },
    { M(T2I) "\"n\":2,\"force_single\":false," SEQ ":\"auto\"," P,
      "force_single " SEQ_NAME " " },
    { M(T2I) "\"force_single\":true,\"seed\":1,\"use_pre_llm\":true," P, "" },
    { M(T2I) SEQ ":\"auto\"," OPT("3") P, SEQ_NAME " "
      "sequential_image_generation_options " },
    { M(I2I) I "\"use_pre_llm\":7,\"seed\":1,\"scale\":0.3," P,
      "use_pre_llm " },
    { M(INPAINT) I "\"mask\":\"http://h/\",\"size\":7,\"width\":1,"
      "\"ratio\":\"x\",\"resolution\":\"y\",\"scale\":1," P,
      "size width ratio resolution scale " },
    { M(TILES) I "\"resolution\":\"4k\",\"size\":\"x\",\"height\":1," P,
      "prompt size height " }
};


static const async_case_t  async_cases[] = {
    { "{" P, 0, JM_STREAM_NONE },
    { "{\"async\":true," P, 1, JM_STREAM_NONE },
    { "{\"async\":false," P, 0, JM_STREAM_NONE },
    { "{\"async\":null,\"stream\":true," P, 0, JM_STREAM_OPENAI },
    { "{\"async\":true,\"stream\":false," P, 1, JM_STREAM_NONE },
    { "{\"async\":true,\"stream\":null," P, 1, JM_STREAM_NONE },
    { "{\"async\":false,\"stream\":true," P, 0, JM_STREAM_OPENAI },
    { "{\"extra_body\":{\"async\":true}," P, 1, JM_STREAM_NONE },
    { "{\"async\":true,\"n\":10,\"response_format\":\"b64_json\"," P, 1,
      JM_STREAM_NONE },
    { M(T2I) "\"async\":true," P, 1, JM_STREAM_NONE },
    { M(TILES) I "\"async\":true," P, 1, JM_STREAM_NONE }
};


static const sides_case_t  sides_cases[] = {
    { M(T2I) P, 0, 0 },
    { M(T2I) "\"size\":\"auto\"," P, 0, 0 },
    { M(T2I) "\"size\":\"1328x1328\"," P, 1328, 1328 },
    { M(T2I) "\"size\":\"513x2047\"," P, 513, 2047 },
    { M(T2I) "\"size\":\"256x256\"," P, 512, 512 },
    { M(T2I) "\"size\":\"400x1600\"," P, 512, 2048 },
    { M(T2I) "\"width\":640,\"height\":360," P, 912, 512 },
    { M(T2I) "\"width\":360,\"height\":640," P, 512, 912 },
    { M(T2I) "\"size\":\"1K\"," P, 1024, 1024 },
    { M(T2I) "\"size\":\"2K\"," P, 2048, 2048 },
    { M(T2I) "\"size\":1763584," P, 1328, 1328 },
    { M(T2I) "\"size\":1," P, 512, 512 },
    { M(T2I) "\"resolution\":\"1k\"," P, 1024, 1024 },
    { M(T2I) "\"ratio\":\"1:1\"," P, 1328, 1328 },
    { M(T2I) "\"ratio\":\"16:9\"," P, 1776, 992 },
    { M(T2I) "\"ratio\":\"9:16\"," P, 992, 1776 },
    { M(T2I) "\"ratio\":\"4:1\"," P, 2048, 512 },
    { M(T2I) "\"ratio\":\"1:4\"," P, 512, 2048 },
    { M(T2I) "\"ratio\":\"16:9\",\"resolution\":\"1k\"," P, 1664, 936 },
    { M(I2I) I P, 0, 0 },
    { M(I2I) I "\"ratio\":\"16:9\"," P, 1776, 992 },
    { M(I2I) I "\"size\":\"1536x512\"," P, 1536, 512 },
    { M(INPAINT) "\"image\":[\"http://h/\",\"http://h/\"],\"size\":\"2K\"," P,
      0, 0 },
    { M(TILES) I "\"width\":1024,\"height\":1024," P, 0, 0 }
};


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
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_INVALID && e.cause == JM_CAUSE_INVALID_REQUEST
           && e.param != NULL && strcmp(e.param, c->param) == 0
           && strstr(e.message, c->part) != NULL
           && e.message[strlen(e.message) - 1] == '.'
           && strstr(e.message, "a cat") == NULL,
           "%s: %s", c->body, e.message);

        tap_mem_done(&m);
    }
}


static void
test_group(void)
{
    size_t               i;
    jm_rc_e              rc;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    const group_case_t  *c;

    for (i = 0; i < jm_nitems(group_cases); i++) {
        c = &group_cases[i];
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_OK && r.n == c->n && r.force_single == c->force_single
           && r.max_images == c->max_images && r.retries == c->retries,
           "%s: %s", c->body, e.message);

        tap_mem_done(&m);
    }
}


static void
test_marks(void)
{
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    read_body(&r, "{\"watermark\":{}," P, &m, &e);
    ok(r.watermark && r.logo.position == -1 && r.logo.language == -1
       && r.logo.opacity == -1 && r.logo.text.len == 0,
       "an empty object is a watermark");
    tap_mem_done(&m);

    read_body(&r, "{\"watermark\":{\"add_logo\":null,\"position\":null,"
              "\"language\":null,\"opacity\":null,"
              "\"logo_text_content\":null}," P, &m, &e);
    ok(r.watermark && r.logo.position == -1 && r.logo.opacity == -1,
       "nulls are as good as absent");
    tap_mem_done(&m);

    read_body(&r, M("doubao-seedream-4-0-250828")
              "\"watermark\":{\"add_logo\":false}," P, &m, &e);
    is_int(r.watermark, 0, "add_logo is false");
    tap_mem_done(&m);

    read_body(&r, "{\"extra_body\":{\"watermark\":{\"position\":3,"
              "\"language\":1,\"opacity\":0.255,\"logo_text_content\":"
              "\"\xe7\x8c\xab\"},\"aigc_meta\":{\"producer_id\":\"p\"}}," P,
              &m, &e);
    ok(r.watermark && r.logo.position == 3 && r.logo.language == 1
       && r.logo.opacity == 26, "position, language, opacity");
    is_str(r.logo.text, "\xe7\x8c\xab", "text");
    is_str(r.aigc_meta.producer_id, "p", "aigc_meta");
    ok(r.aigc_meta.content_producer.len == 0, "and what it does not have");
    tap_mem_done(&m);

    read_body(&r, "{" P, &m, &e);
    ok(!r.watermark && r.aigc_meta.producer_id.len == 0, "none by default");
    tap_mem_done(&m);
}


static void
test_ignored(void)
{
    char                   names[1024];
    size_t                 i;
    jm_rc_e                rc;
    unsigned               bit;
    tap_mem_t              m;
    jm_error_t             e;
    const char            *name;
    jm_request_t           r;
    const ignored_case_t  *c;

    for (i = 0; i < jm_nitems(ignored_cases); i++) {
        c = &ignored_cases[i];
        rc = read_body(&r, c->body, &m, &e);
        tap_mem_done(&m);

        if (c->ignored == NULL) {
            is_int(rc, JM_INVALID, "a ratio is held against its form: %s",
                   c->body);
            continue;
        }

        names[0] = '\0';

        for (bit = 0; bit < 64 && rc == JM_OK; bit++) {
            name = jm_request_field_name(bit);

            if (r.ignored >> bit & 1) {
                strcat(names, name != NULL ? name : "?");
                strcat(names, " ");
            }
        }

        ok(rc == JM_OK, "%s: %s", c->body, e.message);
        is_cstr(names, c->ignored, "is ignored");
    }

    ok(jm_request_field_name(63) == NULL, "not every bit is a field's");
}


static void
test_async(void)
{
    size_t               i;
    jm_rc_e              rc;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    const async_case_t  *c;

    for (i = 0; i < jm_nitems(async_cases); i++) {
        c = &async_cases[i];
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_OK && r.async == c->async && r.stream == c->stream,
           "%s: %s", c->body, e.message);

        tap_mem_done(&m);
    }
}


static void
test_sides(void)
{
    size_t               i;
    jm_rc_e              rc;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    const sides_case_t  *c;

    for (i = 0; i < jm_nitems(sides_cases); i++) {
        c = &sides_cases[i];
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_OK && r.size.width == c->width
           && r.size.height == c->height && r.size.area == 0,
           "%s: %ux%u %s", c->body, r.size.width, r.size.height, e.message);

        tap_mem_done(&m);
    }

    rules.strict_size = 1;
    rc = read_body(&r, M(T2I) "\"size\":\"511x512\"," P, &m, &e);
    ok(rc == JM_INVALID && strcmp(e.param, "size") == 0, "strict: %s",
       e.message);
    tap_mem_done(&m);
    rules.strict_size = 0;
}


/* rows of an operator's, with limits of the area beside those of the sides */

static void
test_limits(void)
{
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_model_t    row;
    jm_error_t    e;
    jm_models_t   table;
    jm_request_t  r;

    jm_model_init(&row, str("mine"), str(T2I), JM_PROVIDER_VISUAL);

    row.min_area = 1024 * 1024;
    table.rows = &row;
    table.n = 1;
    table.providers = jm_provider_bit(JM_PROVIDER_VISUAL);
    rules.models = &table;

    rc = read_body(&r, M("mine") "\"size\":\"512x512\"," P, &m, &e);
    ok(rc == JM_OK && r.size.width == 1024 && r.size.height == 1024,
       "the floor of the area is the operator's");
    tap_mem_done(&m);

    row.min_area = 2000 * 2000;

    rc = read_body(&r, M("mine") "\"size\":\"2048x512\"," P, &m, &e);
    ok(rc == JM_INVALID && strstr(e.message, "512 to 2048") != NULL,
       "at odds with the sides: %s", e.message);
    tap_mem_done(&m);

    rules.models = NULL;
}


static void
test_models(void)
{
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    is_int(read_body(&r, M(T2I) "\"seed\":-1,\"use_pre_llm\":false," P, &m,
                     &e),
           JM_OK, "a text-only model");
    ok(r.has_seed && r.seed == -1 && r.has_pre_llm && !r.pre_llm
       && !r.has_scale, "its own fields");
    tap_mem_done(&m);

    is_int(read_body(&r, M(INPAINT) "\"mask\":{\"image_url\":\"http://h/m\"},"
                     "\"image\":\"http://h/i\"," P, &m, &e),
           JM_OK, "a picture and a mask");
    is_str(r.images[0].text, "http://h/i", "the picture");
    is_str(r.images[1].text, "http://h/m", "the mask is the last");
    tap_mem_done(&m);

    is_int(read_body(&r, M(TILES) I "\"resolution\":\"8K\",\"prompt\":\"\"}",
                     &m, &e),
           JM_OK, "a model without a prompt");
    is_str(r.resolution, "8k", "its resolution");
    ok(r.prompt.len == 0, "no prompt");
    tap_mem_done(&m);
}


int
main(void)
{
    test_bad();
    test_group();
    test_marks();
    test_ignored();
    test_async();
    test_sides();
    test_limits();
    test_models();

    return done_testing();
}
