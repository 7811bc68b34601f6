
/*
 * Copyright (C) Jimeng module authors
 */


#include <inttypes.h>

#include "jm_size.h"
#include "jm_text.h"


#define JM_SIZE_1K          1048576
#define JM_SIZE_2K          4194304
#define JM_SIZE_4K          16777216
#define JM_SIZE_1K5         2359296
#define JM_SIZE_3K          9437184

#define JM_SIZE_DIGITS      5       /* of a side, of half a ratio */
#define JM_SIZE_STEP        8
#define JM_SIZE_MAX_RATIO   16


/* landscape; the sides at 1k, 2k and 4k, and at 4k of Jimeng 4.6 */

typedef struct {
    uint32_t         ratio[2];
    uint32_t         sides[4][2];
} jm_ratio_t;

#define JM_SIZE_4K_46       3


/* areas that have a name; those behind the first three are known to Ark only */

#define JM_SIZE_COMMON      3

static const struct {
    uint32_t         area;
    unsigned         size;          /* of jm_model_t.sizes */
    const char      *name;
    const char      *lower;
} jm_presets[] = {
    { JM_SIZE_1K, JM_MODEL_1K, "1K", "1k" },
    { JM_SIZE_2K, JM_MODEL_2K, "2K", "2k" },
    { JM_SIZE_4K, JM_MODEL_4K, "4K", "4k" },
    { JM_SIZE_1K5, JM_MODEL_1K5, "1.5K", "1.5k" },
    { JM_SIZE_3K, JM_MODEL_3K, "3K", "3k" }
};

static const jm_ratio_t  jm_ratios[] = {

    { {  1, 1 },
      { { 1024, 1024 }, { 2048, 2048 }, { 4096, 4096 }, { 4096, 4096 } } },
    { {  4, 3 },
      { { 1472, 1104 }, { 2304, 1728 }, { 4694, 3520 }, { 4693, 3520 } } },
    { {  3, 2 },
      { { 1584, 1056 }, { 2496, 1664 }, { 4992, 3328 }, { 4992, 3328 } } },
    { { 16, 9 },
      { { 1664,  936 }, { 2560, 1440 }, { 5404, 3040 }, { 5404, 3040 } } },
    { { 21, 9 },
      { { 2016,  864 }, { 3024, 1296 }, { 6198, 2656 }, { 6197, 2656 } } }
};


static jm_rc_e jm_size_preset(size_t *preset, jm_str_t s,
    const jm_model_t *model);
static jm_rc_e jm_size_pair(uint32_t *first, uint32_t *second, jm_str_t s,
    const char *separators[], size_t n);
static jm_rc_e jm_size_side(uint32_t *side, jm_str_t *s);
static unsigned jm_size_ratio_ok(uint32_t w, uint32_t h, uint32_t max);
static uint32_t jm_size_max_ratio(uint32_t w, uint32_t h,
    const jm_model_t *model);
static jm_rc_e jm_size_scale(jm_size_t *size, uint32_t w, uint32_t h,
    uint32_t area, uint32_t max_ratio, unsigned up);
static void jm_size_round(uint32_t sides[2], uint32_t w, uint32_t h,
    uint32_t area);
static uint64_t jm_size_sqrt(uint64_t x);
static jm_rc_e jm_size_fit_area(jm_size_t *size, const jm_model_t *model,
    unsigned strict, jm_error_t *e);
static jm_rc_e jm_size_fit_sides(jm_size_t *size, const jm_model_t *model,
    unsigned strict, jm_error_t *e);
static unsigned jm_size_takes_area(jm_size_t *size, const jm_model_t *model);
static void jm_size_digits(jm_buf_t *b, uint32_t n);
static jm_rc_e jm_size_refuse_sides(const jm_size_t *size,
    const jm_model_t *model, jm_error_t *e);
static jm_rc_e jm_size_refuse(const jm_size_t *size, uint64_t area,
    const jm_model_t *model, jm_error_t *e);


jm_rc_e
jm_size_read(jm_size_t *size, jm_str_t s, const jm_model_t *model)
{
    size_t              preset;
    static const char  *separators[] = { "x", "*", "\xc3\x97" };

    memset(size, 0, sizeof(jm_size_t));

    if (jm_text_is(s, "auto") || jm_text_is(s, "adaptive")) {
        return JM_OK;
    }

    if (jm_size_preset(&preset, s, model) == JM_OK) {
        size->area = jm_presets[preset].area;
        size->named = (model->provider == JM_PROVIDER_ARK);
        return JM_OK;
    }

    return jm_size_pair(&size->width, &size->height, s, separators,
                        jm_nitems(separators));
}


jm_rc_e
jm_size_ratio(jm_size_t *size, jm_str_t ratio, jm_str_t resolution,
    const jm_model_t *model)
{
    size_t              i, preset, column;
    uint32_t            w, h, longer, shorter;
    const uint32_t     *sides;
    static const char  *separators[] = { ":" };

    memset(size, 0, sizeof(jm_size_t));

    if (jm_size_preset(&preset, resolution, model) != JM_OK
        || jm_size_pair(&w, &h, ratio, separators, jm_nitems(separators))
           != JM_OK
        || !jm_size_ratio_ok(w, h, JM_SIZE_MAX_RATIO))
    {
        return JM_INVALID;
    }

    longer = jm_max(w, h);
    shorter = jm_min(w, h);

    column = preset;

    if (jm_presets[preset].area == JM_SIZE_4K
        && (model->takes & JM_MODEL_4K_46))
    {
        column = JM_SIZE_4K_46;
    }

    for (i = 0; i < jm_nitems(jm_ratios) && preset < JM_SIZE_COMMON; i++) {

        if ((uint64_t) longer * jm_ratios[i].ratio[1]
            != (uint64_t) shorter * jm_ratios[i].ratio[0])
        {
            continue;
        }

        sides = jm_ratios[i].sides[column];

        size->width = w >= h ? sides[0] : sides[1];
        size->height = w >= h ? sides[1] : sides[0];

        return JM_OK;
    }

    /* The area of 1k is the least there is: nothing may be below it. */

    return jm_size_scale(size, w, h, jm_presets[preset].area,
                         jm_size_max_ratio(w, h, model), preset == 0);
}


jm_rc_e
jm_size_ratio_alone(jm_size_t *size, jm_str_t ratio, const jm_model_t *model)
{
    uint32_t            w, h, max, area, max_ratio;
    unsigned            up;
    static const char  *separators[] = { ":" };

    memset(size, 0, sizeof(jm_size_t));

    if (jm_size_pair(&w, &h, ratio, separators, jm_nitems(separators))
        != JM_OK
        || !jm_size_ratio_ok(w, h, JM_SIZE_MAX_RATIO))
    {
        return JM_INVALID;
    }

    max = model->max_side;

    /* an operator's limits may be elsewhere */

    area = jm_min(model->area, model->max_area);
    area = jm_max(area, model->min_area);

    up = (area == model->min_area);
    max_ratio = jm_size_max_ratio(w, h, model);

    if (jm_size_scale(size, w, h, area, max_ratio, up) == JM_OK
        && (max == 0 || jm_max(size->width, size->height) <= max))
    {
        return JM_OK;
    }

    if (max == 0) {
        return jm_size_scale(size, w, h, area, max_ratio, 1);
    }

    size->width = w >= h ? max : (uint32_t) ((uint64_t) max * w / h);
    size->height = w >= h ? (uint32_t) ((uint64_t) max * h / w) : max;

    size->width -= size->width % JM_SIZE_STEP;
    size->height -= size->height % JM_SIZE_STEP;

    return JM_OK;
}


jm_rc_e
jm_size_fit(jm_size_t *size, const jm_model_t *model, unsigned strict,
    jm_error_t *e)
{
    uint32_t  side;

    if (size->width == 0 && size->area == 0) {
        return JM_OK;
    }

    if (model->provider == JM_PROVIDER_ARK && size->area > model->max_area) {
        return jm_size_refuse(size, size->area, model, e);
    }

    if (size->width == 0 && !jm_size_takes_area(size, model)) {
        side = (uint32_t) jm_size_sqrt(size->area);
        side -= side % JM_SIZE_STEP;

        size->width = jm_max(side, 1);
        size->height = size->width;
        size->area = 0;
        size->named = 0;
    }

    if (size->width != 0
        && !jm_size_ratio_ok(size->width, size->height, model->max_ratio))
    {
        jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "size",
                     "The size %" PRIu32 "x%" PRIu32 " is too narrow: "
                     "the ratio of the sides must be within 1:%" PRIu32
                     " and %" PRIu32 ":1.", size->width, size->height,
                     model->max_ratio, model->max_ratio);
        return JM_INVALID;
    }

    if (model->max_side != 0
        && jm_size_fit_sides(size, model, strict, e) != JM_OK)
    {
        return JM_INVALID;
    }

    return jm_size_fit_area(size, model, strict, e);
}


void
jm_size_write(jm_buf_t *b, const jm_size_t *size)
{
    size_t  i, n;

    if (size->width != 0) {
        jm_size_digits(b, size->width);
        jm_buf_literal(b, "x");
        jm_size_digits(b, size->height);
        return;
    }

    n = size->named ? jm_nitems(jm_presets) : JM_SIZE_COMMON;

    for (i = 0; i < n; i++) {

        if (size->area == jm_presets[i].area) {
            jm_buf_add(b, jm_presets[i].name, strlen(jm_presets[i].name));
            return;
        }
    }

    if (size->area != 0) {
        jm_size_digits(b, size->area);
    }
}


/* at Ark, what a model has a name for, unless an operator wants larger ones */

static unsigned
jm_size_takes_area(jm_size_t *size, const jm_model_t *model)
{
    size_t  i;

    if (model->provider != JM_PROVIDER_ARK) {
        return (model->takes & JM_MODEL_AREA) != 0;
    }

    if (size->area < model->min_area) {
        return 0;
    }

    for (i = 0; i < jm_nitems(jm_presets); i++) {

        if (size->area == jm_presets[i].area
            && (model->sizes & jm_presets[i].size))
        {
            size->named = 1;
            return 1;
        }
    }

    return 0;
}


static void
jm_size_digits(jm_buf_t *b, uint32_t n)
{
    uint8_t  digits[JM_DIGITS_MAX], *p, *end;

    end = digits + JM_DIGITS_MAX;
    p = jm_digits(end, n);

    jm_buf_add(b, p, (size_t) (end - p));
}


static jm_rc_e
jm_size_preset(size_t *preset, jm_str_t s, const jm_model_t *model)
{
    size_t  i, n;

    n = model->provider == JM_PROVIDER_ARK ? jm_nitems(jm_presets)
                                           : JM_SIZE_COMMON;

    for (i = 0; i < n; i++) {

        if (jm_text_is(s, jm_presets[i].lower)) {
            *preset = i;
            return JM_OK;
        }
    }

    return JM_INVALID;
}


/* reads two sides with one of n separators in between, and nothing else */

static jm_rc_e
jm_size_pair(uint32_t *first, uint32_t *second, jm_str_t s,
    const char *separators[], size_t n)
{
    size_t  i, len;

    if (jm_size_side(first, &s) != JM_OK) {
        return JM_INVALID;
    }

    for (i = 0; i < n; i++) {
        len = strlen(separators[i]);

        if (s.len > len && memcmp(s.data, separators[i], len) == 0) {
            s.data += len;
            s.len -= len;

            if (jm_size_side(second, &s) == JM_OK && s.len == 0) {
                return JM_OK;
            }

            break;
        }
    }

    *first = 0;
    *second = 0;

    return JM_INVALID;
}


static jm_rc_e
jm_size_side(uint32_t *side, jm_str_t *s)
{
    size_t    n;
    uint32_t  value;

    value = 0;

    for (n = 0; n < s->len && s->data[n] >= '0' && s->data[n] <= '9'; n++) {

        if (n == JM_SIZE_DIGITS) {
            return JM_INVALID;
        }

        value = value * 10 + (uint32_t) (s->data[n] - '0');
    }

    if (value == 0) {
        return JM_INVALID;
    }

    s->data += n;
    s->len -= n;

    *side = value;

    return JM_OK;
}


static unsigned
jm_size_ratio_ok(uint32_t w, uint32_t h, uint32_t max)
{
    return w <= (uint64_t) h * max && h <= (uint64_t) w * max;
}


/* a ratio that the model does not make is refused as a size, not as a ratio */

static uint32_t
jm_size_max_ratio(uint32_t w, uint32_t h, const jm_model_t *model)
{
    return jm_size_ratio_ok(w, h, model->max_ratio) ? model->max_ratio
                                                    : JM_SIZE_MAX_RATIO;
}


/*
 * Sets the sides to what comes nearest to area in the ratio w:h, of the four
 * pairs of multiples of JM_SIZE_STEP around the ideal sides: not below area
 * when up is set, else not above.
 */

static jm_rc_e
jm_size_scale(jm_size_t *size, uint32_t w, uint32_t h, uint32_t area,
    uint32_t max_ratio, unsigned up)
{
    size_t    i, j;
    uint32_t  ws[2], hs[2], width, height;
    uint64_t  found, tried;

    jm_size_round(ws, w, h, area);
    jm_size_round(hs, h, w, area);

    found = 0;

    for (i = 0; i < 2; i++) {
        for (j = 0; j < 2; j++) {

            /* when one is rounded down the other may be too long for it */

            width = jm_min(ws[i], hs[j] * max_ratio);
            height = jm_min(hs[j], ws[i] * max_ratio);

            tried = (uint64_t) width * height;

            if (tried == 0 || (up ? tried < area : tried > area)) {
                continue;
            }

            if (found == 0 || (up ? tried < found : tried > found)) {
                found = tried;
                size->width = width;
                size->height = height;
            }
        }
    }

    return found != 0 ? JM_OK : JM_INVALID;
}


/* the ideal first side, sqrt(area * w / h), rounded down and up */

static void
jm_size_round(uint32_t sides[2], uint32_t w, uint32_t h, uint32_t area)
{
    uint64_t  side;

    side = jm_size_sqrt((uint64_t) area * w / h);
    side -= side % JM_SIZE_STEP;

    sides[0] = (uint32_t) side;
    sides[1] = sides[0];

    if (side * side * h != (uint64_t) area * w) {
        sides[1] += JM_SIZE_STEP;
    }
}


/* the largest integer whose square is not above x, digit by binary digit */

static uint64_t
jm_size_sqrt(uint64_t x)
{
    uint64_t  bit, root;

    root = 0;

    for (bit = (uint64_t) 1 << 31; bit != 0; bit >>= 1) {

        if ((root | bit) * (root | bit) <= x) {
            root |= bit;
        }
    }

    return root;
}


static jm_rc_e
jm_size_fit_area(jm_size_t *size, const jm_model_t *model, unsigned strict,
    jm_error_t *e)
{
    uint64_t  area;

    area = size->width == 0 ? size->area
                            : (uint64_t) size->width * size->height;

    if (area > model->max_area || (strict && area < model->min_area)) {
        return jm_size_refuse(size, area, model, e);
    }

    if (area >= model->min_area) {
        return JM_OK;
    }

    if (size->width == 0) {
        size->area = model->min_area;
        return JM_OK;
    }

    /* a model may take so little that multiples of 8 leave it */

    if (jm_size_scale(size, size->width, size->height, model->min_area,
                      model->max_ratio, 1)
        != JM_OK
        || (uint64_t) size->width * size->height > model->max_area)
    {
        return jm_size_refuse(size, area, model, e);
    }

    /* the operator's floor of the area may be at odds with that of the sides */

    if (model->max_side != 0
        && jm_max(size->width, size->height) > model->max_side)
    {
        return jm_size_refuse_sides(size, model, e);
    }

    return JM_OK;
}


/* the shorter side becomes the least there is, the longer one goes with it */

static jm_rc_e
jm_size_fit_sides(jm_size_t *size, const jm_model_t *model, unsigned strict,
    jm_error_t *e)
{
    uint32_t  longer, shorter;

    longer = jm_max(size->width, size->height);
    shorter = jm_min(size->width, size->height);

    if (shorter == 0 || longer > model->max_side
        || (strict && shorter < model->min_side))
    {
        return jm_size_refuse_sides(size, model, e);
    }

    if (shorter >= model->min_side) {
        return JM_OK;
    }

    longer = (uint32_t) (((uint64_t) longer * model->min_side
                          + shorter * JM_SIZE_STEP / 2)
                         / shorter);
    longer -= longer % JM_SIZE_STEP;

    if (longer > model->max_side) {
        return jm_size_refuse_sides(size, model, e);
    }

    if (size->width > size->height) {
        size->width = longer;
        size->height = model->min_side;

    } else {
        size->width = model->min_side;
        size->height = longer;
    }

    return JM_OK;
}


static jm_rc_e
jm_size_refuse_sides(const jm_size_t *size, const jm_model_t *model,
    jm_error_t *e)
{
    jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "size",
                 "The size %" PRIu32 "x%" PRIu32 " does not fit: this model "
                 "makes sides of %" PRIu32 " to %" PRIu32 " pixels.",
                 size->width, size->height, model->min_side, model->max_side);

    return JM_INVALID;
}


static jm_rc_e
jm_size_refuse(const jm_size_t *size, uint64_t area, const jm_model_t *model,
    jm_error_t *e)
{
    char      text[sizeof("4294967295x4294967295") + 1];
    jm_buf_t  b;

    jm_buf_fixed(&b, text, sizeof(text) - 1);
    jm_size_write(&b, size);

    text[b.len] = '\0';

    jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "size",
                 "The size %s has %" PRIu64 " pixels, and this model makes "
                 "%" PRIu32 " to %" PRIu32 "; ask for a %s one.",
                 text, area, model->min_area, model->max_area,
                 area > model->max_area ? "smaller" : "larger");

    return JM_INVALID;
}
