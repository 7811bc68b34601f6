
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A client's body, in any of the dialects in use: OpenAI's, Volcengine's, and
 * those of other gateways.  What counts is the field, not who invented it.
 */


#ifndef _JM_REQUEST_H_INCLUDED_
#define _JM_REQUEST_H_INCLUDED_


#include "jm_error.h"
#include "jm_model.h"
#include "jm_size.h"
#include "jm_skeleton.h"


#define JM_REQUEST_IMAGES   14      /* the most that any model takes */
#define JM_REQUEST_GROUP    15      /* in and out, of one task */
#define JM_REQUEST_URL      8192    /* bytes of a picture's URL */
#define JM_REQUEST_DEPTH    32
#define JM_REQUEST_NODES    4096


/* in which form pictures are wanted, as far as it was said */

typedef enum {
    JM_FORMAT_UNSAID = 0,
    JM_FORMAT_URL,
    JM_FORMAT_B64
} jm_format_e;


/* what the place of the request says about it */

typedef struct {
    const jm_models_t    *models;           /* the operator's, or NULL */
    jm_str_t              default_model;
    size_t                max_prompt;       /* code points */
    unsigned              strict_size;
    jm_format_e           format;
    unsigned              edit;             /* a picture is needed */
    unsigned              upload;           /* pictures may come as data */
    const jm_skeleton_t  *skeleton;         /* that the text is, or NULL */
} jm_rules_t;


typedef enum {
    JM_IMAGE_URL = 0,
    JM_IMAGE_BASE64,                /* or a data: URI */
    JM_IMAGE_BYTES                  /* a file of a form */
} jm_image_type_e;


/*
 * An input picture.  Where text.data is NULL it lies in the body, len bytes
 * from offset: the bytes of a file, base64, or, where json is set, base64 as
 * it is inside a string of JSON.  Whether base64 is such, and of a picture,
 * is not known yet.
 *
 * param is what an error about this picture calls it, "image", "image[0]",
 * "mask", and is static; number counts from 1, over all of the request.
 */

typedef struct {
    jm_image_type_e     type;
    jm_str_t            text;           /* the URL, or base64 */
    uint64_t            offset;
    uint64_t            len;
    unsigned            json;
    const char         *param;
    size_t              number;
} jm_image_t;


/* in whose form the events of a stream are */

typedef enum {
    JM_STREAM_NONE = 0,
    JM_STREAM_OPENAI,
    JM_STREAM_ARK
} jm_stream_e;


/* of a picture: a client's wish, which no model of Volcengine's knows */

typedef enum {
    JM_QUALITY_HIGH = 0,
    JM_QUALITY_MEDIUM,
    JM_QUALITY_LOW
} jm_quality_e;


/*
 * How a watermark is to look, as far as it was said: a number is -1, the text
 * is empty when it was not.  opacity is in hundredths.
 */

typedef struct {
    int              position;      /* 0 ... 3: right bottom, left bottom,
                                       left top, right top */
    int              language;      /* 0: Chinese, 1: English */
    int              opacity;       /* 0 ... 100 */
    jm_str_t         text;
} jm_logo_t;


/* what is written into a picture's metadata; nothing without a producer_id */

typedef struct {
    jm_str_t         content_producer;
    jm_str_t         producer_id;
    jm_str_t         content_propagator;
    jm_str_t         propagate_id;
} jm_aigc_meta_t;


/*
 * Numbers that are handed on: how far to expand a picture, as parts of its
 * sides, and to how many pixels; how much an extraction counts.
 */

typedef enum {
    JM_NUMBER_TOP = 0,
    JM_NUMBER_BOTTOM,
    JM_NUMBER_LEFT,
    JM_NUMBER_RIGHT,
    JM_NUMBER_MAX_WIDTH,
    JM_NUMBER_MAX_HEIGHT,
    JM_NUMBER_LORA_WEIGHT,
    JM_NUMBER_LAST
} jm_number_e;


/* an integer, or where text is not empty, that */

typedef struct {
    unsigned         has;
    int64_t          value;
    jm_str_t         text;
} jm_number_t;


/*
 * scale in hundredths, or the model's integer; ratios as the client wrote them,
 * empty if absent.
 *
 * n tasks are to be run.  force_single is set when each makes one picture;
 * else there is one task, its model decides how many, and at most max_images
 * of them (0: all) are handed on.  A task that failed may be submitted again
 * retries times.
 *
 * ignored has a bit for each field that was sent and has no effect, see
 * jm_request_field_name().
 */

typedef struct {
    const jm_model_t   *model;
    jm_str_t            prompt;
    jm_image_t          images[JM_REQUEST_IMAGES];
    size_t              nimages;
    jm_size_t           size;
    jm_str_t            resolution;     /* "4k", "8k", or empty */
    unsigned            has_scale;
    unsigned            scale;
    jm_str_t            min_ratio;
    jm_str_t            max_ratio;
    jm_number_t         numbers[JM_NUMBER_LAST];
    uint32_t            n;
    unsigned            force_single;
    uint32_t            max_images;
    uint32_t            retries;
    unsigned            has_seed;
    int64_t             seed;
    unsigned            has_pre_llm;
    unsigned            pre_llm;
    unsigned            watermark;
    jm_logo_t           logo;           /* of the watermark */
    jm_aigc_meta_t      aigc_meta;
    unsigned            b64;            /* the pictures are wanted as data */
    jm_quality_e        quality;        /* to be told again */
    jm_stream_e         stream;
    unsigned            async;          /* answered when it was submitted */
    uint64_t            ignored;
} jm_request_t;


/*
 * A part of a form.  value is its text; value.data is NULL where it was not
 * kept, for a file and for a text that is too long for anything but a
 * picture: it lies in the body then, len bytes from offset, and head is its
 * first bytes, JM_SKELETON_HEAD are enough.
 */

typedef struct {
    jm_str_t            name;
    jm_str_t            value;
    jm_str_t            head;
    unsigned            file;           /* it has a filename */
    unsigned            unnamed;        /* of no characters */
    unsigned            foreign;        /* its charset is not UTF-8 */
    uint64_t            offset;
    uint64_t            len;
} jm_form_field_t;


/*
 * Reads a body into *r, whose strings are views into body or memory of mem.
 * The body is JSON, or, where the rules have one, the skeleton of it, and may
 * begin with U+FEFF.  Fields may stand at the top level or in "extra_body", the
 * top level wins; of equal keys the last wins; nulls and unknown fields are
 * ignored.  Pictures may have any of the names that jm_request_is_picture()
 * knows, and come in the order of those; a field that looks like a picture,
 * see jm_request_looks(), and has none of them is refused.
 *
 * Returns JM_INVALID, and in *e what the client is told, when the body breaks
 * a rule (OpenAI API reference, "Create image" and "Create image edit";
 * Volcengine's document of Jimeng 4.0); JM_ERROR when memory runs out.
 * e->param is a literal or in memory of mem.
 */
jm_rc_e jm_request_read(jm_request_t *r, jm_str_t body,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/*
 * The same for the n fields of a form.  Pictures are in "image", "image[]",
 * "image[0]", and the same of the other names, as files or as text, any number
 * of times, in the order of their numbers where they have some; of equal other
 * names the last wins.  Empty values are ignored, and so is a file of no name
 * and no bytes: a browser's field where nothing was chosen.  A value that is
 * JSON of a type that its field may have is that, and for a bool 1 and 0, on
 * and off, yes and no are, too, in any case; any other is a string.  "a[b]" is
 * member "b" of the object "a".
 *
 * A text in another charset than UTF-8, or such a form ("_charset_", HTML,
 * "constructing the entry list"), is refused.
 */
jm_rc_e jm_request_read_form(jm_request_t *r, const jm_form_field_t *fields,
    size_t n, const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/*
 * Returns the name of the field that a bit of jm_request_t.ignored stands for,
 * counted from 0; NULL behind the last.
 */
const char *jm_request_field_name(unsigned bit);

/* Returns what the upstream and its clients call a number. */
const char *jm_request_number_name(jm_number_e number);


#endif /* _JM_REQUEST_H_INCLUDED_ */
