
/*
 * A client's body: whatever it is, it ends in a legal request whose submit is
 * whole JSON with the same prompt, whose query says what was said of the
 * result, and which orders no more pictures than it says; or in an error that
 * makes a whole envelope.
 */


#include "tap.h"
#include "jm_json.h"
#include "jm_reply.h"
#include "jm_text.h"
#include "jm_visual.h"


#define MAX_PROMPT  800

#define check(x)                                                              \
    do {                                                                      \
        if (!(x)) {                                                           \
            fprintf(stderr, "%s:%d: BUG: %s\n", __FILE__, __LINE__, #x);      \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


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
    check(r->size.width <= 16 * (uint64_t) r->size.height
          && r->size.height <= 16 * (uint64_t) r->size.width);

    if (r->size.area != 0) {
        area = r->size.area;
    }

    check(area == 0 || (area >= r->model->min_area
                        && area <= r->model->max_area));

    if (r->model->max_side != 0) {
        check(r->size.area == 0);
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
    check(r->force_single || (r->model->takes & JM_MODEL_GROUP));
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
    result.size = r->size;
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


static void
check_request(const jm_request_t *r, jm_mem_t *mem)
{
    size_t      n;
    jm_buf_t    b;
    jm_json_t  *root, *node;

    check(r->model != NULL && r->nimages <= r->model->images
          && r->nimages >= r->model->min_images);
    check((r->prompt.len > 0) == ((r->model->takes & JM_MODEL_PROMPT) != 0));
    check(jm_utf8_length(r->prompt, &n) == JM_OK && n <= MAX_PROMPT);
    check(!r->has_scale || (r->scale <= 100
                            && r->model->scale != JM_SCALE_NONE));

    check_size(r);
    check_group(r);
    check_query(r, mem);
    check_ignored(r, mem);

    jm_buf_init(&b, mem, 1024, (size_t) 1 << 24);
    check(jm_visual_submit(&b, r) == JM_OK);

    root = read_whole(&b, mem);

    node = jm_json_get(root, "prompt");
    check((node != NULL) == (r->prompt.len != 0));
    check(node == NULL
          || (node->text.len == r->prompt.len
              && memcmp(node->text.data, r->prompt.data, r->prompt.len)
                 == 0));

    node = jm_json_get(root, "image_urls");
    check((node == NULL ? 0 : node->count) == r->nimages);

    node = jm_json_get(root, "force_single");
    check((node != NULL) == ((r->model->takes & JM_MODEL_GROUP) != 0));
    check(node == NULL || node->boolean == r->force_single);

    node = jm_json_get(root, "seed");
    check((node != NULL) == (r->has_seed != 0));
    check(node == NULL || (r->model->takes & JM_MODEL_SEED));
}


static void
run(jm_str_t body, unsigned strict, size_t fail)
{
    jm_rc_e       rc;
    tap_mem_t     m, other;
    jm_error_t    e;
    jm_rules_t    rules;
    jm_request_t  r;

    rules.models = NULL;
    rules.default_model = str("jimeng_t2i_v40");
    rules.max_prompt = MAX_PROMPT;
    rules.strict_size = strict;

    tap_mem_init(&m, fail);
    tap_mem_init(&other, 0);
    memset(&e, 0, sizeof(e));

    rc = jm_request_read(&r, body, &rules, &m.mem, &e);

    if (rc == JM_ERROR) {
        check(!tap_mem_unfailed(&m));

    } else if (rc == JM_INVALID) {
        check_error(&e, &other.mem);

    } else {
        check(tap_mem_unfailed(&m));
        check_request(&r, &other.mem);
    }

    tap_mem_done(&m);
    tap_mem_done(&other);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jm_str_t  body;

    body.data = data;
    body.len = size;

    run(body, 0, 0);
    run(body, 1, 0);
    run(body, 0, size % 16 + 1);

    return 0;
}
