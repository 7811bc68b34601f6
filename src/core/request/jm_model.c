
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_model.h"
#include "jm_model_table.h"
#include "jm_text.h"


#define JM_MODEL_ECHO       64      /* bytes of a name in a message */

/* how names begin that are Ark's, and what else is to be had there only */

static const jm_str_t  jm_model_ark[] = {
    jm_string("doubao-"), jm_string("seedream-"), jm_string("dola-seedream-")
};

static const jm_str_t  jm_model_ark_only[] = {
    jm_string("jimeng-4.5"), jm_string("jimeng-4.7"), jm_string("jimeng-5.0")
};

/* the family of one row */

static const jm_str_t  jm_model_family = jm_string("seedream-4-0-");
static const jm_str_t  jm_model_first = jm_string("seedream-4-0-250828");


static const jm_model_t *jm_model_row(const jm_models_t *models,
    jm_str_t name);
static const jm_model_t *jm_model_preferred(const jm_model_t *rows, size_t n,
    unsigned providers, jm_str_t name);
static const jm_model_t *jm_model_last(const jm_model_t *rows, size_t n,
    jm_provider_e provider, jm_str_t name);
static unsigned jm_model_providers(const jm_models_t *models);
static unsigned jm_model_same(jm_str_t a, jm_str_t b);
static unsigned jm_model_is_ark(jm_str_t name);
static unsigned jm_model_starts(jm_str_t name, jm_str_t prefix);


const jm_model_t *
jm_model_find(const jm_models_t *models, jm_str_t name)
{
    const jm_model_t  *m;

    m = jm_model_row(models, name);

    if (m == NULL && jm_model_starts(name, jm_model_family)) {
        m = jm_model_row(models, jm_model_first);
    }

    return m;
}


static const jm_model_t *
jm_model_row(const jm_models_t *models, jm_str_t name)
{
    unsigned           providers;
    const jm_model_t  *m;

    providers = jm_model_providers(models);

    if (models != NULL) {
        m = jm_model_preferred(models->rows, models->n, providers, name);

        if (m != NULL) {
            return m;
        }
    }

    return jm_model_preferred(jm_model_rows, jm_model_nrows, providers, name);
}


const jm_model_t *
jm_model_other(const jm_models_t *models, const jm_model_t *m)
{
    size_t             n;
    unsigned           others;
    const jm_model_t  *rows;

    others = jm_model_providers(models) & ~jm_provider_bit(m->provider);

    if (others == 0) {
        return NULL;
    }

    rows = jm_model_rows;
    n = jm_model_nrows;

    if (models != NULL
        && jm_model_preferred(models->rows, models->n,
                              jm_provider_bit(m->provider), m->name)
           == m)
    {
        rows = models->rows;
        n = models->n;
    }

    return jm_model_preferred(rows, n, others, m->name);
}


static const jm_model_t *
jm_model_preferred(const jm_model_t *rows, size_t n, unsigned providers,
    jm_str_t name)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if ((providers & jm_provider_bit(rows[i].provider))
            && jm_model_same(rows[i].name, name))
        {
            return jm_model_last(&rows[i], n - i, rows[i].provider, name);
        }
    }

    return NULL;
}


/* the first row is of this name and provider */

static const jm_model_t *
jm_model_last(const jm_model_t *rows, size_t n, jm_provider_e provider,
    jm_str_t name)
{
    do {
        n--;
    } while (rows[n].provider != provider
             || !jm_model_same(rows[n].name, name));

    return &rows[n];
}


void
jm_model_init(jm_model_t *m, jm_str_t name, jm_str_t req_key,
    jm_provider_e provider)
{
    size_t                 i;
    const jm_model_t      *row;
    static const jm_str_t  gpt = jm_string("gpt-image-");
    static const jm_str_t  chatgpt = jm_string("chatgpt-image-");

    for (row = jm_model_rows; row->provider != provider; row++) {
        /* void */
    }

    for (i = 0; i < jm_model_nrows; i++) {

        if (jm_model_rows[i].provider == provider
            && jm_model_same(jm_model_rows[i].req_key, req_key))
        {
            row = &jm_model_rows[i];
            break;
        }
    }

    *m = *row;

    m->name = name;
    m->req_key = req_key;

    m->takes &= ~(unsigned) JM_MODEL_ARK;
    m->watermark = 0;

    if (jm_model_is_ark(name)) {
        m->takes |= JM_MODEL_ARK;
        m->watermark = 1;
    }

    if (jm_model_starts(name, gpt) || jm_model_starts(name, chatgpt)) {
        m->takes |= JM_MODEL_GPT|JM_MODEL_DATA;
    }
}


jm_provider_e
jm_model_provider(jm_str_t req_key)
{
    size_t  i;

    for (i = 0; i < jm_model_nrows; i++) {

        if (jm_model_same(jm_model_rows[i].req_key, req_key)) {
            return jm_model_rows[i].provider;
        }
    }

    return JM_PROVIDER_VISUAL;
}


jm_rc_e
jm_model_check(const jm_model_t *m, const char **why)
{
    uint64_t  most, least;

    if (m->images < m->min_images) {
        *why = m->images == 0 ? "needs a picture, and \"images=0\" forbids it"
                              : "needs more pictures than \"images=\" allows";
        return JM_INVALID;
    }

    most = (uint64_t) m->max_side * m->max_side;
    least = (uint64_t) m->min_side * m->min_side;

    if (m->max_side != 0 && (m->min_area > most || m->max_area < least)) {
        *why = "makes no picture of this \"area=\", its sides are too "
               "short or too long for it";
        return JM_INVALID;
    }

    if (m->provider == JM_PROVIDER_ARK && m->scale != JM_SCALE_NONE) {
        *why = "has no \"scale=\" at Ark";
        return JM_INVALID;
    }

    return JM_OK;
}


const jm_model_t *
jm_model_list(const jm_models_t *models, size_t i)
{
    size_t             k, n;
    const jm_model_t  *m;

    n = models != NULL ? models->n : 0;

    for (k = 0; k < n + jm_model_nrows; k++) {
        m = k < n ? &models->rows[k] : &jm_model_rows[k - n];

        if (jm_model_find(models, m->name) == m && i-- == 0) {
            return m;
        }
    }

    return NULL;
}


uint64_t
jm_model_price(const jm_models_t *models, jm_str_t req_key)
{
    size_t  i;

    for (i = 0; i < models->n; i++) {

        if (models->rows[i].price != 0
            && jm_model_same(models->rows[i].req_key, req_key))
        {
            return models->rows[i].price;
        }
    }

    return 0;
}


uint64_t
jm_model_hash(jm_str_t req_key)
{
    return jm_hash(JM_HASH_START, req_key.data, req_key.len);
}


void
jm_model_unknown(jm_error_t *e, const jm_models_t *models, jm_str_t name)
{
    size_t       i, n;
    jm_str_t     echo;
    unsigned     ark, providers;
    const char  *advice;

    if (jm_utf8_length(name, &n) != JM_OK) {
        jm_error_set(e, JM_CAUSE_MODEL_NOT_FOUND, "model", NULL);
        return;
    }

    providers = jm_model_providers(models);
    ark = jm_model_is_ark(name);

    for (i = 0; i < jm_nitems(jm_model_ark_only); i++) {
        ark |= jm_model_same(name, jm_model_ark_only[i]);
    }

    if (!(providers & jm_provider_bit(JM_PROVIDER_VISUAL))) {
        advice = "is not known here; use \"jimeng-4.5\", or leave the field "
                 "\"model\" out";

    } else if (ark && !(providers & jm_provider_bit(JM_PROVIDER_ARK))) {
        advice = "needs an Ark account, which this gateway does not have; use "
                 "\"jimeng-4.0\" or \"jimeng-4.6\"";

    } else {
        advice = "is not known here; use \"jimeng_t2i_v40\", or leave the "
                 "field \"model\" out";
    }

    echo = jm_utf8_prefix(name, JM_MODEL_ECHO);

    jm_error_set(e, JM_CAUSE_MODEL_NOT_FOUND, "model",
                 "The model \"%.*s%s\" %s.", (int) echo.len,
                 echo.len != 0 ? (const char *) echo.data : "",
                 echo.len < name.len ? "..." : "", advice);
}


static unsigned
jm_model_providers(const jm_models_t *models)
{
    return models != NULL ? models->providers
                          : jm_provider_bit(JM_PROVIDER_VISUAL);
}


static unsigned
jm_model_same(jm_str_t a, jm_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static unsigned
jm_model_is_ark(jm_str_t name)
{
    size_t  i;

    for (i = 0; i < jm_nitems(jm_model_ark); i++) {

        if (jm_model_starts(name, jm_model_ark[i])) {
            return 1;
        }
    }

    return 0;
}


static unsigned
jm_model_starts(jm_str_t name, jm_str_t prefix)
{
    return name.len > prefix.len
           && memcmp(name.data, prefix.data, prefix.len) == 0;
}
