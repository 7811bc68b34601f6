
/*
 * A client's body: whatever it is, it ends in a legal request whose submit is
 * whole JSON with the same prompt, or in an error that makes a whole envelope.
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
}


static void
check_request(const jm_request_t *r, jm_mem_t *mem)
{
    size_t      n;
    jm_buf_t    b;
    jm_json_t  *root, *node;

    check(r->model != NULL && r->nimages <= r->model->images);
    check(r->prompt.len > 0 && jm_utf8_length(r->prompt, &n) == JM_OK
          && n <= MAX_PROMPT);
    check(!r->has_scale || r->scale <= 100);

    check_size(r);

    jm_buf_init(&b, mem, 1024, (size_t) 1 << 24);
    check(jm_visual_submit(&b, r) == JM_OK);

    root = read_whole(&b, mem);

    node = jm_json_get(root, "prompt");
    check(node->text.len == r->prompt.len
          && memcmp(node->text.data, r->prompt.data, r->prompt.len) == 0);

    node = jm_json_get(root, "image_urls");
    check((node == NULL ? 0 : node->count) == r->nimages);

    node = jm_json_get(root, "force_single");
    check(node->boolean == r->force_single);
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
