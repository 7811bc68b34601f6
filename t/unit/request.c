
/*
 * A client's body: every field, every dialect, and everything that is to be
 * refused with a sentence that does not repeat the client's text.
 *
 * Guards against pictures that nobody ordered and that are billed; seen
 * failing with an absent "force_single" taken for false.
 */


#include "request.h"


typedef struct {
    const char      *body;
    jm_cause_e       cause;
    const char      *param;         /* NULL: null */
    const char      *part;          /* of the message */
} bad_case_t;

typedef struct {
    const char      *body;
    jm_size_t        size;
} size_case_t;


#define P  "\"prompt\":\"a cat\""
#define BAD  JM_CAUSE_INVALID_REQUEST


static const bad_case_t  bad_cases[] = {

    /* no JSON, or none that this is */

    { "", BAD, NULL, "body" },
    { "cat", BAD, NULL, "JSON" },
    { "{" P, BAD, NULL, "JSON" },
    { "{" P "} x", BAD, NULL, "JSON" },
    { "{" P "}{}", BAD, NULL, "JSON" },
    { "{" P ",}", BAD, NULL, "JSON" },
    { "{'prompt':'x'}", BAD, NULL, "JSON" },
    { "{\"prompt\":\"a\nb\"}", BAD, NULL, "JSON" },
    { "{\"prompt\":\"\xff\"}", BAD, NULL, "UTF-8" },
    { "{\"prompt\":\"\xed\xa0\x80\"}", BAD, NULL, "UTF-8" },
    { "{\"prompt\":\"\\ud800\"}", BAD, NULL, "JSON" },
    { "[]", BAD, NULL, "object" },
    { "\"prompt\"", BAD, NULL, "object" },
    { "null", BAD, NULL, "object" },
    { "1", BAD, NULL, "object" },

    /* wrong types */

    { "{\"model\":1," P "}", BAD, "model", "a string" },
    { "{\"prompt\":1}", BAD, "prompt", "a string" },
    { "{\"prompt\":[\"x\"]}", BAD, "prompt", "a string" },
    { "{\"size\":true," P "}", BAD, "size", "a string" },
    { "{\"size\":{}," P "}", BAD, "size", "a string" },
    { "{\"width\":\"1024\",\"height\":1024," P "}", BAD, "width",
      "a number" },
    { "{\"width\":1024,\"height\":\"1024\"," P "}", BAD, "height",
      "a number" },
    { "{\"ratio\":1.5," P "}", BAD, "ratio", "a string" },
    { "{\"aspect_ratio\":1.5," P "}", BAD, "aspect_ratio", "a string" },
    { "{\"resolution\":2," P "}", BAD, "resolution", "a string" },
    { "{\"n\":\"1\"," P "}", BAD, "n", "a number" },
    { "{\"response_format\":{}," P "}", BAD, "response_format", "a string" },
    { "{\"stream\":\"false\"," P "}", BAD, "stream", "true or false" },
    { "{\"image\":{}," P "}", BAD, "image", "URL" },
    { "{\"image\":1," P "}", BAD, "image", "URL" },
    { "{\"images\":true," P "}", BAD, "images", "array" },
    { "{\"image_urls\":1," P "}", BAD, "image_urls", "array" },
    { "\xef\xbb\xbf", BAD, NULL, "body" },
    { "\xef\xbb\xbf\xef\xbb\xbf{" P "}", BAD, NULL, "JSON" },
    { "\xef\xbb{" P "}", BAD, NULL, "UTF-8" },
    { " \xef\xbb\xbf{" P "}", BAD, NULL, "JSON" },
    { "{\"strength\":\"0.5\"," P "}", BAD, "strength", "a number" },
    { "{\"scale\":\"0.5\"," P "}", BAD, "scale", "a number" },
    { "{\"force_single\":1," P "}", BAD, "force_single", "true or false" },
    { "{\"min_ratio\":\"1\"," P "}", BAD, "min_ratio", "a number" },
    { "{\"max_ratio\":\"1\"," P "}", BAD, "max_ratio", "a number" },
    { "{\"watermark\":0," P "}", BAD, "watermark", "true or false" },
    { "{\"user\":7," P "}", BAD, "user", "a string" },
    { "{\"extra_body\":[]," P "}", BAD, "extra_body", "an object" },
    { "{\"extra_body\":\"{}\"," P "}", BAD, "extra_body", "an object" },
    { "{\"extra_body\":{\"scale\":\"1\"}," P "}", BAD, "scale", "a number" },

    /* the prompt */

    { "{}", BAD, "prompt", "missing" },
    { "{\"prompt\":null}", BAD, "prompt", "missing" },
    { "{\"prompt\":\"\"}", BAD, "prompt", "empty" },
    { "{\"prompt\":\" \\n\\t \"}", BAD, "prompt", "empty" },
    { "{\"prompt\":\"\xe3\x80\x80\xc2\xa0\"}", BAD, "prompt", "empty" },
    { "{\"prompt\":\"\\u0000\"}", BAD, "prompt", "empty" },
    { "{\"prompt\":\"123456789\"}", JM_CAUSE_PROMPT_TOO_LONG, "prompt",
      "9 characters, and the limit is 8" },

    /* the model */

    { "{\"model\":\"dall-e-3\"," P "}", JM_CAUSE_MODEL_NOT_FOUND, "model",
      "\"dall-e-3\" is not known" },
    { "{\"model\":\"\"," P "}", JM_CAUSE_MODEL_NOT_FOUND, "model",
      "\"\" is not known" },
    { "{\"model\":\"jimeng-4.5\"," P "}", JM_CAUSE_MODEL_NOT_FOUND, "model",
      "needs an Ark account" },
    { "{\"model\":\"doubao-seedream-4-5-251128\"," P "}",
      JM_CAUSE_MODEL_NOT_FOUND, "model", "needs an Ark account" },
    { "{\"model\":\"\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3"
      "\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3"
      "\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3"
      "\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3"
      "\xe5\x8d\xb3\xe5\x8d\xb3\xe5\x8d\xb3\"," P "}",
      JM_CAUSE_MODEL_NOT_FOUND, "model", "\xe5\x8d\xb3...\"" },

    /* how many, and in which form */

    { "{\"n\":0," P "}", BAD, "n", "1 to 10" },
    { "{\"n\":-1," P "}", BAD, "n", "1 to 10" },
    { "{\"n\":11," P "}", BAD, "n", "1 to 10" },
    { "{\"n\":1.5," P "}", BAD, "n", "1 to 10" },
    { "{\"n\":1e99," P "}", BAD, "n", "1 to 10" },
    { "{\"response_format\":\"png\"," P "}", BAD, "response_format",
      "must be \"url\" or \"b64_json\"" },
    { "{\"response_format\":\"\"," P "}", BAD, "response_format",
      "must be \"url\" or \"b64_json\"" },

    /* sizes */

    { "{\"size\":\"0x0\"," P "}", BAD, "size", "2048x2048" },
    { "{\"size\":\"-1x5\"," P "}", BAD, "size", "2048x2048" },
    { "{\"size\":\"99999999999x1\"," P "}", BAD, "size", "2048x2048" },
    { "{\"size\":\"1024x\"," P "}", BAD, "size", "2048x2048" },
    { "{\"size\":\"\"," P "}", BAD, "size", "2048x2048" },
    { "{\"size\":0," P "}", BAD, "size", "integer" },
    { "{\"size\":-5," P "}", BAD, "size", "integer" },
    { "{\"size\":1048576.5," P "}", BAD, "size", "integer" },
    { "{\"size\":4294967296," P "}", BAD, "size", "integer" },
    { "{\"size\":16777217," P "}", BAD, "size", "smaller" },
    { "{\"size\":\"4097x4096\"," P "}", BAD, "size", "smaller" },
    { "{\"size\":\"1x17\"," P "}", BAD, "size", "1:16" },
    { "{\"width\":1024," P "}", BAD, "height", "missing" },
    { "{\"height\":1024," P "}", BAD, "width", "missing" },
    { "{\"width\":1024,\"height\":null," P "}", BAD, "height", "missing" },
    { "{\"width\":0,\"height\":1024," P "}", BAD, "width", "integer" },
    { "{\"width\":1024,\"height\":100000," P "}", BAD, "height", "integer" },
    { "{\"width\":1024,\"height\":1.5," P "}", BAD, "height", "integer" },
    { "{\"width\":5000,\"height\":5000," P "}", BAD, "width", "smaller" },
    { "{\"width\":17,\"height\":1," P "}", BAD, "width", "1:16" },
    { "{\"ratio\":\"17:1\"," P "}", BAD, "ratio", "1:16" },
    { "{\"ratio\":\"wide\"," P "}", BAD, "ratio", "16:9" },
    { "{\"aspect_ratio\":\"1:0\"," P "}", BAD, "aspect_ratio", "16:9" },
    { "{\"ratio\":\"1:1\",\"resolution\":\"8k\"," P "}", BAD, "resolution",
      "\"1k\"" },
    { "{\"resolution\":\"8k\"," P "}", BAD, "resolution", "\"1k\"" },
    { "{\"resolution\":\"auto\"," P "}", BAD, "resolution", "\"1k\"" },
    { "{\"resolution\":\"1024x1024\"," P "}", BAD, "resolution", "\"1k\"" },
    { "{\"ratio\":\"1:1\",\"size\":5000000," P "}", BAD, "size", "\"1k\"" },

    /* pictures */

    { "{\"image\":\" \"," P "}", BAD, "image", "URLs only" },
    { "{\"image\":\"data:image/png;base64,iVBORw0KGgo=\"," P "}", BAD,
      "image", "URLs only" },
    { "{\"images\":[\"iVBORw0KGgoAAAANSUhEUgAA\"]," P "}", BAD, "images[0]",
      "URLs only" },
    { "{\"image\":\"ftp://h/a.png\"," P "}", BAD, "image", "URLs only" },
    { "{\"image\":\"file:///etc/passwd\"," P "}", BAD, "image",
      "URLs only" },
    { "{\"image\":\"//h/a.png\"," P "}", BAD, "image", "URLs only" },
    { "{\"image\":\"http:/h/a.png\"," P "}", BAD, "image", "URLs only" },
    { "{\"image\":\"http://\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"http:///a.png\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"https://:80/a.png\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"https://u@/a.png\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"https://u:p@:80/\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"https://?a\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"https://#a\"," P "}", BAD, "image", "no host" },
    { "{\"image\":\"http://h/a b\"," P "}", BAD, "image", "escape" },
    { "{\"image\":\"http://h/a\\nb\"," P "}", BAD, "image", "escape" },
    { "{\"image\":\"http://h/a\\u007f\"," P "}", BAD, "image", "escape" },
    { "{\"image\":\"http://h/\xe7\x8c\xab\"," P "}", BAD, "image",
      "escape" },
    { "{\"image\":[\"http://h/a\",null]," P "}", BAD, "image[1]",
      "Picture 2" },
    { "{\"image\":[[\"http://h/a\"]]," P "}", BAD, "image[0]", "Picture 1" },
    { "{\"images\":[{}]," P "}", BAD, "images[0]", "must be a URL" },
    { "{\"images\":[{\"url\":1}]," P "}", BAD, "images[0]",
      "must be a URL" },
    { "{\"images\":[{\"image_url\":{\"image_url\":\"http://h/\"}}]," P "}",
      BAD, "images[0]", "must be a URL" },
    { "{\"image\":[\"http://h\",\"http://h\",\"http://h\",\"http://h\","
      "\"http://h\",\"http://h\",\"http://h\",\"http://h\",\"http://h\","
      "\"http://h\",\"http://h\"]," P "}", BAD, "image",
      "11 pictures, and this model takes at most 10" },
    { "{\"image\":\"http://h\",\"images\":[\"http://h\",\"http://h\","
      "\"http://h\",\"http://h\",\"http://h\",\"http://h\",\"http://h\","
      "\"http://h\",\"http://h\",\"http://h\"]," P "}", BAD, "images",
      "11 pictures, and this model takes at most 10" },
    { "{\"model\":\"jimeng-4.6\",\"images\":[1,2,3,4,5,6,7,8,9,10,11,12,13,"
      "14,15]," P "}", BAD, "images", "at most 14" },

    /* the rest */

    { "{\"scale\":-0.01," P "}", BAD, "scale", "within 0 and 1" },
    { "{\"scale\":1.01," P "}", BAD, "scale", "within 0 and 1" },
    { "{\"scale\":1.001," P "}", BAD, "scale", "within 0 and 1" },
    { "{\"strength\":1e400," P "}", BAD, "strength", "within 0 and 1" },
    { "{\"strength\":50,\"scale\":0.5," P "}", BAD, "strength", "within" },
    { "{\"model\":\"jimeng-4.6\",\"scale\":50.5," P "}", BAD, "scale",
      "within 0 and 1, or an integer of 2 to 100" },
    { "{\"model\":\"jimeng-4.6\",\"scale\":101," P "}", BAD, "scale",
      "of 2 to 100" },
    { "{\"model\":\"jimeng-4.6\",\"strength\":50," P "}", BAD, "strength",
      "within 0 and 1." },
    { "{\"min_ratio\":0.06," P "}", BAD, "min_ratio", "0.0625" },
    { "{\"min_ratio\":16," P "}", BAD, "min_ratio", "below 16" },
    { "{\"max_ratio\":16," P "}", BAD, "max_ratio", "below 16" },
    { "{\"max_ratio\":-1," P "}", BAD, "max_ratio", "0.0625" },
    { "{\"min_ratio\":3,\"max_ratio\":2," P "}", BAD, "min_ratio",
      "above \"max_ratio\"." },
    { "{\"min_ratio\":3.000000001," P "}", BAD, "min_ratio",
      "which is 3 unless" },
    { "{\"max_ratio\":0.333," P "}", BAD, "max_ratio",
      "which is 1/3 unless" }
};


static const size_case_t  size_cases[] = {
    { "{" P "}", { 0, 0, 0, 0 } },
    { "{\"size\":null," P "}", { 0, 0, 0, 0 } },
    { "{\"size\":\"auto\"," P "}", { 0, 0, 0, 0 } },
    { "{\"size\":\"2048x2048\"," P "}", { 2048, 2048, 0, 0 } },
    { "{\"size\":\"2304x1728\"," P "}", { 2304, 1728, 0, 0 } },
    { "{\"size\":\"1024*1024\"," P "}", { 1024, 1024, 0, 0 } },
    { "{\"size\":\"2304\xc3\x97" "1728\"," P "}", { 2304, 1728, 0, 0 } },
    { "{\"size\":\"2304\\u00d71728\"," P "}", { 2304, 1728, 0, 0 } },
    { "{\"size\":\"512x512\"," P "}", { 1024, 1024, 0, 0 } },
    { "{\"size\":\"2K\"," P "}", { 0, 0, 4194304, 0 } },
    { "{\"size\":\"4k\"," P "}", { 0, 0, 16777216, 0 } },
    { "{\"size\":4194304," P "}", { 0, 0, 4194304, 0 } },
    { "{\"size\":1e6," P "}", { 0, 0, 1048576, 0 } },
    { "{\"width\":2560,\"height\":1440,\"size\":\"4K\"," P "}",
      { 2560, 1440, 0, 0 } },
    { "{\"width\":2560,\"height\":1440,\"ratio\":\"1:1\"," P "}",
      { 2560, 1440, 0, 0 } },
    { "{\"width\":256,\"height\":256," P "}", { 1024, 1024, 0, 0 } },
    { "{\"ratio\":\"16:9\"," P "}", { 2560, 1440, 0, 0 } },
    { "{\"aspect_ratio\":\"9:16\"," P "}", { 1440, 2560, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"resolution\":\"1k\"," P "}", { 1664, 936, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"size\":\"4K\"," P "}", { 5404, 3040, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"size\":16777216," P "}", { 5404, 3040, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"size\":\"auto\"," P "}", { 2560, 1440, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"size\":\"4K\",\"resolution\":\"1K\"," P "}",
      { 1664, 936, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"aspect_ratio\":\"1:1\"," P "}",
      { 2560, 1440, 0, 0 } },
    { "{\"ratio\":\"16:9\",\"size\":\"1024x1024\"," P "}",
      { 1024, 1024, 0, 0 } },
    { "{\"resolution\":\"4k\"," P "}", { 0, 0, 16777216, 0 } },
    { "{\"resolution\":\"4k\",\"size\":\"2K\"," P "}", { 0, 0, 4194304, 0 } }
};


static const char  full[] =
    "{\"model\":\"doubao-seedream-4-0-250828\",\"prompt\":\"a \\\"cat\\\"\\n"
    "\xe7\x8c\xab\",\"n\":1,\"size\":\"2K\",\"response_format\":\"url\","
    "\"stream\":false,\"user\":\"u\",\"quality\":\"hd\",\"seed\":7,"
    "\"image\":[\"https://h/1.png\",{\"url\":\"HTTPS://h/2.png\"},"
    "{\"image_url\":\"http://h/3.png?a=b&c=%20\"},"
    "{\"image_url\":{\"url\":\"http://u:p@h:80/4\"}},"
    "{\"url\":null,\"image_url\":\"http://[::1]/5\"}],"
    "\"images\":[\"http:\\/\\/h\\/6\"],"
    "\"extra_body\":{\"force_single\":false,\"min_ratio\":0.5,"
    "\"max_ratio\":3,\"scale\":0.255,\"watermark\":false,\"n\":5}}";


static void
test_bad(void)
{
    size_t             i;
    jm_rc_e            rc;
    tap_mem_t          m;
    jm_error_t         e;
    jm_request_t       r;
    const bad_case_t  *c;

    for (i = 0; i < jm_nitems(bad_cases); i++) {
        c = &bad_cases[i];

        rules.max_prompt = c->cause == JM_CAUSE_PROMPT_TOO_LONG ? 8 : 800;
        rc = read_body(&r, c->body, &m, &e);

        ok(rc == JM_INVALID && e.cause == c->cause
           && (c->param == NULL ? e.param == NULL
               : e.param != NULL && strcmp(e.param, c->param) == 0)
           && strstr(e.message, c->part) != NULL
           && e.message[strlen(e.message) - 1] == '.'
           && strstr(e.message, "//h") == NULL
           && strstr(e.message, "a cat") == NULL,
           "%s: %s", c->param != NULL ? c->param : "body", e.message);

        tap_mem_done(&m);
    }

    rules.max_prompt = 800;
}


static void
test_sizes(void)
{
    size_t        i;
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_size_t     size;
    jm_error_t    e;
    jm_request_t  r;

    for (i = 0; i < jm_nitems(size_cases); i++) {
        rc = read_body(&r, size_cases[i].body, &m, &e);
        size = size_cases[i].size;

        ok(rc == JM_OK && r.size.width == size.width
           && r.size.height == size.height && r.size.area == size.area,
           "%s is %ux%u, %u: %ux%u, %u", size_cases[i].body, size.width,
           size.height, size.area, r.size.width, r.size.height, r.size.area);

        tap_mem_done(&m);
    }

    rules.strict_size = 1;
    rc = read_body(&r, "{\"size\":\"512x512\"," P "}", &m, &e);
    ok(rc == JM_INVALID && strcmp(e.param, "size") == 0,
       "strict: %s", e.message);
    tap_mem_done(&m);
    rules.strict_size = 0;
}


static void
test_defaults(void)
{
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    is_int(read_body(&r, "{" P "}", &m, &e), JM_OK, "a prompt is enough");
    is_str(r.model->name, "jimeng_t2i_v40", "the default model");
    is_str(r.requested, "", "nobody has asked for it");
    is_str(r.prompt, "a cat", "the prompt");
    is_int((int64_t) r.nimages, 0, "no picture");
    is_int(r.has_scale, 0, "no scale");
    is_int(r.force_single, 1, "one picture, unless told otherwise");
    is_int(r.watermark, 0, "no watermark");
    ok(r.min_ratio.len == 0 && r.max_ratio.len == 0, "no ratios");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"doubao-seedream-4-0-250828\"," P "}", &m, &e);
    is_int(r.watermark, 1, "a watermark where the model's name has one");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"model\":\"dall-e-3\"," P "}", &m, &e), JM_INVALID,
           "no such model");
    is_str(r.requested, "dall-e-3", "its name is known nevertheless");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"model\":null,\"size\":null,\"n\":null,"
                     "\"image\":null,\"extra_body\":null,\"watermark\":null,"
                     "\"force_single\":null,\"stream\":null,\"scale\":null,"
                     P "}", &m, &e),
           JM_OK, "nulls are ignored");
    ok(r.force_single == 1 && r.watermark == 0 && !r.has_scale,
       "and mean what is absent");
    tap_mem_done(&m);
}


static void
test_full(void)
{
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    is_int(read_body(&r, full, &m, &e), JM_OK, "all fields: %s", e.message);
    is_str(r.model->req_key, "jimeng_t2i_v40", "model");
    is_str(r.requested, "doubao-seedream-4-0-250828", "as it was written");
    is_str(r.prompt, "a \"cat\"\n\xe7\x8c\xab", "prompt, unescaped");
    is_int((int64_t) r.nimages, 6, "pictures of both fields");
    is_str(r.images[0].text, "https://h/1.png", "a string");
    is_str(r.images[1].text, "HTTPS://h/2.png", "an object with \"url\"");
    is_str(r.images[2].text, "http://h/3.png?a=b&c=%20", "with \"image_url\"");
    is_str(r.images[3].text, "http://u:p@h:80/4", "with an object in it");
    is_str(r.images[4].text, "http://[::1]/5", "with a null before it");
    is_str(r.images[5].text, "http://h/6", "an escaped one");
    is_int(r.size.area, 4194304, "size");
    ok(r.has_scale && r.scale == 26, "scale is rounded to hundredths");
    is_int(r.force_single, 0, "force_single");
    is_int(r.watermark, 0, "watermark");
    is_str(r.min_ratio, "0.5", "min_ratio as it was written");
    is_str(r.max_ratio, "3", "max_ratio");
    tap_mem_done(&m);
}


static void
test_precedence(void)
{
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    read_body(&r, "{\"prompt\":\"first\",\"prompt\":\"last\"}", &m, &e);
    is_str(r.prompt, "last", "of equal keys the last wins");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"n\":5,\"n\":null," P "}", &m, &e), JM_OK,
           "a null too");
    tap_mem_done(&m);

    read_body(&r, "{\"extra_body\":{\"prompt\":\"inner\",\"scale\":1},"
              "\"prompt\":\"outer\",\"scale\":null}", &m, &e);
    is_str(r.prompt, "outer", "the top level wins over extra_body");
    ok(r.has_scale && r.scale == 100, "but a null is absent");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"extra_body\":{\"extra_body\":7}," P "}", &m, &e),
           JM_OK, "an extra_body within is unknown");
    tap_mem_done(&m);

    read_body(&r, "{\"strength\":0.1,\"scale\":0.9," P "}", &m, &e);
    is_int(r.scale, 90, "scale wins over strength");
    tap_mem_done(&m);

    read_body(&r, "{\"strength\":0.1," P "}", &m, &e);
    is_int(r.scale, 10, "strength alone");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"jimeng-4.6\",\"scale\":0.5," P "}", &m, &e);
    is_int(r.scale, 50, "a scale in percents");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"jimeng-4.6\",\"scale\":100," P "}", &m, &e);
    is_int(r.scale, 100, "as the upstream takes it");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"jimeng-4.6\",\"scale\":2.0," P "}", &m, &e);
    is_int(r.scale, 2, "from 2");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"jimeng-4.6\",\"scale\":1," P "}", &m, &e);
    is_int(r.scale, 100, "1 is a fraction, here as everywhere");
    tap_mem_done(&m);

    read_body(&r, "{\"model\":\"jimeng-4.6\",\"scale\":0," P "}", &m, &e);
    is_int(r.scale, 1, "is at least one");
    tap_mem_done(&m);

    read_body(&r, "{\"min_ratio\":0.0625,\"max_ratio\":15.99," P "}", &m, &e);
    is_str(r.min_ratio, "0.0625", "the least ratio");
    is_str(r.max_ratio, "15.99", "and the greatest");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"min_ratio\":1,\"max_ratio\":1.0," P "}", &m, &e),
           JM_OK, "equal ratios");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"min_ratio\":3.0," P "}", &m, &e), JM_OK,
           "the least ratio may be what the greatest is by default");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"max_ratio\":0.333333333," P "}", &m, &e), JM_OK,
           "and the other way round");
    tap_mem_done(&m);

    is_int(read_body(&r, "{\"min_ratio\":4,\"max_ratio\":5," P "}", &m, &e),
           JM_OK, "both beyond it");
    tap_mem_done(&m);
}


/* reads a body whose prompt is n times unit */

static jm_rc_e
read_prompt(const char *unit, size_t n, jm_request_t *r, tap_mem_t *m,
    jm_error_t *e)
{
    size_t       i;
    jm_rc_e      rc;
    static char  body[16384];

    strcpy(body, "{\"prompt\":\"");

    for (i = 0; i < n; i++) {
        strcat(body, unit);
    }

    strcat(body, "\"}");
    rc = read_body(r, body, m, e);
    tap_mem_done(m);

    return rc;
}


static void
test_limits(void)
{
    char         *body;
    size_t        i, n, len;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    is_int(read_prompt("\xe7\x8c\xab", 800, &r, &m, &e), JM_OK,
           "a prompt of 800 characters");
    is_int(read_prompt("\xe7\x8c\xab", 801, &r, &m, &e), JM_INVALID,
           "one of 801: %s", e.message);
    is_int(e.cause, JM_CAUSE_PROMPT_TOO_LONG, "is too long");
    is_int(read_prompt("\\n", 800, &r, &m, &e), JM_INVALID,
           "800 line feeds are empty");
    is_int(read_prompt("\\ud83d\\ude00", 800, &r, &m, &e), JM_OK,
           "800 pairs of surrogates are 800 characters");

    body = malloc(32768);

    if (body == NULL) {
        abort();
    }

    for (i = 0; i < 2; i++) {
        strcpy(body, "{" P ",\"image\":\"http://h/");

        len = strlen(body);
        n = JM_REQUEST_URL - strlen("http://h/") + i;

        memset(body + len, 'x', n);
        strcpy(body + len + n, "\"}");

        is_int(read_body(&r, body, &m, &e), i == 0 ? JM_OK : JM_INVALID,
               "a URL of %zu bytes", JM_REQUEST_URL + i);
        tap_mem_done(&m);
    }

    memset(body, '[', 10000);
    body[10000] = '\0';

    is_int(read_body(&r, body, &m, &e), JM_INVALID, "10000 levels: %s",
           e.message);
    tap_mem_done(&m);

    strcpy(body, "{" P ",\"x\":[");

    for (i = 0; i < JM_REQUEST_NODES; i++) {
        strcat(body, i == 0 ? "1" : ",1");
    }

    strcat(body, "]}");

    is_int(read_body(&r, body, &m, &e), JM_INVALID, "too many values: %s",
           e.message);
    tap_mem_done(&m);

    free(body);
}


static void
test_memory(void)
{
    size_t        n;
    jm_rc_e       rc;
    unsigned      good;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    good = 1;

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        rc = jm_request_read(&r, str(full), &rules, &m.mem, &e);

        if (tap_mem_unfailed(&m)) {
            tap_mem_done(&m);
            break;
        }

        good = good && rc == JM_ERROR;
        tap_mem_done(&m);
    }

    ok(good && n > 2 && rc == JM_OK,
       "each of %zu allocations fails without harm", n - 1);
}


int
main(void)
{
    test_bad();
    test_sizes();
    test_defaults();
    test_full();
    test_precedence();
    test_limits();
    test_memory();

    return done_testing();
}
