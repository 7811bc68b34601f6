
/* The model table, and an operator's rows before it. */


#include "tap.h"
#include "jm_model.h"


typedef struct {
    const char      *name;
    const char      *req_key;       /* NULL: not known */
    uint32_t         min_images;
    uint32_t         images;
    uint32_t         max_bytes;
    uint32_t         max_skew;
    uint32_t         min_area;
    uint32_t         max_area;
    uint32_t         min_side;
    uint32_t         max_side;
    uint32_t         max_ratio;
    unsigned         takes;
    jm_scale_e       scale;
    unsigned         watermark;
    const char      *prompt;
} model_case_t;


#define NEW_AREA  1048576, 16777216, 0, 0, 16
#define NEW_TAKES                                                             \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_AREA|JM_MODEL_GROUP
#define T2I_TAKES                                                             \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_SEED|JM_MODEL_PRE_LLM
#define MB15      15728640
#define MB4_7     4928307
#define NO_AREA   0, 0, 0, 0, 0
#define UNKNOWN   NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, JM_SCALE_NONE, 0, NULL

#define V40(name)                                                             \
    { name, "jimeng_t2i_v40", 0, 10, MB15, 3, NEW_AREA, NEW_TAKES,            \
      JM_SCALE_FRACTION, 0, "prompt" }
#define V40_ARK(name)                                                         \
    { name, "jimeng_t2i_v40", 0, 10, MB15, 3, NEW_AREA,                       \
      (NEW_TAKES)|JM_MODEL_ARK, JM_SCALE_FRACTION, 1, "prompt" }
#define V46(name)                                                             \
    { name, "jimeng_seedream46_cvtob", 0, 14, MB15, 0, NEW_AREA,              \
      (NEW_TAKES)|JM_MODEL_4K_46, JM_SCALE_PERCENT, 0, "prompt" }
#define EXTRACT(name, prompt)                                                 \
    { name, name, 1, 1, MB15, 0, 1048576, 16777216, 1024, 4096, 16,           \
      JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_LORA|JM_MODEL_SEED,             \
      JM_SCALE_NONE, 0, prompt }


static const model_case_t  model_cases[] = {
    V40("jimeng_t2i_v40"),
    V40("jimeng-4.0"),
    V40_ARK("doubao-seedream-4-0-250828"),
    V40_ARK("doubao-seedream-4-0-20260415"),
    V40_ARK("seedream-4-0-250828"),
    V46("jimeng-4.6"),
    V46("jimeng_seedream46_cvtob"),
    { "jimeng_t2i_v31", "jimeng_t2i_v31", 0, 0, MB15, 3, 262144, 4194304, 0,
      0, 3, T2I_TAKES, JM_SCALE_NONE, 0, "prompt" },
    { "jimeng_t2i_v30", "jimeng_t2i_v30", 0, 0, MB15, 3, 262144, 4194304, 512,
      2048, 16, T2I_TAKES, JM_SCALE_NONE, 0, "prompt" },
    { "jimeng_i2i_v30", "jimeng_i2i_v30", 1, 1, MB4_7, 3, 262144, 4064256,
      512, 2016, 16,
      JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_SEED|JM_MODEL_BASE64,
      JM_SCALE_FRACTION, 0, "prompt" },
    { "jimeng_image2image_dream_inpaint", "jimeng_image2image_dream_inpaint",
      2, 2, MB4_7, 0, NO_AREA,
      JM_MODEL_PROMPT|JM_MODEL_MASK|JM_MODEL_SEED|JM_MODEL_BASE64,
      JM_SCALE_NONE, 0, "prompt" },
    { "jimeng_i2i_seed3_tilesr_cvtob", "jimeng_i2i_seed3_tilesr_cvtob",
      1, 1, MB4_7, 3, NO_AREA, JM_MODEL_RESOLUTION|JM_MODEL_BASE64,
      JM_SCALE_DETAIL, 0, NULL },
    { "jimeng_img2img_seed3_painting_edit",
      "jimeng_img2img_seed3_painting_edit", 1, 2, MB15, 0, NO_AREA,
      JM_MODEL_PROMPT|JM_MODEL_NO_PROMPT|JM_MODEL_MASK|JM_MODEL_EXPAND
      |JM_MODEL_SEED|JM_MODEL_BASE64, JM_SCALE_NONE, 0, "prompt" },
    EXTRACT("i2i_material_extraction", "image_edit_prompt"),
    EXTRACT("jimeng_i2i_extract_tiled_images", "edit_prompt"),
    { "doubao-seedream-4-5-251128", UNKNOWN },
    { "doubao-seedream-4-0-250829", UNKNOWN },
    { "seedream-4-0-", UNKNOWN },
    { "seedream-4-5-251128", UNKNOWN },
    { "jimeng-4.5", UNKNOWN },
    { "Jimeng-4.0", UNKNOWN },
    { "jimeng-4.", UNKNOWN },
    { "jimeng-4.00", UNKNOWN },
    { "", UNKNOWN }
};


static void
test_builtin(void)
{
    size_t               i;
    const jm_model_t    *m;
    const model_case_t  *c;

    for (i = 0; i < jm_nitems(model_cases); i++) {
        c = &model_cases[i];
        m = jm_model_find(NULL, str(c->name));

        if (c->req_key == NULL) {
            ok(m == NULL, "\"%s\" is not known", c->name);
            continue;
        }

        if (!ok(m != NULL, "\"%s\" is known", c->name)) {
            continue;
        }

        is_str(m->name, c->name, "its name");
        is_str(m->req_key, c->req_key, "its req_key");
        is_int(m->min_images, c->min_images, "the pictures it needs");
        is_int(m->images, c->images, "its pictures");
        is_int(m->max_bytes, c->max_bytes, "the bytes of one");
        is_int(m->scale, c->scale, "its scale");
        is_int(m->watermark, c->watermark, "its watermark");
        is_int(m->min_area, c->min_area, "its floor");
        is_int(m->max_area, c->max_area, "its ceiling");
        is_int(m->min_side, c->min_side, "its shortest side");
        is_int(m->max_side, c->max_side, "its longest side");
        is_int(m->takes, c->takes, "what it takes");
        is_int(m->max_skew, c->max_skew, "the ratio of its pictures");
        is_int(m->max_ratio, c->max_ratio, "the ratio of what it makes");

        ok(m->prompt == NULL ? c->prompt == NULL
                             : c->prompt != NULL
                               && strcmp(m->prompt, c->prompt) == 0,
           "what its prompt is called");
    }
}


/* a row of Visual's */

static void
visual(jm_model_t *m, const char *name, const char *req_key)
{
    jm_model_init(m, str(name), str(req_key), JM_PROVIDER_VISUAL);
}


static void
test_extra(void)
{
    jm_model_t    rows[3];
    jm_models_t   extra;

    visual(&rows[0], "mine", "first");
    visual(&rows[1], "jimeng-4.0", "other");
    visual(&rows[2], "mine", "second");

    extra.rows = rows;
    extra.n = 3;
    extra.providers = jm_provider_bit(JM_PROVIDER_VISUAL);

    is_str(rows[0].name, "mine", "a new row has its name");
    is_str(rows[0].req_key, "first", "and its req_key");
    ok(rows[0].images == 10 && rows[0].scale == JM_SCALE_FRACTION
       && rows[0].watermark == 0, "and the rest of Jimeng 4.0");

    ok(jm_model_find(&extra, str("mine")) == &rows[2], "the last wins");
    ok(jm_model_find(&extra, str("jimeng-4.0")) == &rows[1],
       "a row stands before the built-in one");
    is_str(jm_model_find(&extra, str("jimeng-4.6"))->req_key,
           "jimeng_seedream46_cvtob", "the built-in ones are there still");
    ok(jm_model_find(&extra, str("min")) == NULL, "no prefix matches");

    extra.rows = NULL;
    extra.n = 0;

    ok(jm_model_find(&extra, str("jimeng-4.0")) != NULL, "an empty table");
}


/* an operator's row of a known req_key has what that one takes */

static void
test_init(void)
{
    jm_model_t  m;

    visual(&m, "mine", "jimeng_t2i_v30");

    is_str(m.name, "mine", "a row of a known req_key has its name");
    ok(m.images == 0 && m.max_side == 2048 && m.takes == (T2I_TAKES)
       && m.scale == JM_SCALE_NONE, "and what the req_key takes");

    visual(&m, "mine", "jimeng_t2i_v40");
    is_int(m.watermark, 0, "the watermark is that of the first such row");
    is_int(m.takes & JM_MODEL_ARK, 0, "nor is the name Ark's");

    visual(&m, "doubao-seedream-5", "jimeng_t2i_v40");
    ok((m.takes & JM_MODEL_ARK) != 0 && m.watermark, "a name of Ark's is");

    visual(&m, "dola-seedream-5", "jimeng_t2i_v31");
    ok((m.takes & JM_MODEL_ARK) != 0 && m.watermark, "or of BytePlus'");

    visual(&m, "seedream-4-5", "x");
    ok((m.takes & JM_MODEL_ARK) != 0 && m.watermark, "both of them");

    visual(&m, "my-seedream-4-5", "x");
    ok(!(m.takes & JM_MODEL_ARK) && !m.watermark, "and no other");

    visual(&m, "gpt-image-1", "jimeng_t2i_v40");
    is_int(m.takes, (NEW_TAKES)|JM_MODEL_GPT|JM_MODEL_DATA,
           "a name of OpenAI's, and data");

    visual(&m, "chatgpt-image-latest", "jimeng_t2i_v40");
    is_int(m.takes, (NEW_TAKES)|JM_MODEL_GPT|JM_MODEL_DATA,
           "another name of OpenAI's, and data");

    visual(&m, "chatgpt-image", "jimeng_t2i_v40");
    is_int(m.takes, NEW_TAKES, "less than that is none");

    visual(&m, "gpt-image", "jimeng_t2i_v40");
    is_int(m.takes, NEW_TAKES, "less than the name is none");
}


/* the reason is set by the call: it must not be an argument beside it */

static void
is_refused(const jm_model_t *m, const char *what)
{
    jm_rc_e      rc;
    const char  *why;

    why = "";
    rc = jm_model_check(m, &why);

    ok(rc == JM_INVALID && why[0] != '\0', "%s: %s", what, why);
}


/* rows that no request can meet */

static void
test_check(void)
{
    jm_model_t   m;
    const char  *why;

    visual(&m, "mine", "jimeng_image2image_dream_inpaint");
    is_int(jm_model_check(&m, &why), JM_OK, "a row as it is built in");

    m.images = 1;
    is_refused(&m, "fewer pictures");

    visual(&m, "mine", "jimeng_i2i_v30");
    m.images = 0;
    is_refused(&m, "no picture");

    visual(&m, "mine", "jimeng_t2i_v30");
    m.min_area = 2048 * 2048;
    m.max_area = 2147483647;
    is_int(jm_model_check(&m, &why), JM_OK, "the largest square alone");

    m.min_area++;
    is_refused(&m, "more than that");

    m.min_area = 1;
    m.max_area = 512 * 512;
    is_int(jm_model_check(&m, &why), JM_OK, "the smallest square alone");

    m.max_area--;
    is_refused(&m, "less than that");

    visual(&m, "mine", "jimeng_t2i_v40");
    m.min_area = 1;
    m.max_area = 1;
    is_int(jm_model_check(&m, &why), JM_OK, "sides of any length");
}


/* the editions of Seedream 4.0 at BytePlus, whatever their numbers */

static void
test_family(void)
{
    jm_model_t         row;
    jm_models_t        extra;
    const jm_model_t  *m;

    m = jm_model_find(NULL, str("seedream-4-0-260415"));
    ok(m != NULL && m->watermark && (m->takes & JM_MODEL_ARK),
       "one that is not in the table");
    ok(m == jm_model_find(NULL, str("seedream-4-0-250828")), "as one that is");

    visual(&row, "seedream-4-0-250828", "mine");

    extra.rows = &row;
    extra.n = 1;
    extra.providers = jm_provider_bit(JM_PROVIDER_VISUAL);

    ok(jm_model_find(&extra, str("seedream-4-0-260415")) == &row,
       "also where an operator has a row of it");
}


static void
test_list(void)
{
    size_t         i, n, bad;
    jm_model_t     rows[4];
    jm_models_t    extra;
    static const char  *names[] = { "jimeng-4.0", "other", "mine" };

    visual(&rows[0], "mine", "first");
    visual(&rows[1], "jimeng-4.0", "other");
    visual(&rows[2], "other", "other");
    visual(&rows[3], "mine", "second");

    extra.rows = rows;
    extra.n = 4;
    extra.providers = jm_provider_bit(JM_PROVIDER_VISUAL);

    for (i = 0; i < jm_nitems(names); i++) {
        is_str(jm_model_list(&extra, i)->name, names[i], "listed: %s",
               names[i]);
    }

    ok(jm_model_list(&extra, 2) == &rows[3], "of equal names the last");
    is_str(jm_model_list(&extra, 3)->name, "jimeng_t2i_v40",
           "then the built-in ones");

    bad = 0;

    for (n = 0; jm_model_list(&extra, n) != NULL; n++) {
        bad += jm_model_find(&extra, jm_model_list(&extra, n)->name)
               != jm_model_list(&extra, n);
    }

    is_int((int64_t) n, 17, "each name once");
    is_int((int64_t) bad, 0, "each is what its name finds");

    for (n = 0; jm_model_list(NULL, n) != NULL; n++) { /* void */ }

    is_int((int64_t) n, 15, "without an operator's rows");
}


static void
test_unknown(void)
{
    size_t       i;
    jm_error_t   e;
    static const char  *ark[] = {
        "jimeng-4.5", "jimeng-4.7", "jimeng-5.0", "doubao-seedream-4-5-251128",
        "doubao-x", "seedream-4-5-251128", "dola-seedream-5-0-pro-260628"
    };

    for (i = 0; i < jm_nitems(ark); i++) {
        jm_model_unknown(&e, NULL, str(ark[i]));

        ok(e.cause == JM_CAUSE_MODEL_NOT_FOUND
           && strstr(e.message, ark[i]) != NULL
           && strstr(e.message, "needs an Ark account") != NULL,
           "%s", e.message);
    }

    jm_model_unknown(&e, NULL, str("doubao-"));
    ok(strcmp(e.param, "model") == 0
       && strstr(e.message, "\"doubao-\" is not known") != NULL,
       "%s", e.message);

    jm_model_unknown(&e, NULL, str("caf\xe9"));
    ok(e.cause == JM_CAUSE_MODEL_NOT_FOUND && strcmp(e.param, "model") == 0
       && strncmp(e.message, "The model is not known here; ", 29) == 0,
       "a name that is not UTF-8: %s", e.message);

    jm_model_unknown(&e, NULL, str(NULL));
    ok(strstr(e.message, "\"\" is not known") != NULL, "%s", e.message);
}


/* of an order by its req_key alone: rows without a price say nothing */

static void
test_price(void)
{
    jm_model_t   rows[3];
    jm_models_t  models = { rows, 3, jm_provider_bit(JM_PROVIDER_VISUAL) };

    visual(&rows[0], "a", "key");
    visual(&rows[1], "b", "other");
    visual(&rows[2], "c", "key");

    is_int((int64_t) rows[0].price, 0, "a row has no price of its own");

    rows[1].price = 2;
    rows[2].price = 3;

    is_int((int64_t) jm_model_price(&models, str("key")), 3, "of a key");
    is_int((int64_t) jm_model_price(&models, str("ke")), 0, "of none");

    models.n = 0;

    is_int((int64_t) jm_model_price(&models, str("key")), 0, "without rows");
}


int
main(void)
{
    test_builtin();
    test_extra();
    test_init();
    test_check();
    test_family();
    test_list();
    test_unknown();
    test_price();

    return done_testing();
}
