
/*
 * The rows of Ark in the model table: each model as contract and documents list
 * it, and which of two rows of one name is found with which accounts.
 *
 * Guards against a model that is served by a provider that the location has no
 * account of; seen failing without the look at the providers in
 * jm_model_preferred().
 */


#include "tap.h"
#include "jm_model.h"
#include "jm_picture.h"


typedef struct {
    const char      *name;
    const char      *target;
    uint32_t         images;
    uint32_t         min_area;
    uint32_t         max_area;
    unsigned         sizes;
    unsigned         more;          /* what it takes beside the usual */
    unsigned         watermark;
} ark_case_t;


#define VISUAL   jm_provider_bit(JM_PROVIDER_VISUAL)
#define ARK      jm_provider_bit(JM_PROVIDER_ARK)

#define USUAL                                                                 \
    (JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_AREA|JM_MODEL_BASE64             \
     |JM_MODEL_OPTIMIZE)

#define SIZES_4  (JM_MODEL_1K|JM_MODEL_2K|JM_MODEL_4K)
#define SIZES_P  (JM_MODEL_1K|JM_MODEL_1K5|JM_MODEL_2K)

#define S45      14, 3686400, 16777216, JM_MODEL_2K|JM_MODEL_4K
#define S40      14, 921600, 16777216, SIZES_4
#define S50      14, 3686400, 16777216, JM_MODEL_2K|JM_MODEL_3K|JM_MODEL_4K
#define PRO      10, 921600, 4624220, SIZES_P

#define OLD      JM_MODEL_SERIES|JM_MODEL_ARK
#define LITE     JM_MODEL_SERIES|JM_MODEL_OUTPUT|JM_MODEL_TOOLS|JM_MODEL_ARK
#define LAYERS   JM_MODEL_OUTPUT|JM_MODEL_LAYERS|JM_MODEL_ARK

#define own(name, what, more)  { name, name, what, more, 1 }


static const ark_case_t  ark_cases[] = {
    { "jimeng-4.5", "doubao-seedream-4-5-251128", S45, JM_MODEL_SERIES, 0 },
    own("doubao-seedream-4-5-251128", S45, OLD),
    own("seedream-4-5-251128", S45, OLD),
    own("doubao-seedream-4-0-250828", S40, OLD),
    own("seedream-4-0-250828", S40, OLD),
    own("doubao-seedream-4-0-20260415", S40, OLD),
    own("seedream-4-0-20260415", S40, OLD),
    own("doubao-seedream-5-0-260128", S50, LITE),
    own("seedream-5-0-260128", S50, LITE),
    own("doubao-seedream-5-0-lite-260128", S50, LITE),
    own("seedream-5-0-lite-260128", S50, LITE),
    own("doubao-seedream-5-0-pro-260628", PRO, LAYERS),
    own("dola-seedream-5-0-pro-260628", PRO, LAYERS),
    own("doubao-seedream-5-0-flash-260915", PRO, LAYERS),
    own("dola-seedream-5-0-flash-260915", PRO, LAYERS)
};


static void
test_rows(void)
{
    size_t             i;
    jm_models_t        models = { NULL, 0, ARK };
    const jm_model_t  *m;
    const ark_case_t  *c;

    for (i = 0; i < jm_nitems(ark_cases); i++) {
        c = &ark_cases[i];
        m = jm_model_find(&models, str(c->name));

        if (!ok(m != NULL, "\"%s\" is known", c->name)) {
            continue;
        }

        is_int(m->provider, JM_PROVIDER_ARK, "to Ark");
        is_str(m->name, c->name, "its name");
        is_str(m->req_key, c->target, "what Ark calls it");
        is_int(m->images, c->images, "its pictures");
        is_int(m->min_area, c->min_area, "its floor");
        is_int(m->max_area, c->max_area, "its ceiling");
        is_int(m->sizes, c->sizes, "its sizes with a name");
        is_int(m->takes, USUAL|c->more, "what it takes");
        is_int(m->watermark, c->watermark, "its watermark");

        ok(m->min_images == 0 && m->max_bytes == 30 * 1024 * 1024
           && m->max_pixels == 36000000 && m->max_skew == 16
           && m->formats == JM_PICTURE_ANY, "limits of a picture sent in");
        ok(m->max_ratio == 16 && m->max_side == 0 && m->min_side == 0
           && m->scale == JM_SCALE_NONE && strcmp(m->prompt, "prompt") == 0,
           "and the rest");
    }

    m = jm_model_find(&models, str("doubao-seedream-3-0-t2i-250415"));

    ok(m != NULL && m->images == 0 && m->sizes == 0
       && m->min_area == 512 * 512 && m->max_area == 2048 * 2048
       && m->takes == (JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_SEED
                       |JM_MODEL_GUIDANCE|JM_MODEL_ARK), "the old one");
}


/* the same name with accounts of either, of both, of none */

static void
test_whose(void)
{
    is_int(jm_model_provider(str("jimeng_t2i_v40")), JM_PROVIDER_VISUAL,
           "a req_key of Visual's");
    is_int(jm_model_provider(str("doubao-seedream-4-5-251128")),
           JM_PROVIDER_ARK, "a model of Ark's");
    is_int(jm_model_provider(str("ep-1")), JM_PROVIDER_VISUAL,
           "nobody's is taken for Visual's");
}


static void
test_providers(void)
{
    size_t             i, n;
    jm_models_t        models = { NULL, 0, 0 };
    const jm_model_t  *m;
    static const char  *both[] = {
        "doubao-seedream-4-0-250828", "doubao-seedream-4-0-20260415",
        "seedream-4-0-250828", "seedream-4-0-260101"
    };

    for (i = 0; i < jm_nitems(both); i++) {
        models.providers = VISUAL;
        m = jm_model_find(&models, str(both[i]));
        ok(m != NULL && m->provider == JM_PROVIDER_VISUAL
           && jm_str_eq(&m->req_key, "jimeng_t2i_v40"),
           "%s: Jimeng 4.0's without Ark", both[i]);

        ok(jm_model_find(NULL, str(both[i])) == m, "as without a table");

        models.providers = VISUAL|ARK;
        m = jm_model_find(&models, str(both[i]));
        ok(m != NULL && m->provider == JM_PROVIDER_ARK, "Ark's with both");

        m = jm_model_other(&models, m);
        ok(m != NULL && m->provider == JM_PROVIDER_VISUAL
           && jm_str_eq(&m->req_key, "jimeng_t2i_v40"), "then Jimeng 4.0's");
        ok(jm_model_other(&models, m)->provider == JM_PROVIDER_ARK,
           "and the other way");

        m = jm_model_find(&models, str(both[i]));

        models.providers = ARK;
        ok(jm_model_find(&models, str(both[i])) == m, "and with Ark alone");
        ok(jm_model_other(&models, m) == NULL, "where there is no other");

        models.providers = 0;
        ok(jm_model_find(&models, str(both[i])) == NULL, "nobody's else");
    }

    models.providers = VISUAL;
    ok(jm_model_find(&models, str("jimeng-4.5")) == NULL, "Ark's alone");

    models.providers = ARK;
    ok(jm_model_find(&models, str("jimeng-4.0")) == NULL, "Visual's alone");

    for (n = 0; (m = jm_model_list(&models, n)) != NULL; n++) {
        if (m->provider != JM_PROVIDER_ARK) {
            break;
        }
    }

    is_int((int64_t) n, jm_nitems(ark_cases) + 2, "Ark's are listed");
    ok(m == NULL, "and no other");
    is_str(jm_model_list(&models, 0)->name, "jimeng-4.5", "this one first");

    models.providers = VISUAL|ARK;

    for (i = 0; jm_model_list(&models, i) != NULL; i++) { /* void */ }

    is_int((int64_t) i, (int64_t) (n + 15 - 3), "with both each name once");

    models.providers = 0;
    ok(jm_model_list(&models, 0) == NULL, "without accounts none");
}


static void
test_operator(void)
{
    jm_model_t   rows[4];
    jm_models_t  models = { rows, 4, VISUAL|ARK };

    jm_model_init(&rows[0], str("both"), str("ep-1"), JM_PROVIDER_ARK);
    jm_model_init(&rows[1], str("both"), str("jimeng_t2i_v31"),
                  JM_PROVIDER_VISUAL);
    jm_model_init(&rows[2], str("jimeng-4.5"), str("jimeng_t2i_v40"),
                  JM_PROVIDER_VISUAL);
    jm_model_init(&rows[3], str("both"), str("ep-2"), JM_PROVIDER_ARK);

    ok(jm_model_find(&models, str("both")) == &rows[3],
       "the first row's provider is preferred, of its rows the last counts");
    ok(jm_model_find(&models, str("jimeng-4.5")) == &rows[2],
       "a row stands before the built-in ones, whatever its provider");

    ok(jm_model_other(&models, &rows[3]) == &rows[1], "then the other's");
    ok(jm_model_other(&models, &rows[2]) == NULL,
       "a row stands alone, whatever built-in ones there are");
    ok(jm_model_other(&models, jm_model_find(&models, str("jimeng-4.0")))
       == NULL, "nor has one that is built in another");

    models.providers = VISUAL;
    ok(jm_model_find(&models, str("both")) == &rows[1],
       "the other one without accounts of the first");

    models.providers = ARK;
    is_str(jm_model_find(&models, str("jimeng-4.5"))->req_key,
           "doubao-seedream-4-5-251128", "a row that is not seen hides none");

    models.providers = VISUAL|ARK;
    ok(jm_model_list(&models, 0) == &rows[2]
       && jm_model_list(&models, 1) == &rows[3]
       && jm_model_list(&models, 2)->provider == JM_PROVIDER_VISUAL,
       "they are listed once");
}


static void
test_init(void)
{
    jm_model_t   m;
    const char  *why;

    jm_model_init(&m, str("mine"), str("ep-20260101"), JM_PROVIDER_ARK);
    ok(m.provider == JM_PROVIDER_ARK && m.min_area == 3686400
       && m.takes == (USUAL|JM_MODEL_SERIES) && m.watermark == 0,
       "an endpoint is taken for Seedream 4.5");
    is_str(m.req_key, "ep-20260101", "with its own target");

    jm_model_init(&m, str("mine"), str("dola-seedream-5-0-pro-260628"),
                  JM_PROVIDER_ARK);
    ok(m.max_area == 4624220 && m.watermark == 0
       && m.takes == (USUAL|JM_MODEL_OUTPUT|JM_MODEL_LAYERS),
       "a known target's row, but for what belongs to the name");

    jm_model_init(&m, str("doubao-x"), str("doubao-seedream-4-5-251128"),
                  JM_PROVIDER_ARK);
    ok(m.watermark && (m.takes & JM_MODEL_ARK), "a name of Ark's");

    jm_model_init(&m, str("gpt-image-1"), str("doubao-seedream-4-5-251128"),
                  JM_PROVIDER_ARK);
    ok((m.takes & JM_MODEL_GPT) && (m.takes & JM_MODEL_DATA),
       "a name of OpenAI's");

    jm_model_init(&m, str("mine"), str("doubao-seedream-4-5-251128"),
                  JM_PROVIDER_VISUAL);
    ok(m.provider == JM_PROVIDER_VISUAL && m.min_area == 1048576,
       "a target of Ark's is not known to Visual");

    jm_model_init(&m, str("mine"), str("x"), JM_PROVIDER_ARK);
    is_int(jm_model_check(&m, &why), JM_OK, "a good row");

    m.scale = JM_SCALE_FRACTION;
    is_int(jm_model_check(&m, &why), JM_INVALID, "Ark has no scale");
}


static void
test_unknown(void)
{
    jm_error_t   e;
    jm_models_t  models = { NULL, 0, VISUAL|ARK };

    jm_model_unknown(&e, &models, str("doubao-x"));
    ok(e.cause == JM_CAUSE_MODEL_NOT_FOUND
       && strstr(e.message, "is not known") != NULL
       && strstr(e.message, "jimeng_t2i_v40") != NULL, "%s", e.message);

    models.providers = ARK;
    jm_model_unknown(&e, &models, str("jimeng-5.0"));
    ok(strstr(e.message, "is not known") != NULL
       && strstr(e.message, "jimeng-4.5") != NULL, "%s", e.message);

    models.providers = VISUAL;
    jm_model_unknown(&e, &models, str("jimeng-4.5"));
    ok(strstr(e.message, "needs an Ark account") != NULL, "%s", e.message);
}


int
main(void)
{
    test_rows();
    test_whose();
    test_providers();
    test_operator();
    test_init();
    test_unknown();

    return done_testing();
}
