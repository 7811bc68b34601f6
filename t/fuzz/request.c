
/*
 * A client's body: whatever it is, it ends in a legal request whose submit is
 * whole JSON with the same prompt, whose query says what was said of the
 * result, and which orders no more pictures than it says; or in an error that
 * makes a whole envelope.  The same with the models of Ark: no row is one that
 * the location has no account of.
 *
 * Behind an "&" it is a form, of lines "name=value"; a value that begins with
 * "@" is that of a file, "@" alone one that was not chosen, "~" begins one that
 * was not kept, and "!" one of another charset.  Anything else is JSON, which
 * is read as it is, and as its skeleton, too.
 */


#include "fuzz.h"
#include "jm_ark.h"
#include "jm_json.h"
#include "jm_reply.h"
#include "jm_text.h"
#include "jm_visual.h"


#define MAX_PROMPT  800
#define MAX_PARTS   64


/* how a body is read */

typedef struct {
    unsigned         strict;
    unsigned         upload;
    unsigned         edit;
    jm_format_e      format;        /* of the location */
    size_t           fail;          /* the allocation that does */
    size_t           longest;       /* string of a skeleton, or 0 */
    unsigned         ark;           /* there are accounts of Ark, too */
} way_t;


static const jm_models_t  all_models = {
    NULL, 0,
    jm_provider_bit(JM_PROVIDER_VISUAL)|jm_provider_bit(JM_PROVIDER_ARK)
};


static const jm_json_limits_t  limits = { 16, 256 };


static jm_json_t *
read_whole(jm_buf_t *b, jm_mem_t *mem)
{
    jm_json_t   *root;
    const char  *why;

    check(jm_json_read(&root, jm_buf_view(b), &limits, mem, &why) == JM_OK);
    check(root->type == JM_JSON_OBJECT);

    return root;
}


static void
check_error(const jm_error_t *e, jm_mem_t *mem)
{
    size_t             n, len;
    jm_buf_t           b;
    jm_json_t         *root;
    const jm_cause_t  *cause;

    cause = jm_cause(e->cause);
    len = strlen(e->message);

    check(e->cause != JM_CAUSE_NONE && cause->status >= 400
          && cause->status < 500);
    check(len > 0 && jm_utf8_length(str(e->message), &n) == JM_OK);

    jm_buf_init(&b, mem, 256, 65536);
    check(jm_reply_error(&b, e, str("")) == JM_OK);

    root = read_whole(&b, mem);
    check(jm_json_get(root, "message")->text.len == len);
}


static void
check_size(const jm_request_t *r)
{
    uint64_t  area;

    area = (uint64_t) r->size.width * r->size.height;

    check((r->size.width == 0) == (r->size.height == 0));
    check(r->size.width == 0 || r->size.area == 0);
    check(r->size.width <= r->model->max_ratio * (uint64_t) r->size.height
          && r->size.height <= r->model->max_ratio * (uint64_t) r->size.width);

    if (r->size.area != 0) {
        area = r->size.area;
    }

    check(area == 0 || (area >= r->model->min_area
                        && area <= r->model->max_area));

    check(r->size.area == 0 || (r->model->takes & JM_MODEL_AREA));
    check(r->size.area == 0
          || r->size.named == (r->model->provider == JM_PROVIDER_ARK));

    if (r->model->max_side != 0) {
        check(area == 0 || (r->size.width >= r->model->min_side
                            && r->size.height >= r->model->min_side
                            && r->size.width <= r->model->max_side
                            && r->size.height <= r->model->max_side));
    }

    if (!(r->model->takes & JM_MODEL_SIDES)) {
        check(area == 0);
    }
}


/* nobody pays for more pictures than were ordered */

static void
check_group(const jm_request_t *r)
{
    check(r->n >= 1 && r->n <= 10 && (r->n == 1 || r->force_single));
    check(r->force_single || r->ark.layers
          || (r->model->takes & (JM_MODEL_GROUP|JM_MODEL_SERIES)));
    check(!r->ark.layers || (r->n == 1 && r->nimages == 1));
    check(r->model->provider != JM_PROVIDER_ARK
          || r->max_images + r->nimages <= 15);
    check(r->max_images <= 15 && (r->max_images == 0 || !r->force_single));
    check(r->retries <= 5);
}


static void
check_logo(const jm_request_t *r, const jm_json_t *root)
{
    const jm_json_t  *logo, *text;

    logo = jm_json_get(root, "logo_info");
    check((logo != NULL) == (r->watermark != 0));

    check(r->logo.position >= -1 && r->logo.position <= 3);
    check(r->logo.language >= -1 && r->logo.language <= 1);
    check(r->logo.opacity >= -1 && r->logo.opacity <= 100);

    text = jm_json_get(logo, "logo_text_content");
    check(logo == NULL || (text == NULL ? 0 : text->text.len)
                          == r->logo.text.len);
}


/* what is said of the result comes out of the string of JSON as it was */

static void
check_query(const jm_request_t *r, jm_mem_t *mem)
{
    jm_buf_t          form, query;
    jm_str_t          id;
    const char       *why;
    jm_json_t        *root, *inner;
    const jm_json_t  *node, *meta;

    jm_buf_init(&form, mem, 64, JM_VISUAL_REQ_JSON);
    check(jm_visual_req_json(&form, r, 1) == JM_OK);

    jm_buf_init(&query, mem, 64, JM_VISUAL_QUERY_BODY);
    check(jm_visual_query(&query, r->model->req_key, str("7"),
                          jm_buf_view(&form))
          == JM_OK);

    root = read_whole(&query, mem);
    node = jm_json_get(root, "req_json");

    check(jm_json_read(&inner, node->text, &limits, mem, &why) == JM_OK);
    check(jm_json_get(inner, "return_url")->boolean);
    check_logo(r, inner);

    id = r->aigc_meta.producer_id;
    meta = jm_json_get(inner, "aigc_meta");
    check((meta != NULL) == (id.len != 0));

    if (meta != NULL) {
        node = jm_json_get(meta, "producer_id");
        check(node->text.len == id.len
              && memcmp(node->text.data, id.data, id.len) == 0);
    }
}


static void
check_ignored(const jm_request_t *r, jm_mem_t *mem)
{
    size_t             n;
    unsigned           bit;
    jm_buf_t           b;
    jm_part_t          part;
    jm_json_t         *root;
    jm_result_t        result;
    const jm_json_t   *node;

    memset(&result, 0, sizeof(result));
    memset(&part, 0, sizeof(part));

    result.model = r->model->req_key;
    result.look.size = r->size;
    result.ignored = r->ignored;
    result.parts = &part;
    result.nparts = 1;

    n = 0;

    for (bit = 0; bit < 64; bit++) {

        if (r->ignored >> bit & 1) {
            check(jm_request_field_name(bit) != NULL);
            n++;
        }
    }

    jm_buf_init(&b, mem, 256, 65536);
    check(jm_reply_result(&b, &result, NULL) == JM_OK);

    root = read_whole(&b, mem);
    node = jm_json_get(root, "ignored");
    check((node == NULL ? 0 : node->count) == n);
}


/* pictures are where they are said to be, and data where they are taken */

static void
check_images(const jm_request_t *r, const way_t *way, size_t size)
{
    size_t             i;
    const jm_image_t  *image;

    check(r->nimages <= r->model->images
          && r->nimages >= r->model->min_images);
    check(r->nimages != 0 || !way->edit);

    for (i = 0; i < r->nimages; i++) {
        image = &r->images[i];

        check(image->param != NULL && image->number == i + 1);

        if (image->type == JM_IMAGE_URL) {
            check(image->text.len > 7 && image->text.len <= JM_REQUEST_URL);
            continue;
        }

        check(way->upload || (r->model->takes & JM_MODEL_BASE64));
        check(image->type != JM_IMAGE_BYTES || image->text.data == NULL);

        if (image->text.data == NULL) {
            check(image->offset <= size
                  && image->len <= size - image->offset);
        }
    }
}


/* the submit that is made when data, if they have to, became URLs */

static void
check_submit(const jm_request_t *r, jm_mem_t *mem)
{
    size_t        i, at[JM_REQUEST_IMAGES];
    jm_buf_t      b;
    jm_json_t    *root, *node;
    jm_request_t  sent;

    sent = *r;

    for (i = 0; i < r->nimages; i++) {

        if (!(r->model->takes & JM_MODEL_BASE64)
            && r->images[i].type != JM_IMAGE_URL)
        {
            sent.images[i].type = JM_IMAGE_URL;
            sent.images[i].text = str("http://h/");
        }
    }

    memset(at, 0, sizeof(at));

    jm_buf_init(&b, mem, 1024, (size_t) 1 << 24);
    check(jm_visual_submit(&b, &sent, at) == JM_OK);

    root = read_whole(&b, mem);

    node = r->model->prompt ? jm_json_get(root, r->model->prompt) : NULL;
    check((node != NULL) == (r->prompt.len != 0));
    check(node == NULL
          || (node->text.len == r->prompt.len
              && memcmp(node->text.data, r->prompt.data, r->prompt.len)
                 == 0));

    node = jm_json_get(root, "binary_data_base64");
    check((node != NULL) == (at[0] != 0));

    for (i = 0; node != NULL && i < node->count; i++) {
        check(memcmp(&b.data[at[i] - 1], "\"\"", 2) == 0);
        check(i == 0 || at[i] == at[i - 1] + 3);
    }

    if (node == NULL) {
        node = jm_json_get(root, "image_urls");
    }

    check((node == NULL ? 0 : node->count) == r->nimages);

    node = jm_json_get(root, "force_single");
    check((node != NULL) == ((r->model->takes & JM_MODEL_GROUP) != 0));
    check(node == NULL || node->boolean == r->force_single);

    node = jm_json_get(root, "seed");
    check((node != NULL) == (r->has_seed != 0));
    check(node == NULL || (r->model->takes & JM_MODEL_SEED));
}


/* the call to Ark; a place for data is where an empty string is */

static void
check_ark(const jm_request_t *r, jm_mem_t *mem)
{
    size_t        i, at[JM_REQUEST_IMAGES];
    unsigned      takes;
    jm_buf_t      b;
    jm_json_t    *root, *node;

    jm_buf_init(&b, mem, 1024, (size_t) 1 << 24);
    check(jm_ark_submit(&b, r, 1, at) == JM_OK);

    root = read_whole(&b, mem);
    takes = r->model->takes;

    node = jm_json_get(root, "prompt");
    check((node != NULL) == (r->prompt.len != 0));
    check(node == NULL || same(node->text, r->prompt));

    for (i = 0; i < r->nimages; i++) {
        check(r->images[i].type == JM_IMAGE_URL
              ? at[i] == 0 : memcmp(&b.data[at[i] - 1], "\"\"", 2) == 0);
    }

    node = jm_json_get(root, "image");
    check((node == NULL ? 0 : node->type == JM_JSON_ARRAY ? node->count : 1)
          == r->nimages);

    node = jm_json_get(root, "stream");
    check((node != NULL) == ((takes & JM_MODEL_SERIES) != 0));

    node = jm_json_get(root, "sequential_image_generation_options");
    check((node != NULL) == (!r->force_single && (takes & JM_MODEL_SERIES)));

    check(jm_json_get(root, "output_format") == NULL
          || (takes & JM_MODEL_OUTPUT));
    check((jm_json_get(root, "layer_decomposition") == NULL)
          == !r->ark.layers);
    check(jm_json_get(root, "tools") == NULL || (takes & JM_MODEL_TOOLS));
    check(jm_json_get(root, "watermark")->boolean == r->watermark);
    check(jm_str_eq(&jm_json_get(root, "response_format")->text, "url"));
}


/* those of another model are not handed on, nor sides beside a mask */

static void
check_numbers(const jm_request_t *r)
{
    unsigned  i, expand;

    expand = (r->model->takes & JM_MODEL_EXPAND) != 0;

    for (i = 0; i < JM_NUMBER_LAST; i++) {
        check(r->numbers[i].has <= 1);

        if (i == JM_NUMBER_LORA_WEIGHT) {
            check(!r->numbers[i].has || (r->model->takes & JM_MODEL_LORA));

        } else if (i == JM_NUMBER_GUIDANCE_SCALE) {
            check(!r->numbers[i].has
                  || (r->model->takes & JM_MODEL_GUIDANCE));

        } else {
            check(!r->numbers[i].has || expand);
        }

        if (i <= JM_NUMBER_RIGHT) {
            check(!r->numbers[i].has || r->nimages == 1);
        }
    }
}


static void
check_request(const jm_request_t *r, const way_t *way, size_t size,
    jm_mem_t *mem)
{
    size_t  n;

    check(r->model != NULL);
    check(r->prompt.len > 0 || !(r->model->takes & JM_MODEL_PROMPT)
          || r->ark.layers || (r->model->takes & JM_MODEL_NO_PROMPT));
    check(r->prompt.len == 0 || (r->model->takes & JM_MODEL_PROMPT));
    check_numbers(r);
    check(jm_utf8_length(r->prompt, &n) == JM_OK && n <= MAX_PROMPT);
    check(!r->has_scale || (r->scale <= 100
                            && r->model->scale != JM_SCALE_NONE));
    check(r->b64 <= 1 && r->stream <= JM_STREAM_ARK
          && r->quality <= JM_QUALITY_LOW);
    check(r->async <= 1 && (!r->async || r->stream == JM_STREAM_NONE));

    check_images(r, way, size);
    check_size(r);
    check_group(r);
    check_ignored(r, mem);

    if (r->model->provider == JM_PROVIDER_ARK) {
        check(way->ark);
        check_ark(r, mem);
        return;
    }

    check_query(r, mem);
    check_submit(r, mem);
}


/* a line is a part; what it says is where it stands */

static size_t
split_form(jm_form_field_t *parts, jm_str_t body)
{
    size_t            i, n, len;
    const uint8_t    *p;
    jm_form_field_t  *part;

    memset(parts, 0, sizeof(jm_form_field_t) * MAX_PARTS);

    for (i = 1, n = 0; i < body.len && n < MAX_PARTS; i += len + 1) {
        part = &parts[n++];

        p = memchr(&body.data[i], '\n', body.len - i);
        len = p != NULL ? (size_t) (p - &body.data[i]) : body.len - i;

        p = memchr(&body.data[i], '=', len);

        part->name.data = &body.data[i];
        part->name.len = p != NULL ? (size_t) (p - &body.data[i]) : len;

        if (p == NULL) {
            continue;
        }

        part->offset = i + part->name.len + 1;
        part->len = len - part->name.len - 1;

        if (part->len != 0 && p[1] == '@') {
            part->file = 1;
            part->unnamed = part->len == 1;
            part->len -= part->unnamed;

        } else if (part->len != 0 && p[1] == '~') {
            part->head.data = p + 1;
            part->head.len = jm_min(part->len, JM_SKELETON_HEAD);

        } else {
            part->foreign = part->len != 0 && p[1] == '!';
            part->value.data = p + 1;
            part->value.len = part->len;
        }
    }

    return n;
}


static jm_rc_e
read_body(jm_request_t *r, jm_str_t body, const way_t *way, jm_rules_t *rules,
    jm_mem_t *mem, jm_error_t *e)
{
    size_t                  n;
    jm_buf_t                b;
    static jm_skeleton_t    skeleton;
    static jm_form_field_t  form[MAX_PARTS];

    if (body.len != 0 && body.data[0] == '&') {
        n = split_form(form, body);

        return jm_request_read_form(r, form, n, rules, mem, e);
    }

    if (way->longest == 0) {
        return jm_request_read(r, body, rules, mem, e);
    }

    jm_buf_init(&b, mem, 64, body.len * 4 + 64);
    jm_skeleton_init(&skeleton, &b, way->longest);

    if (jm_skeleton_add(&skeleton, body) == JM_INVALID) {
        jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL, NULL);
        return JM_INVALID;
    }

    rules->skeleton = &skeleton;

    return b.rc != JM_OK ? JM_ERROR
                         : jm_request_read(r, jm_buf_view(&b), rules, mem, e);
}


static void
run(jm_str_t body, const way_t *way)
{
    jm_rc_e       rc;
    tap_mem_t     m, other;
    jm_error_t    e;
    jm_rules_t    rules;
    jm_request_t  r;

    rules.models = way->ark ? &all_models : NULL;
    rules.default_model = str(way->ark ? "jimeng-4.5" : "jimeng_t2i_v40");
    rules.max_prompt = MAX_PROMPT;
    rules.strict_size = way->strict;
    rules.format = way->format;
    rules.edit = way->edit;
    rules.upload = way->upload;
    rules.skeleton = NULL;

    tap_mem_init(&m, way->fail);
    tap_mem_init(&other, 0);
    memset(&e, 0, sizeof(e));

    rc = read_body(&r, body, way, &rules, &m.mem, &e);

    if (rc == JM_ERROR) {
        check(!tap_mem_unfailed(&m));

    } else if (rc == JM_INVALID) {
        check_error(&e, &other.mem);

    } else {
        check(tap_mem_unfailed(&m));
        check_request(&r, way, body.len, &other.mem);
    }

    tap_mem_done(&m);
    tap_mem_done(&other);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i;
    way_t     ways[7];
    jm_str_t  body;

    memset(ways, 0, sizeof(ways));

    ways[1].strict = 1;
    ways[1].format = JM_FORMAT_B64;
    ways[1].upload = 1;
    ways[2].edit = 1;
    ways[2].format = JM_FORMAT_URL;
    ways[2].upload = 1;
    ways[3].upload = 1;
    ways[3].longest = size % 61 + 3;
    ways[4].fail = size % 16 + 1;
    ways[5].ark = 1;
    ways[6].ark = 1;
    ways[6].strict = 1;
    ways[6].longest = size % 61 + 3;

    body.data = data;
    body.len = size;

    for (i = 0; i < jm_nitems(ways); i++) {
        run(body, &ways[i]);
    }

    return 0;
}
