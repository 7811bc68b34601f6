
/*
 * The body of a submit whose pictures are data: it has a place for each.
 *
 * Guards against a task that is billed for a picture that was not sent; seen
 * failing with data of any model written as if they were URLs.
 */


#include "request.h"
#include "jm_json.h"
#include "jm_visual.h"


#define P        "\"prompt\":\"p\"}"
#define INPAINT  "jimeng_image2image_dream_inpaint"


static void
test_places(void)
{
    size_t        at[JM_REQUEST_IMAGES];
    jm_buf_t      b;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    read_body(&r, "{\"model\":\"" INPAINT "\",\"image\":\"iVBOR\",\"mask\":"
              "\"data:image/png;base64,iVBOR\"," P, &m, &e);

    jm_buf_init(&b, &m.mem, 16, 4096);
    memset(at, 0, sizeof(at));

    is_int(jm_visual_submit(&b, &r, at), JM_OK, "two pictures");
    is_str(jm_buf_view(&b), "{\"req_key\":\"" INPAINT "\",\"prompt\":\"p\","
           "\"binary_data_base64\":[\"\",\"\"]}", "have a place each");
    ok(memcmp(b.data + at[0] - 2, "[\"\",\"", 5) == 0, "the first");
    ok(memcmp(b.data + at[1] - 2, ",\"\"]", 4) == 0, "the second");
    is_int((int64_t) (at[1] - at[0]), 3, "is another");
    is_int((int64_t) at[2], 0, "there is no third");
    tap_mem_done(&m);

    /* behind something else, as it is where a group of bodies is made */

    read_body(&r, "{\"model\":\"jimeng_i2i_v30\",\"image\":\"iVBOR\","
              "\"scale\":0.5,\"prompt\":\"\\\"\\u732b\"}", &m, &e);

    jm_buf_init(&b, &m.mem, 16, 4096);
    jm_buf_literal(&b, "xyz");

    is_int(jm_visual_submit(&b, &r, at), JM_OK, "one picture");
    is_str(jm_buf_view(&b), "xyz{\"req_key\":\"jimeng_i2i_v30\",\"prompt\":"
           "\"\\\"\xe7\x8c\xab\",\"binary_data_base64\":[\"\"],"
           "\"scale\":0.5}", "before the rest");
    ok(memcmp(b.data + at[0] - 2, "[\"\"]", 4) == 0,
       "its place is counted from the buffer's start");
    tap_mem_done(&m);
}


/* what is put in there makes the body whole */

static void
test_whole(void)
{
    size_t            at[JM_REQUEST_IMAGES];
    jm_buf_t          b, whole;
    tap_mem_t         m;
    jm_json_t        *root;
    jm_error_t        e;
    const char       *why;
    jm_request_t      r;
    jm_json_limits_t  limits;

    read_body(&r, "{\"model\":\"" INPAINT "\",\"image\":[\"a\",\"b\"]," P, &m,
              &e);

    jm_buf_init(&b, &m.mem, 16, 4096);
    jm_buf_init(&whole, &m.mem, 16, 4096);
    jm_visual_submit(&b, &r, at);

    jm_buf_add(&whole, b.data, at[0]);
    jm_buf_literal(&whole, "first");
    jm_buf_add(&whole, b.data + at[0], at[1] - at[0]);
    jm_buf_literal(&whole, "second");
    jm_buf_add(&whole, b.data + at[1], b.len - at[1]);

    limits.depth = 4;
    limits.nodes = 16;

    is_int(jm_json_read(&root, jm_buf_view(&whole), &limits, &m.mem, &why),
           JM_OK, "it is JSON");

    root = jm_json_get(root, "binary_data_base64");

    is_str(root->child->text, "first", "the first picture");
    is_str(root->child->next->text, "second", "the second");

    tap_mem_done(&m);
}


static void
test_refused(void)
{
    size_t        at[JM_REQUEST_IMAGES];
    jm_buf_t      b;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    rules.upload = 1;
    read_body(&r, "{\"image\":[\"iVBOR\",\"iVBOR\"]," P, &m, &e);

    jm_buf_init(&b, &m.mem, 16, 4096);
    is_int(jm_visual_submit(&b, &r, at), JM_ERROR,
           "data, and a model that takes URLs");

    r.images[0].type = JM_IMAGE_URL;
    r.images[0].text = str("http://h/0");

    jm_buf_init(&b, &m.mem, 16, 4096);
    is_int(jm_visual_submit(&b, &r, at), JM_ERROR, "data behind a URL");

    r.images[1].type = JM_IMAGE_URL;
    r.images[1].text = str("http://h/1");

    jm_buf_init(&b, &m.mem, 16, 4096);
    is_int(jm_visual_submit(&b, &r, NULL), JM_OK, "URLs in their place");
    is_str(jm_buf_view(&b), "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":\"p\","
           "\"image_urls\":[\"http://h/0\",\"http://h/1\"],"
           "\"force_single\":true}", "are sent");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"jimeng_i2i_v30\",\"image\":\"iVBOR\"," P, &m,
              &e);
    jm_buf_init(&b, &m.mem, 16, 4096);
    is_int(jm_visual_submit(&b, &r, NULL), JM_ERROR,
           "data, and nobody who asks where they go");
    tap_mem_done(&m);

    rules.upload = 0;
}


int
main(void)
{
    test_places();
    test_whole();
    test_refused();

    return done_testing();
}
