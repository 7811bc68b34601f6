
/*
 * What Volcengine's documents list for each req_key, at its bounds and one
 * beyond: sizes, sides, areas and ratios, numbers, the name of the prompt; and
 * what is sent for it.  Nothing is scaled up: jimeng_size is strict.
 */


#include "request.h"
#include "jm_visual.h"


typedef struct {
    const char      *fields;
    const char      *sent;      /* behind the req_key; NULL: refused */
    const char      *param;     /* then, which */
} field_case_t;

typedef struct {
    uint32_t         width;
    uint32_t         height;
    unsigned         good;
} size_case_t;


#define URL      "\"image\":\"http://h/\","
#define URL2     "\"images\":[\"http://h/\",\"http://h/m\"],"
#define SENT1    "\"image_urls\":[\"http://h/\"]"
#define SENT2    "\"image_urls\":[\"http://h/\",\"http://h/m\"]"
#define P        "\"prompt\":\"p\""


/* both ways round */

static const size_case_t  sizes_40[] = {
    { 1024, 1024, 1 }, { 2048, 2048, 1 }, { 4096, 4096, 1 },
    { 1472, 1104, 1 }, { 1584, 1056, 1 }, { 1664, 936, 1 }, { 2016, 864, 1 },
    { 2304, 1728, 1 }, { 2496, 1664, 1 }, { 2560, 1440, 1 },
    { 3024, 1296, 1 }, { 4694, 3520, 1 }, { 4992, 3328, 1 },
    { 5404, 3040, 1 }, { 6198, 2656, 1 }, { 4693, 3520, 1 },
    { 6197, 2656, 1 }, { 4096, 256, 1 }, { 16384, 1024, 1 },
    { 1023, 1025, 0 }, { 4097, 4096, 0 }, { 4097, 256, 0 },
    { 16385, 1024, 0 }
};

static const size_case_t  sizes_31[] = {
    { 1328, 1328, 1 }, { 1472, 1104, 1 }, { 1584, 1056, 1 }, { 1664, 936, 1 },
    { 2016, 864, 1 }, { 2048, 2048, 1 }, { 2304, 1728, 1 }, { 2496, 1664, 1 },
    { 2560, 1440, 1 }, { 3024, 1296, 1 }, { 512, 512, 1 }, { 887, 296, 1 },
    { 1536, 512, 1 }, { 888, 296, 1 }, { 3546, 1182, 1 },
    { 511, 513, 0 }, { 885, 295, 0 }, { 2049, 2048, 0 }, { 1537, 512, 0 },
    { 3549, 1183, 0 }, { 3547, 1182, 0 }
};

static const size_case_t  sizes_30[] = {
    { 1328, 1328, 1 }, { 512, 512, 1 }, { 512, 2048, 1 }, { 2048, 2048, 1 },
    { 1472, 1104, 1 }, { 2016, 864, 1 }, { 511, 1024, 0 }, { 2049, 512, 0 }
};

static const size_case_t  sizes_i2i[] = {
    { 1328, 1328, 1 }, { 1472, 1104, 1 }, { 1584, 1056, 1 }, { 1664, 936, 1 },
    { 2016, 864, 1 }, { 512, 512, 1 }, { 2016, 2016, 1 }, { 512, 2016, 1 },
    { 511, 1024, 0 }, { 2017, 1024, 0 }
};

static const size_case_t  sizes_extract[] = {
    { 2048, 2048, 1 }, { 1024, 1024, 1 }, { 4096, 4096, 1 }, { 1024, 4096, 1 },
    { 1023, 2048, 0 }, { 4097, 2048, 0 }
};


static const struct {
    const char         *model;
    const char         *image;
    const size_case_t  *sizes;
    size_t              n;
} size_models[] = {
    { "jimeng_t2i_v40", "", sizes_40, jm_nitems(sizes_40) },
    { "seedream-4-0-250828", "", sizes_40, jm_nitems(sizes_40) },
    { "jimeng-4.6", "", sizes_40, jm_nitems(sizes_40) },
    { "jimeng_t2i_v31", "", sizes_31, jm_nitems(sizes_31) },
    { "jimeng_t2i_v30", "", sizes_30, jm_nitems(sizes_30) },
    { "jimeng_i2i_v30", URL, sizes_i2i, jm_nitems(sizes_i2i) },
    { "i2i_material_extraction", URL, sizes_extract,
      jm_nitems(sizes_extract) },
    { "jimeng_i2i_extract_tiled_images", URL, sizes_extract,
      jm_nitems(sizes_extract) }
};


static const field_case_t  fields_46[] = {
    { P ",\"scale\":2", P ",\"scale\":2,\"force_single\":true", NULL },
    { P ",\"scale\":100", P ",\"scale\":100,\"force_single\":true", NULL },
    { P ",\"scale\":0.01", P ",\"scale\":1,\"force_single\":true", NULL },
    { P ",\"scale\":101", NULL, "scale" },
    { P ",\"ratio\":\"4:3\",\"resolution\":\"4k\"",
      P ",\"width\":4693,\"height\":3520,\"force_single\":true", NULL },
    { P ",\"ratio\":\"9:21\",\"resolution\":\"4k\"",
      P ",\"width\":2656,\"height\":6197,\"force_single\":true", NULL },
    { P ",\"ratio\":\"21:9\"",
      P ",\"width\":3024,\"height\":1296,\"force_single\":true", NULL },
    { P ",\"edit_prompt\":\"x\",\"top\":1", P ",\"force_single\":true", NULL },
    { "\"edit_prompt\":\"x\"", NULL, "prompt" }
};

static const field_case_t  fields_31[] = {
    { P ",\"ratio\":\"3:1\"", P ",\"width\":2296,\"height\":768", NULL },
    { P ",\"ratio\":\"3:1\",\"resolution\":\"2k\"",
      P ",\"width\":3528,\"height\":1176", NULL },
    { P ",\"ratio\":\"1:3\",\"resolution\":\"1k\"",
      P ",\"width\":592,\"height\":1776", NULL },
    { P ",\"ratio\":\"1:1\"", P ",\"width\":1328,\"height\":1328", NULL },
    { P ",\"ratio\":\"21:9\",\"resolution\":\"2k\"",
      P ",\"width\":3024,\"height\":1296", NULL },
    { P ",\"size\":\"1K\"", P ",\"width\":1024,\"height\":1024", NULL },
    { P ",\"ratio\":\"4:1\"", NULL, "size" },
    { P ",\"size\":\"4K\"", NULL, "size" },
    { P ",\"width\":1328", NULL, "height" },
    { P ",\"seed\":-1,\"use_pre_llm\":false",
      P ",\"seed\":-1,\"use_pre_llm\":false", NULL },
    { P "," URL "\"n\":1", NULL, "image" }
};

static const field_case_t  fields_inpaint[] = {
    { P "," URL2 "\"seed\":101", P "," SENT2 ",\"seed\":101", NULL },
    { P "," URL2 "\"top\":0.1", P "," SENT2, NULL },
    { P "," URL "\"mask\":\"http://h/m\"", P "," SENT2, NULL },
    { P "," URL "\"seed\":101", NULL, "image" }
};

static const field_case_t  fields_tiles[] = {
    { URL "\"scale\":0", SENT1 ",\"scale\":0", NULL },
    { URL "\"scale\":1", SENT1 ",\"scale\":1", NULL },
    { URL "\"scale\":100,\"resolution\":\"8k\"",
      SENT1 ",\"resolution\":\"8k\",\"scale\":100", NULL },
    { URL "\"strength\":0.5", SENT1, NULL },
    { URL "\"scale\":101", NULL, "scale" },
    { URL "\"scale\":-1", NULL, "scale" },
    { URL "\"scale\":0.5", NULL, "scale" },
    { URL2 "\"scale\":0", NULL, "images" }
};

static const field_case_t  fields_outpaint[] = {
    { URL "\"top\":0,\"bottom\":1,\"left\":0.25,\"right\":1.0," P,
      P "," SENT1 ",\"top\":0,\"bottom\":1,\"left\":0.25,\"right\":1.0",
      NULL },
    { URL "\"top\":0.5", SENT1 ",\"top\":0.5", NULL },
    { URL "\"max_width\":1920.0,\"max_height\":1080,\"seed\":-1",
      SENT1 ",\"max_width\":1920,\"max_height\":1080,\"seed\":-1", NULL },
    { URL2 P, P "," SENT2, NULL },
    { URL "\"mask\":\"http://h/m\",\"max_width\":5", SENT2 ",\"max_width\":5",
      NULL },
    { URL "\"extra_body\":{\"top\":0.5}", SENT1 ",\"top\":0.5", NULL },
    { URL "\"size\":\"2K\",\"scale\":0.5,\"lora_weight\":1", SENT1, NULL },
    { URL "\"top\":1.01", NULL, "top" },
    { URL "\"bottom\":-0.01", NULL, "bottom" },
    { URL "\"left\":\"0.5\"", NULL, "left" },
    { URL "\"right\":1e99", NULL, "right" },
    { URL "\"max_width\":0", NULL, "max_width" },
    { URL "\"max_height\":0.5", NULL, "max_height" },
    { URL2 "\"left\":0.5", NULL, "left" },
    { URL P ",\"prompt\":\" \"", NULL, "prompt" },
    { P, NULL, "image" }
};

static const field_case_t  fields_material[] = {
    { URL P, "\"image_edit_prompt\":\"p\"," SENT1, NULL },
    { URL "\"image_edit_prompt\":\"q\"",
      "\"image_edit_prompt\":\"q\"," SENT1, NULL },
    { URL "\"edit_prompt\":\"q\"", "\"image_edit_prompt\":\"q\"," SENT1,
      NULL },
    { URL P ",\"image_edit_prompt\":\"q\"",
      "\"image_edit_prompt\":\"p\"," SENT1, NULL },
    { URL P ",\"lora_weight\":0.75,\"seed\":7",
      "\"image_edit_prompt\":\"p\"," SENT1 ",\"lora_weight\":0.75,\"seed\":7",
      NULL },
    { URL P ",\"ratio\":\"1:1\"", "\"image_edit_prompt\":\"p\"," SENT1
      ",\"width\":2048,\"height\":2048", NULL },
    { URL P ",\"top\":0.5,\"scale\":0.5", "\"image_edit_prompt\":\"p\"," SENT1,
      NULL },
    { URL P ",\"lora_weight\":\"1\"", NULL, "lora_weight" },
    { URL "\"n\":1", NULL, "prompt" },
    { URL "\"image_edit_prompt\":\"\"", NULL, "prompt" },
    { URL2 P, NULL, "images" },
    { "\"image\":\"iVBORw0KGgo=\"," P, NULL, "image" }
};

static const field_case_t  fields_tiled[] = {
    { URL P, "\"edit_prompt\":\"p\"," SENT1, NULL },
    { URL "\"edit_prompt\":\"q\"", "\"edit_prompt\":\"q\"," SENT1, NULL },
    { URL "\"image_edit_prompt\":\"q\"", "\"edit_prompt\":\"q\"," SENT1, NULL }
};


static const struct {
    const char          *model;
    const field_case_t  *fields;
    size_t               n;
} field_models[] = {
    { "jimeng_seedream46_cvtob", fields_46, jm_nitems(fields_46) },
    { "jimeng_t2i_v31", fields_31, jm_nitems(fields_31) },
    { "jimeng_image2image_dream_inpaint", fields_inpaint,
      jm_nitems(fields_inpaint) },
    { "jimeng_i2i_seed3_tilesr_cvtob", fields_tiles, jm_nitems(fields_tiles) },
    { "jimeng_img2img_seed3_painting_edit", fields_outpaint,
      jm_nitems(fields_outpaint) },
    { "i2i_material_extraction", fields_material, jm_nitems(fields_material) },
    { "jimeng_i2i_extract_tiled_images", fields_tiled,
      jm_nitems(fields_tiled) }
};


static void
test_size(const char *model, const char *image, uint32_t width,
    uint32_t height, unsigned good)
{
    char          body[512];
    jm_rc_e       rc;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    (void) snprintf(body, sizeof(body), "{\"model\":\"%s\",%s" P
                    ",\"size\":\"%ux%u\"}", model, image, width, height);

    rc = read_body(&r, body, &m, &e);

    ok(good ? rc == JM_OK && r.size.width == width && r.size.height == height
            : rc == JM_INVALID && e.cause == JM_CAUSE_INVALID_REQUEST,
       "%s, %ux%u: %s", model, width, height, rc == JM_OK ? "" : e.message);

    tap_mem_done(&m);
}


static void
test_sizes(void)
{
    size_t              i, k;
    const size_case_t  *c;

    for (i = 0; i < jm_nitems(size_models); i++) {

        for (k = 0; k < size_models[i].n; k++) {
            c = &size_models[i].sizes[k];

            test_size(size_models[i].model, size_models[i].image, c->width,
                      c->height, c->good);
            test_size(size_models[i].model, size_models[i].image, c->height,
                      c->width, c->good);
        }
    }
}


static void
test_field(const char *model, const field_case_t *c)
{
    char          body[512], sent[512];
    jm_rc_e       rc;
    jm_buf_t      b;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;

    (void) snprintf(body, sizeof(body), "{\"model\":\"%s\",%s}", model,
                    c->fields);

    rc = read_body(&r, body, &m, &e);

    if (c->sent == NULL) {
        ok(rc == JM_INVALID && e.param != NULL
           && strcmp(e.param, c->param) == 0, "%s: %s: %s", model, c->fields,
           rc == JM_OK ? "" : e.message);

        tap_mem_done(&m);
        return;
    }

    if (ok(rc == JM_OK, "%s: %s: %s", model, c->fields,
           rc == JM_OK ? "" : e.message))
    {
        (void) snprintf(sent, sizeof(sent), "{\"req_key\":\"%s\",%s}", model,
                        c->sent);

        jm_buf_init(&b, &m.mem, 64, 4096);
        jm_visual_submit(&b, &r, NULL);
        is_str(jm_buf_view(&b), sent, "what is sent");
    }

    tap_mem_done(&m);
}


static void
test_fields(void)
{
    size_t  i, k;

    for (i = 0; i < jm_nitems(field_models); i++) {

        for (k = 0; k < field_models[i].n; k++) {
            test_field(field_models[i].model, &field_models[i].fields[k]);
        }
    }
}


/* what has no effect is said */

static void
test_ignored(void)
{
    size_t        i, k;
    unsigned      bit;
    char          names[256];
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;
    static const struct {
        const char  *body;
        const char  *names;
    } cases[] = {
        { "{" P ",\"top\":1,\"edit_prompt\":\"x\",\"lora_weight\":1,"
          "\"max_width\":1}", "edit_prompt top max_width lora_weight " },
        { "{\"model\":\"jimeng_i2i_extract_tiled_images\"," URL P
          ",\"edit_prompt\":\"x\"}", "edit_prompt " },
        { "{\"model\":\"jimeng_i2i_extract_tiled_images\"," URL
          "\"edit_prompt\":\"x\",\"image_edit_prompt\":\"y\"}",
          "image_edit_prompt " },
        { "{\"model\":\"i2i_material_extraction\"," URL
          "\"image_edit_prompt\":\"x\",\"lora_weight\":1}", "" },
        { "{\"model\":\"jimeng_i2i_seed3_tilesr_cvtob\"," URL P
          ",\"image_edit_prompt\":\"x\",\"strength\":1,\"scale\":1}",
          "prompt strength image_edit_prompt " },
        { "{\"model\":\"jimeng_img2img_seed3_painting_edit\"," URL
          "\"top\":0,\"right\":0,\"max_width\":1,\"scale\":1,\"width\":1}",
          "width scale " }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        is_int(read_body(&r, cases[i].body, &m, &e), JM_OK, "%s",
               cases[i].body);

        k = 0;
        names[0] = '\0';

        for (bit = 0; bit < 64; bit++) {

            if (r.ignored >> bit & 1) {
                k += (size_t) snprintf(names + k, sizeof(names) - k, "%s ",
                                       jm_request_field_name(bit));
            }
        }

        ok(strcmp(names, cases[i].names) == 0, "ignored: %s", names);
        tap_mem_done(&m);
    }
}


int
main(void)
{
    rules.strict_size = 1;

    test_sizes();
    test_fields();
    test_ignored();

    return done_testing();
}
