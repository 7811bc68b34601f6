
/*
 * Requests for Ark's models: the body of the call, byte for byte, for each
 * field in each dialect; what is refused; and what has no effect, and is told.
 *
 * Seen failing with a group of a model without groups made one picture, with
 * pictures in and out not counted together, with a size that has no name sent
 * by its area, and with a watermark that is left to Ark.
 */


#include "request.h"
#include "jm_ark.h"
#include "jm_field.h"


typedef struct {
    const char      *fields;        /* behind the model */
    const char      *sent;          /* between the model and the end */
    uint64_t         ignored;
} sent_case_t;

typedef struct {
    const char      *fields;
    const char      *param;
} refused_case_t;


#define S45      "jimeng-4.5"
#define S50      "doubao-seedream-5-0-260128"
#define PRO      "dola-seedream-5-0-pro-260628"
#define S40      "seedream-4-0-250828"
#define S30      "doubao-seedream-3-0-t2i-250415"

#define P        "\"prompt\":\"p\""
#define SINGLE   ",\"sequential_image_generation\":\"disabled\","             \
                 "\"stream\":false"
#define GROUP(n) ",\"sequential_image_generation\":\"auto\","                 \
                 "\"sequential_image_generation_options\":{\"max_images\":"   \
                 n "},\"stream\":false"
#define AUTO     ",\"sequential_image_generation\":\"auto\""
#define MAX(n)   ",\"sequential_image_generation_options\":{\"max_images\":"  \
                 n "}"
#define size(s)  ",\"size\":\"" s "\""
#define bit(f)   (UINT64_C(1) << JM_FIELD_##f)
#define URLS_2   "[\"http://h/1\",\"http://h/2\"]"


static const sent_case_t  sent_45[] = {
    { P, P SINGLE, 0 },
    { P ",\"n\":3", P SINGLE, 0 },
    { P size("2k"), P size("2K") SINGLE, 0 },
    { P size("4K"), P size("4K") SINGLE, 0 },
    { P ",\"size\":4194304", P size("2K") SINGLE, 0 },
    { P ",\"size\":4200000", P size("2048x2048") SINGLE, 0 },
    { P size("1K"), P size("1920x1920") SINGLE, 0 },
    { P size("3K"), P size("3072x3072") SINGLE, 0 },
    { P size("auto"), P SINGLE, 0 },
    { P size("adaptive"), P SINGLE, 0 },
    { P size("1024x1024"), P size("1920x1920") SINGLE, 0 },
    { P size("1536x1024"), P size("2352x1568") SINGLE, 0 },
    { P size("2560*1440"), P size("2560x1440") SINGLE, 0 },
    { P ",\"width\":2048,\"height\":4096", P size("2048x4096") SINGLE, 0 },
    { P ",\"ratio\":\"16:9\"", P size("2560x1440") SINGLE, 0 },
    { P ",\"aspect_ratio\":\"9:16\",\"resolution\":\"4k\"",
      P size("3040x5404") SINGLE, 0 },
    { P ",\"ratio\":\"1:1\",\"resolution\":\"1.5k\"",
      P size("1920x1920") SINGLE, 0 },
    { P ",\"ratio\":\"1:1\",\"resolution\":\"3k\"",
      P size("3072x3072") SINGLE, 0 },
    { P ",\"ratio\":\"4:3\"" size("3K"), P size("3552x2656") SINGLE, 0 },
    { P ",\"resolution\":\"4k\"", P size("4K") SINGLE, 0 },
    { P ",\"image\":\"http://h/1\"", P ",\"image\":\"http://h/1\"" SINGLE, 0 },
    { P ",\"images\":" URLS_2, P ",\"image\":" URLS_2 SINGLE, 0 },
    { P AUTO, P GROUP("15"), 0 },
    { P AUTO MAX("4"), P GROUP("4"), 0 },
    { P ",\"force_single\":false", P GROUP("15"), 0 },
    { P ",\"image\":" URLS_2 AUTO, P ",\"image\":" URLS_2 GROUP("13"), 0 },
    { P ",\"image\":" URLS_2 AUTO MAX("13"),
      P ",\"image\":" URLS_2 GROUP("13"), 0 },
    { P MAX("4"), P SINGLE, bit(SEQUENCE_OPTIONS) },
    { P ",\"force_single\":true", P SINGLE, 0 },
    { P ",\"optimize_prompt_options\":{\"mode\":\"fast\"}",
      P SINGLE ",\"optimize_prompt_options\":{\"mode\":\"fast\"}", 0 },
    { P ",\"optimize_prompt_options\":{}", P SINGLE, 0 },
    { P ",\"output_format\":\"png\",\"tools\":[],\"background\":\"x\","
      "\"layer_decomposition\":1,\"seed\":5,\"guidance_scale\":3,\"scale\":0.5,"
      "\"min_ratio\":1,\"aigc_meta\":{},\"mask\":\"http://h/\",\"user\":\"u\"",
      P SINGLE, bit(OUTPUT_FORMAT)|bit(TOOLS)|bit(BACKGROUND)|bit(LAYERS)
      |bit(SEED)|bit(GUIDANCE_SCALE)|bit(SCALE)|bit(MIN_RATIO)|bit(AIGC_META)
      |bit(MASK)|bit(USER) },
    { "\"prompt\":\"\\\"\\n\\u732b\"",
      "\"prompt\":\"\\\"\\n\xe7\x8c\xab\"" SINGLE, 0 }
};

static const sent_case_t  sent_50[] = {
    { P ",\"output_format\":\"png\",\"tools\":[{\"type\":\"web_search\"}],"
      "\"optimize_prompt_options\":{\"mode\":\"standard\"}",
      P SINGLE ",\"output_format\":\"png\",\"optimize_prompt_options\":"
      "{\"mode\":\"standard\"},\"tools\":[{\"type\":\"web_search\"}]", 0 },
    { P size("3K"), P size("3K") SINGLE, 0 },
    { P size("1.5K"), P size("1920x1920") SINGLE, 0 },
    { P ",\"extra_body\":{\"output_format\":\"jpeg\"}",
      P SINGLE ",\"output_format\":\"jpeg\"", 0 }
};

static const sent_case_t  sent_pro[] = {
    { P, P, 0 },
    { P size("1.5k"), P size("1.5K"), 0 },
    { P ",\"size\":2359296", P size("1.5K"), 0 },
    { P size("1K"), P size("1K"), 0 },
    { P ",\"ratio\":\"3:2\"" size("1.5K"), P size("1888x1248"), 0 },
    { P ",\"ratio\":\"21:9\",\"resolution\":\"1k\"", P size("2016x864"), 0 },
    { P size("512x512"), P size("960x960"), 0 },
    { P ",\"force_single\":true", P, 0 },
    { P ",\"background\":\"transparent\",\"output_format\":\"png\"",
      P ",\"output_format\":\"png\",\"background\":\"transparent\"", 0 },
    { "\"image\":\"http://h/1\",\"layer_decomposition\":true",
      "\"image\":\"http://h/1\",\"layer_decomposition\":true", 0 },
    { P ",\"layer_decomposition\":false", P, 0 }
};

static const sent_case_t  sent_40[] = {
    { P size("1K"), P size("1K") SINGLE, 0 },
    { P size("1.5K"), P size("1536x1536") SINGLE, 0 },
    { P size("512x512"), P size("960x960") SINGLE, 0 }
};

static const sent_case_t  sent_30[] = {
    { P ",\"seed\":7,\"guidance_scale\":2.5",
      P ",\"seed\":7,\"guidance_scale\":2.5", 0 },
    { P size("1K"), P size("1024x1024"), 0 },
    { P ",\"ratio\":\"1:1\"", P size("1024x1024"), 0 },
    { P ",\"optimize_prompt_options\":{}", P, bit(OPTIMIZE_OPTIONS) }
};

static const struct {
    const char         *model;
    const char         *target;
    unsigned            watermark;
    const sent_case_t  *cases;
    size_t              n;
} sent_models[] = {
    { S45, "doubao-seedream-4-5-251128", 0, sent_45, jm_nitems(sent_45) },
    { S50, S50, 1, sent_50, jm_nitems(sent_50) },
    { PRO, PRO, 1, sent_pro, jm_nitems(sent_pro) },
    { S40, S40, 1, sent_40, jm_nitems(sent_40) },
    { S30, S30, 1, sent_30, jm_nitems(sent_30) }
};


static const refused_case_t  refused_45[] = {
    { "\"n\":1", "prompt" },
    { P size("5K"), "size" },
    { P size("1.5"), "size" },
    { P size("4097x4096"), "size" },
    { P ",\"size\":16777217", "size" },
    { P size("8192x256"), "size" },
    { P ",\"ratio\":\"1:1\",\"resolution\":\"8k\"", "resolution" },
    { P AUTO ",\"n\":2", "n" },
    { P AUTO MAX("16"), "sequential_image_generation_options.max_images" },
    { P ",\"image\":" URLS_2 AUTO MAX("14"),
      "sequential_image_generation_options.max_images" },
    { P ",\"optimize_prompt_options\":{\"mode\":\"slow\"}",
      "optimize_prompt_options.mode" },
    { P ",\"optimize_prompt_options\":\"fast\"", "optimize_prompt_options" },
    { P ",\"watermark\":1", "watermark" }
};

static const refused_case_t  refused_50[] = {
    { P ",\"output_format\":\"webp\"", "output_format" },
    { P ",\"output_format\":1", "output_format" },
    { P ",\"tools\":[{\"type\":\"x\"}]", "tools" },
    { P ",\"tools\":[1]", "tools" },
    { P ",\"tools\":{\"type\":\"web_search\"}", "tools" }
};

static const refused_case_t  refused_pro[] = {
    { P AUTO, "sequential_image_generation" },
    { P ",\"force_single\":false", "force_single" },
    { P size("4K"), "size" },
    { P size("3k"), "size" },
    { P ",\"background\":\"red\"", "background" },
    { P ",\"background\":true", "background" },
    { P ",\"layer_decomposition\":1", "layer_decomposition" },
    { P ",\"layer_decomposition\":true", "layer_decomposition" },
    { P ",\"layer_decomposition\":true,\"image\":" URLS_2,
      "layer_decomposition" },
    { P ",\"layer_decomposition\":true,\"image\":\"http://h/1\",\"n\":2", "n" },
    { "\"layer_decomposition\":false,\"image\":\"http://h/1\"", "prompt" }
};

static const refused_case_t  refused_30[] = {
    { P ",\"image\":\"http://h/1\"", "image" },
    { P ",\"guidance_scale\":11", "guidance_scale" },
    { P ",\"guidance_scale\":0.9", "guidance_scale" },
    { P ",\"guidance_scale\":true", "guidance_scale" },
    { P ",\"seed\":1,\"n\":2", "seed" },
    { P AUTO, "sequential_image_generation" }
};

static const struct {
    const char            *model;
    const refused_case_t  *cases;
    size_t                 n;
} refused_models[] = {
    { S45, refused_45, jm_nitems(refused_45) },
    { S50, refused_50, jm_nitems(refused_50) },
    { PRO, refused_pro, jm_nitems(refused_pro) },
    { S30, refused_30, jm_nitems(refused_30) }
};


static const jm_models_t  both = {
    NULL, 0,
    jm_provider_bit(JM_PROVIDER_VISUAL)|jm_provider_bit(JM_PROVIDER_ARK)
};


static jm_rc_e
read_ark(jm_request_t *r, const char *model, const char *fields, tap_mem_t *m,
    jm_error_t *e)
{
    char    *body;
    size_t   len;

    tap_mem_init(m, 0);

    len = strlen(model) + strlen(fields) + sizeof("{'model':'',}");
    body = m->mem.alloc(m, len);

    (void) snprintf(body, len, "{\"model\":\"%s\",%s}", model, fields);

    return jm_request_read(r, str(body), &rules, &m->mem, e);
}


static void
test_sent(void)
{
    char                expected[2048];
    size_t              i, k;
    jm_buf_t            b;
    tap_mem_t           m;
    jm_error_t          e;
    jm_request_t        r;
    const sent_case_t  *c;

    for (i = 0; i < jm_nitems(sent_models); i++) {
        for (k = 0; k < sent_models[i].n; k++) {
            c = &sent_models[i].cases[k];

            if (read_ark(&r, sent_models[i].model, c->fields, &m, &e)
                != JM_OK)
            {
                ok(0, "%s is read: %s", c->fields, e.message);
                tap_mem_done(&m);
                continue;
            }

            (void) snprintf(expected, sizeof(expected),
                            "{\"model\":\"%s\",%s,\"response_format\":\"url\","
                            "\"watermark\":%s}", sent_models[i].target,
                            c->sent,
                            sent_models[i].watermark ? "true" : "false");

            jm_buf_init(&b, &m.mem, 16, 4096);

            is_int(jm_ark_submit(&b, &r, 0, NULL), JM_OK, "it is written");
            is_str(jm_buf_view(&b), expected, "%s", c->fields);
            is_int((int64_t) r.ignored, (int64_t) c->ignored,
                   "what has no effect");

            tap_mem_done(&m);
        }
    }
}


static void
test_refused(void)
{
    size_t                 i, k;
    jm_rc_e                rc;
    tap_mem_t              m;
    jm_error_t             e;
    jm_request_t           r;
    const refused_case_t  *c;

    for (i = 0; i < jm_nitems(refused_models); i++) {
        for (k = 0; k < refused_models[i].n; k++) {
            c = &refused_models[i].cases[k];

            rc = read_ark(&r, refused_models[i].model, c->fields, &m, &e);

            ok(rc == JM_INVALID && e.param != NULL
               && strcmp(e.param, c->param) == 0
               && e.cause == JM_CAUSE_INVALID_REQUEST,
               "%s: %s", c->fields, rc == JM_INVALID ? e.message : "taken");
            tap_mem_done(&m);
        }
    }

    rules.strict_size = 1;

    is_int(read_ark(&r, S45, P size("1K"), &m, &e), JM_INVALID,
           "strict: a size that it has no name for, and does not make");
    tap_mem_done(&m);
    is_int(read_ark(&r, S45, P size("3K"), &m, &e), JM_OK,
           "strict: one that it makes");
    tap_mem_done(&m);

    rules.strict_size = 0;
}


/* sizes as the reply tells them; how many pictures; dialects of streams */

static void
test_read(void)
{
    char          text[JM_SIZE_TEXT];
    jm_buf_t      b;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    (void) read_ark(&r, PRO, P size("1.5K"), &m, &e);
    jm_buf_fixed(&b, text, sizeof(text));
    jm_size_write(&b, &r.size);
    is_str(jm_buf_view(&b), "1.5K", "a size is told by its name");
    tap_mem_done(&m);

    (void) read_ark(&r, "jimeng-4.0", P ",\"size\":2359296", &m, &e);
    jm_buf_fixed(&b, text, sizeof(text));
    jm_size_write(&b, &r.size);
    is_str(jm_buf_view(&b), "2359296", "but by Jimeng 4.0, which has none");
    tap_mem_done(&m);

    is_int(read_ark(&r, "jimeng-4.0", P size("3K"), &m, &e), JM_INVALID,
           "nor takes it");
    ok(strstr(e.message, "3K") == NULL, "%s", e.message);
    tap_mem_done(&m);

    (void) read_ark(&r, "jimeng-4.0", P ",\"tools\":[{\"type\":\"x\"}],"
                    "\"layer_decomposition\":5", &m, &e);
    is_int((int64_t) r.ignored, (int64_t) (bit(TOOLS)|bit(LAYERS)),
           "what is Ark's has no effect there");
    tap_mem_done(&m);

    (void) read_ark(&r, PRO, "\"image\":\"http://h/1\","
                    "\"layer_decomposition\":true", &m, &e);
    ok(!r.force_single && r.max_images == 0, "layers are several pictures");
    is_int((int64_t) jm_ark_most(&r), JM_ARK_PICTURES, "and a base");
    tap_mem_done(&m);

    (void) read_ark(&r, PRO, P, &m, &e);
    ok(r.force_single == 1, "else one is one");
    is_int((int64_t) jm_ark_most(&r), 1, "at most");
    tap_mem_done(&m);

    (void) read_ark(&r, S45, P AUTO MAX("3"), &m, &e);
    ok(!r.force_single && r.max_images == 3, "a group");
    is_int((int64_t) jm_ark_most(&r), 3, "of so many");
    tap_mem_done(&m);

    (void) read_ark(&r, S45, P AUTO ",\"image\":" URLS_2, &m, &e);
    is_int((int64_t) jm_ark_most(&r), 13, "or as many as there may be");
    tap_mem_done(&m);

    (void) read_ark(&r, S45, P ",\"response_format\":\"b64_json\"", &m, &e);
    is_int(r.b64, 1, "data, which are made of what is linked");
    tap_mem_done(&m);

    (void) read_ark(&r, S45, P ",\"stream\":true,\"response_format\":\"url\"",
                    &m, &e);
    is_int(r.stream, JM_STREAM_OPENAI, "a stream by a name that is not Ark's");
    tap_mem_done(&m);

    (void) read_ark(&r, S40, P ",\"stream\":true,\"watermark\":false", &m, &e);
    ok(r.stream == JM_STREAM_ARK && !r.watermark, "and by one that is");

    jm_buf_init(&b, &m.mem, 16, 4096);
    (void) jm_ark_submit(&b, &r, 1, NULL);
    ok(b.len != 0 && strstr((char *) b.data, "\"stream\":true,\"response_format"
                            "\":\"url\",\"watermark\":false}") != NULL,
       "a stream may be asked of Ark");
    tap_mem_done(&m);

    (void) read_ark(&r, PRO, P ",\"stream\":true", &m, &e);
    jm_buf_init(&b, &m.mem, 16, 4096);
    (void) jm_ark_submit(&b, &r, 1, NULL);
    jm_buf_literal(&b, "\0");
    ok(strstr((char *) b.data, "stream") == NULL, "but not of this model");
    tap_mem_done(&m);
}


static unsigned
is_place(const jm_buf_t *b, size_t at)
{
    return at != 0 && at < b->len && memcmp(b->data + at - 1, "\"\"", 2) == 0;
}


/* pictures as data, beside URLs */

static void
test_data(void)
{
    size_t        at[JM_REQUEST_IMAGES];
    jm_buf_t      b;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    (void) read_ark(&r, S45, P ",\"image\":\"data:image/webp;base64,UklG\"",
                    &m, &e);
    jm_buf_init(&b, &m.mem, 16, 4096);
    jm_buf_literal(&b, "xyz");
    is_int(jm_ark_submit(&b, &r, 0, at), JM_OK, "a picture as data");
    ok(is_place(&b, at[0])
       && memcmp(b.data + at[0] - 9, "\"image\":\"\",", 11) == 0,
       "has the place of all of its text");

    b.len = 0;
    is_int(jm_ark_submit(&b, &r, 0, NULL), JM_ERROR, "which has to be kept");
    tap_mem_done(&m);

    is_int(read_ark(&r, S45, P ",\"image\":[\"iVBOR\",\"http://h/2\",\"/9j/\"]",
                    &m, &e), JM_OK, "data and URLs go together");
    jm_buf_init(&b, &m.mem, 16, 4096);
    (void) jm_ark_submit(&b, &r, 0, at);
    ok(is_place(&b, at[0]) && is_place(&b, at[2]) && at[2] > at[0],
       "each has its place");
    is_int((int64_t) at[1], 0, "the URL has none");
    ok(memcmp(b.data + at[0] - 2, "[\"\",\"http://h/2\",\"\"]", 20) == 0,
       "in their order");
    tap_mem_done(&m);
}


/* a form's texts are read as what they are for */

static void
test_form(void)
{
    tap_mem_t        m;
    jm_error_t       e;
    jm_request_t     r;
    jm_form_field_t  fields[7];

    memset(fields, 0, sizeof(fields));

    fields[0].name = str("model");
    fields[0].value = str(PRO);
    fields[1].name = str("layer_decomposition");
    fields[1].value = str("1");
    fields[2].name = str("image[]");
    fields[2].value = str("http://h/1");
    fields[3].name = str("output_format");
    fields[3].value = str("png");
    fields[4].name = str("background");
    fields[4].value = str("opaque");
    fields[5].name = str("optimize_prompt_options");
    fields[5].value = str("{\"mode\":\"fast\"}");
    fields[6].name = str("size");
    fields[6].value = str("1.5K");

    tap_mem_init(&m, 0);

    ok(jm_request_read_form(&r, fields, 7, &rules, &m.mem, &e) == JM_OK
       && r.ark.layers && strcmp(r.ark.output_format, "png") == 0
       && strcmp(r.ark.background, "opaque") == 0
       && strcmp(r.ark.optimize, "fast") == 0 && r.size.named,
       "a form");

    tap_mem_done(&m);
}


int
main(void)
{
    rules.models = &both;

    test_sent();
    test_refused();
    test_read();
    test_data();
    test_form();

    return done_testing();
}
