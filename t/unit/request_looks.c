
/*
 * Fields that nobody reads, and that look like a picture: they are refused, by
 * their name and with it as param.  What does not is ignored as ever.
 */


#include "request.h"


#define URL     "\"https://h/1\""
#define BASE64  "\"iVBORw0KGgoAAAANSUhEUg\""
#define JPEG    "\"/9j/4AAQSkZJRgABAQAAAQABAAD\""
#define URI     "\"data:image/png;base64,iVBOR\""


/* fields as in JSON; the name of the one that is refused */

typedef struct {
    const char      *fields;
    const char      *param;
} looks_case_t;


static const looks_case_t  bad_cases[] = {

    /* by name */
    { "\"reference_image\":" URL, "reference_image" },
    { "\"input_images\":[" URL "]", "input_images" },
    { "\"image_base64\":\"x\"", "image_base64" },
    { "\"ref_images\":[\"file-1\"]", "ref_images" },
    { "\"init_image\":" URL, "init_image" },
    { "\"init_images\":[\"x\"]", "init_images" },
    { "\"image[0]\":" URL, "image[0]" },
    { "\"images[]\":[" URL "]", "images[]" },
    { "\"image1\":" URL ",\"image2\":" URL, "image1" },
    { "\"image_2\":" URL, "image_2" },
    { "\"image_a\":" URL, "image_a" },
    { "\"inputImage\":" URL, "inputImage" },
    { "\"imageUrl\":" URL, "imageUrl" },
    { "\"imageURLs\":[" URL "]", "imageURLs" },
    { "\"ImageBase64\":\"x\"", "ImageBase64" },
    { "\"IMAGE\":" URL, "IMAGE" },
    { "\"Image\":" URL, "Image" },
    { "\"refimage\":" URL, "refimage" },
    { "\"img\":" URL, "img" },
    { "\"img_url\":" URL, "img_url" },
    { "\"picture\":" URL, "picture" },
    { "\"pictures\":[" URL "]", "pictures" },
    { "\"photo\":" URL, "photo" },
    { "\"photographs\":[" URL "]", "photographs" },
    { "\"pic\":" URL, "pic" },
    { "\"pics\":[" URL "]", "pics" },
    { "\"myPic\":" URL, "myPic" },
    { "\"markup\":" URL, "markup" },
    { "\"mask_image\":" URL, "mask_image" },
    { "\"first_frame_image\":" URL, "first_frame_image" },
    { "\"image-data\":\"x\"", "image-data" },
    { "\"image_file_id\":\"file-1\"", "image_file_id" },
    { "\"image_input\":{\"id\":\"x\"}", "image_input" },
    { "\"subject_reference\":[{\"type\":\"x\",\"image_file\":" URL "}]",
      "subject_reference" },
    { "\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":"
      "{\"url\":" URL "}}]}]", "messages" },

    /* by value */
    { "\"foo\":" URI, "foo" },
    { "\"foo\":\"DATA:image/jpeg;base64,\"", "foo" },
    { "\"foo\":" BASE64, "foo" },
    { "\"foo\":" JPEG, "foo" },
    { "\"foo\":\"\\/9j\\/4AAQ\"", "foo" },
    { "\"foo\":\"\\r\\n iVBORw0KGgo\"", "foo" },
    { "\"foo\":[1,{\"bar\":[" BASE64 "]}]", "foo" },
    { "\"foo\":\"https://h/a.png\"", "foo" },
    { "\"foo\":\"HTTP://h/a.JPG?x=y\"", "foo" },
    { "\"foo\":[\"https://h/a.webp#x\"]", "foo" },
    { "\"image_prompt\":\"https://h/a.jpeg\"", "image_prompt" },
    { "\"contents\":[{\"parts\":[{\"inline_data\":{\"data\":" JPEG "}}]}]",
      "contents" },

    /* wherever it is */
    { "\"extra_body\":{\"reference_image\":" URL "}", "reference_image" },
    { "\"extra_body\":{\"foo\":" BASE64 "}", "foo" },
    { "\"image\":" URL ",\"img\":" URL, "img" },
    { "\"img\":null,\"img\":" URL, "img" },

    /* a long name is cut, and not within a character */
    { "\"image_12345678901234567890123456789012345678901234567890123456789\":"
      URL,
      "image_1234567890123456789012345678901234567890123456789012345678" },
    { "\"image_123456789012345678901234567890123456789012345678901234567"
      "\xe5\x9b\xbe\":\"https://h/a.png\"",
      "image_123456789012345678901234567890123456789012345678901234567" }
};


static const char *const  good_cases[] = {

    /* a property of pictures, and no picture */
    "\"image_size\":\"square_hd\"",
    "\"imageSize\":\"1K\"",
    "\"imageSIZE\":\"1K\"",
    "\"image_format\":\"png\"",
    "\"image_quality\":\"high\"",
    "\"image_style\":\"vivid\"",
    "\"image_prompt\":\"a cat\"",
    "\"image_prompt_strength\":0.5",
    "\"image_config\":{\"aspect_ratio\":\"16:9\",\"image_size\":\"2K\"}",
    "\"image_ids_filter\":\"x\"",
    "\"image_reference_strength\":\"low\"",
    "\"images_per_prompt\":\"four\"",
    "\"photorealistic\":\"very\"",
    "\"photography\":\"macro\"",
    "\"topic\":\"cats\"",
    "\"epic\":\"yes, please\"",
    "\"picky\":\"x\"",
    "\"imagination\":\"free\"",

    /* no picture is a number, a bool, or nothing */
    "\"num_images\":2",
    "\"num_images\":\"2\"",
    "\"max_images\":4",
    "\"n_images\":1",
    "\"return_images\":true",
    "\"return_images\":\"True\"",
    "\"has_image\":false",
    "\"init_image\":null",
    "\"init_image\":\"\"",
    "\"init_image\":\"undefined\"",
    "\"init_images\":[]",
    "\"init_images\":[null,\"\"]",
    "\"init_image\":{}",
    "\"image_input\":{\"weight\":0.5}",

    /* nor a text of any other kind */
    "\"foo\":\"bar\"",
    "\"foo\":\"https://h/\"",
    "\"foo\":\"https://h/a.png/b\"",
    "\"foo\":\"https://h?a.png\"",
    "\"foo\":\"a.png\"",
    "\"foo\":\"iVBORw0KGg\"",
    "\"foo\":\"data:text/plain,x\"",
    "\"foo\":[{\"bar\":{\"url\":\"https://h/\"}}]",
    "\"callback_url\":\"https://h/hook\"",
    "\"\":\"x\"",

    /* what is known, and of no effect, is the client's to see */
    "\"background\":\"white\"",
    "\"partial_images\":2",
    "\"input_fidelity\":\"high\"",
    "\"svg\":{\"model\":\"x\"}"
};


static void
test_bad(void)
{
    char                  body[512];
    size_t                i;
    jm_rc_e               rc;
    tap_mem_t             m;
    jm_error_t            e;
    jm_request_t          r;
    const looks_case_t   *c;

    for (i = 0; i < jm_nitems(bad_cases); i++) {
        c = &bad_cases[i];

        (void) snprintf(body, sizeof(body), "{\"prompt\":\"a cat\",%s}",
                        c->fields);

        rc = read_body(&r, body, &m, &e);

        ok(rc == JM_INVALID && e.cause == JM_CAUSE_INVALID_REQUEST
           && e.param != NULL && strcmp(e.param, c->param) == 0
           && strstr(e.message, "looks like a picture") != NULL
           && strstr(e.message, c->param) != NULL
           && strstr(e.message, "//h") == NULL,
           "%s: %s", c->fields, e.message);

        tap_mem_done(&m);
    }
}


static void
test_good(void)
{
    char          body[512];
    size_t        i;
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    for (i = 0; i < jm_nitems(good_cases); i++) {

        (void) snprintf(body, sizeof(body), "{\"prompt\":\"a cat\",%s}",
                        good_cases[i]);

        rc = read_body(&r, body, &m, &e);

        ok(rc == JM_OK && r.nimages == 0, "%s: %s", good_cases[i], e.message);

        tap_mem_done(&m);
    }
}


/* of a text that is in the body the first bytes are there */

static void
test_heads(void)
{
    char           body[512];
    size_t         i, cut;
    jm_rc_e        rc;
    jm_buf_t       b;
    tap_mem_t      m;
    jm_error_t     e;
    jm_request_t   r;
    jm_skeleton_t  s;
    jm_str_t       piece;

    static const struct {
        const char  *name;
        const char  *text;
        jm_rc_e      rc;
    } texts[] = {
        { "foo", "data:image\\/png;base64,iVBORw0KGgoAAA", JM_INVALID },
        { "foo", "iVBORw0KGgoAAAANSUhEUgAAAEAAAABA", JM_INVALID },
        { "foo", "\\/9j\\/4AAQSkZJRgABAQAAAQABAAD", JM_INVALID },
        { "foo", "words that are as long as a picture's", JM_OK },
        { "photo", "words that are as long as a picture's", JM_INVALID },
        { "foo", "https://h/words/as/long/as/that.png", JM_OK }
    };

    for (i = 0; i < jm_nitems(texts); i++) {

        (void) snprintf(body, sizeof(body), "{\"prompt\":\"a cat\",\"%s\":"
                        "\"%s\"}", texts[i].name, texts[i].text);

        for (cut = 0; cut < 2; cut++) {
            tap_mem_init(&m, 0);
            jm_buf_init(&b, &m.mem, 64, 4096);
            jm_skeleton_init(&s, &b, 16);

            rules.skeleton = &s;

            for (piece = str(body); piece.len != 0; piece.data += cut) {
                rc = jm_skeleton_add(&s, cut ? (jm_str_t) { 1, piece.data }
                                             : piece);
                piece.len = cut ? piece.len - 1 : 0;
            }

            rc = jm_request_read(&r, jm_buf_view(&b), &rules, &m.mem, &e);

            is_int(rc, texts[i].rc, "%s: %s, %s", texts[i].name,
                   texts[i].text, cut ? "byte by byte" : "at once");

            rules.skeleton = NULL;
            tap_mem_done(&m);
        }
    }
}


int
main(void)
{
    test_bad();
    test_good();
    test_heads();

    return done_testing();
}
