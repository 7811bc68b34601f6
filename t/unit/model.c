
/* The model table, and an operator's rows before it. */


#include "tap.h"
#include "jm_model.h"


typedef struct {
    const char      *name;
    const char      *req_key;       /* NULL: not known */
    uint32_t         images;
    jm_scale_e       scale;
    unsigned         watermark;
} model_case_t;


static const model_case_t  model_cases[] = {
    { "jimeng_t2i_v40", "jimeng_t2i_v40", 10, JM_SCALE_FRACTION, 0 },
    { "jimeng-4.0", "jimeng_t2i_v40", 10, JM_SCALE_FRACTION, 0 },
    { "doubao-seedream-4-0-250828", "jimeng_t2i_v40", 10,
      JM_SCALE_FRACTION, 1 },
    { "jimeng-4.6", "jimeng_seedream46_cvtob", 14, JM_SCALE_PERCENT, 0 },
    { "jimeng_seedream46_cvtob", "jimeng_seedream46_cvtob", 14,
      JM_SCALE_PERCENT, 0 },
    { "jimeng-4.5", NULL, 0, JM_SCALE_NONE, 0 },
    { "doubao-seedream-4-5-251128", NULL, 0, JM_SCALE_NONE, 0 },
    { "Jimeng-4.0", NULL, 0, JM_SCALE_NONE, 0 },
    { "jimeng-4.", NULL, 0, JM_SCALE_NONE, 0 },
    { "jimeng-4.00", NULL, 0, JM_SCALE_NONE, 0 },
    { "", NULL, 0, JM_SCALE_NONE, 0 }
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
        is_int(m->images, c->images, "its pictures");
        is_int(m->scale, c->scale, "its scale");
        is_int(m->watermark, c->watermark, "its watermark");
        is_int(m->min_area, 1024 * 1024, "its floor");
        is_int(m->max_area, 4096 * 4096, "its ceiling");
    }
}


static void
test_extra(void)
{
    jm_model_t    rows[3];
    jm_models_t   extra;

    jm_model_init(&rows[0], str("mine"), str("first"));
    jm_model_init(&rows[1], str("jimeng-4.0"), str("other"));
    jm_model_init(&rows[2], str("mine"), str("second"));

    extra.rows = rows;
    extra.n = 3;

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


int
main(void)
{
    test_builtin();
    test_extra();

    return done_testing();
}
