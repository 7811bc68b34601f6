
/*
 * Sizes in every form that clients send, the vendor's table of ratios, and
 * the fit, over some hundred thousand sizes.
 */


#include "tap.h"
#include "jm_size.h"


typedef struct {
    const char      *text;
    jm_rc_e          rc;
    uint32_t         width;
    uint32_t         height;
    uint32_t         area;
} read_case_t;

typedef struct {
    const char      *ratio;
    const char      *resolution;
    uint32_t         width;         /* 0: invalid */
    uint32_t         height;
} ratio_case_t;

typedef struct {
    jm_size_t        in;
    unsigned         strict;
    jm_rc_e          rc;
    jm_size_t        out;
} fit_case_t;


static const read_case_t  read_cases[] = {
    { "2048x2048", JM_OK, 2048, 2048, 0 },
    { "2304x1728", JM_OK, 2304, 1728, 0 },
    { "1024*1024", JM_OK, 1024, 1024, 0 },
    { "2304\xc3\x97" "1728", JM_OK, 2304, 1728, 0 },
    { "1024x1536", JM_OK, 1024, 1536, 0 },
    { "512x341", JM_OK, 512, 341, 0 },
    { "99999x99999", JM_OK, 99999, 99999, 0 },
    { "00001x1", JM_OK, 1, 1, 0 },
    { "1K", JM_OK, 0, 0, 1048576 },
    { "1k", JM_OK, 0, 0, 1048576 },
    { "2K", JM_OK, 0, 0, 4194304 },
    { "2k", JM_OK, 0, 0, 4194304 },
    { "4K", JM_OK, 0, 0, 16777216 },
    { "4k", JM_OK, 0, 0, 16777216 },
    { "auto", JM_OK, 0, 0, 0 },
    { "Auto", JM_OK, 0, 0, 0 },
    { "adaptive", JM_OK, 0, 0, 0 },
    { "ADAPTIVE", JM_OK, 0, 0, 0 },

    { "", JM_INVALID, 0, 0, 0 },
    { "3K", JM_INVALID, 0, 0, 0 },
    { "2Kx", JM_INVALID, 0, 0, 0 },
    { "k", JM_INVALID, 0, 0, 0 },
    { "adaptiv", JM_INVALID, 0, 0, 0 },
    { "auto ", JM_INVALID, 0, 0, 0 },
    { "0x0", JM_INVALID, 0, 0, 0 },
    { "0x5", JM_INVALID, 0, 0, 0 },
    { "5x0", JM_INVALID, 0, 0, 0 },
    { "-1x5", JM_INVALID, 0, 0, 0 },
    { "+1x5", JM_INVALID, 0, 0, 0 },
    { "99999999999x1", JM_INVALID, 0, 0, 0 },
    { "100000x1", JM_INVALID, 0, 0, 0 },
    { "1x100000", JM_INVALID, 0, 0, 0 },
    { "000001x1", JM_INVALID, 0, 0, 0 },
    { "1024x", JM_INVALID, 0, 0, 0 },
    { "x1024", JM_INVALID, 0, 0, 0 },
    { "1024", JM_INVALID, 0, 0, 0 },
    { "1024xx1024", JM_INVALID, 0, 0, 0 },
    { "1024x1024x", JM_INVALID, 0, 0, 0 },
    { "1024 x 1024", JM_INVALID, 0, 0, 0 },
    { " 1024x1024", JM_INVALID, 0, 0, 0 },
    { "1024x1024 ", JM_INVALID, 0, 0, 0 },
    { "1024.5x1024", JM_INVALID, 0, 0, 0 },
    { "1024\xc3" "1024", JM_INVALID, 0, 0, 0 },
    { "1024\xc3\x97", JM_INVALID, 0, 0, 0 },
    { "1024\xc3", JM_INVALID, 0, 0, 0 },
    { "large", JM_INVALID, 0, 0, 0 }
};


static const ratio_case_t  ratio_cases[] = {
    { "1:1", "1k", 1024, 1024 }, { "1:1", "2k", 2048, 2048 },
    { "1:1", "4k", 4096, 4096 },
    { "4:3", "1k", 1472, 1104 }, { "4:3", "2k", 2304, 1728 },
    { "4:3", "4k", 4694, 3520 },
    { "3:2", "1k", 1584, 1056 }, { "3:2", "2k", 2496, 1664 },
    { "3:2", "4k", 4992, 3328 },
    { "16:9", "1k", 1664, 936 }, { "16:9", "2k", 2560, 1440 },
    { "16:9", "4k", 5404, 3040 },
    { "21:9", "1k", 2016, 864 }, { "21:9", "2k", 3024, 1296 },
    { "21:9", "4k", 6198, 2656 },
    { "3:4", "1K", 1104, 1472 }, { "3:4", "2K", 1728, 2304 },
    { "3:4", "4K", 3520, 4694 },
    { "2:3", "2k", 1664, 2496 }, { "9:16", "2k", 1440, 2560 },
    { "9:21", "4k", 2656, 6198 },
    { "7:3", "2k", 3024, 1296 }, { "1920:1080", "2k", 2560, 1440 },
    { "2:2", "4k", 4096, 4096 },
    { "5:4", "2k", 2288, 1832 }, { "4:5", "2k", 1832, 2288 },
    { "2:1", "1k", 1448, 728 }, { "2:1", "2k", 2896, 1448 },
    { "16:1", "1k", 4096, 256 }, { "1:16", "2k", 512, 8192 },
    { "16:1", "4k", 16384, 1024 },

    { "17:1", "2k", 0, 0 }, { "1:17", "2k", 0, 0 }, { "0:1", "2k", 0, 0 },
    { "1:0", "2k", 0, 0 }, { "16", "2k", 0, 0 }, { "16:", "2k", 0, 0 },
    { ":9", "2k", 0, 0 }, { "16x9", "2k", 0, 0 }, { "16:9:1", "2k", 0, 0 },
    { "-16:9", "2k", 0, 0 }, { "1.5:1", "2k", 0, 0 }, { "", "2k", 0, 0 },
    { "16 : 9", "2k", 0, 0 }, { "100000:100000", "2k", 0, 0 },
    { "1:1", "3k", 0, 0 }, { "1:1", "", 0, 0 }, { "1:1", "auto", 0, 0 },
    { "1:1", "2048x2048", 0, 0 }, { "1:1", "4194304", 0, 0 }
};


static const fit_case_t  fit_cases[] = {
    { { 0, 0, 0, 0 }, 0, JM_OK, { 0, 0, 0, 0 } },
    { { 0, 0, 0, 0 }, 1, JM_OK, { 0, 0, 0, 0 } },
    { { 1024, 1024, 0, 0 }, 1, JM_OK, { 1024, 1024, 0, 0 } },
    { { 4096, 4096, 0, 0 }, 1, JM_OK, { 4096, 4096, 0, 0 } },
    { { 5404, 3040, 0, 0 }, 1, JM_OK, { 5404, 3040, 0, 0 } },
    { { 1025, 1023, 0, 0 }, 0, JM_OK, { 1024, 1024, 0, 0 } },
    { { 1031, 1021, 0, 0 }, 0, JM_OK, { 1031, 1021, 0, 0 } },
    { { 256, 256, 0, 0 }, 0, JM_OK, { 1024, 1024, 0, 0 } },
    { { 512, 512, 0, 0 }, 0, JM_OK, { 1024, 1024, 0, 0 } },
    { { 1, 1, 0, 0 }, 0, JM_OK, { 1024, 1024, 0, 0 } },
    { { 1280, 720, 0, 0 }, 0, JM_OK, { 1368, 768, 0, 0 } },
    { { 16, 1, 0, 0 }, 0, JM_OK, { 4096, 256, 0, 0 } },
    { { 1, 16, 0, 0 }, 0, JM_OK, { 256, 4096, 0, 0 } },
    { { 4096, 256, 0, 0 }, 1, JM_OK, { 4096, 256, 0, 0 } },
    { { 0, 0, 1, 0 }, 0, JM_OK, { 0, 0, 1048576, 0 } },
    { { 0, 0, 1048576, 0 }, 1, JM_OK, { 0, 0, 1048576, 0 } },
    { { 0, 0, 5000000, 0 }, 1, JM_OK, { 0, 0, 5000000, 0 } },
    { { 0, 0, 16777216, 0 }, 1, JM_OK, { 0, 0, 16777216, 0 } },

    { { 512, 512, 0, 0 }, 1, JM_INVALID, { 0, 0, 0, 0 } },
    { { 1023, 1025, 0, 0 }, 1, JM_INVALID, { 0, 0, 0, 0 } },
    { { 0, 0, 1048575, 0 }, 1, JM_INVALID, { 0, 0, 0, 0 } },
    { { 0, 0, 16777217, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 0, 0, UINT32_MAX, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 4096, 4097, 0, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 99999, 99999, 0, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 17, 1, 0, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 1, 17, 0, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 4097, 256, 0, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } },
    { { 99999, 1, 0, 0 }, 0, JM_INVALID, { 0, 0, 0, 0 } }
};


static void
test_read(void)
{
    size_t              i;
    jm_rc_e             rc;
    jm_size_t           size;
    const read_case_t  *c;

    for (i = 0; i < jm_nitems(read_cases); i++) {
        c = &read_cases[i];

        memset(&size, 0xa5, sizeof(size));
        rc = jm_size_read(&size, str(c->text),
                          jm_model_find(NULL, str("jimeng-4.0")));

        ok(rc == c->rc
           && (rc != JM_OK
               || (size.width == c->width && size.height == c->height
                   && size.area == c->area)),
           "size \"%s\"", c->text);
    }
}


static void
test_ratio(void)
{
    size_t               i;
    jm_rc_e              rc;
    jm_size_t            size;
    const ratio_case_t  *c;

    for (i = 0; i < jm_nitems(ratio_cases); i++) {
        c = &ratio_cases[i];
        rc = jm_size_ratio(&size, str(c->ratio), str(c->resolution),
                           jm_model_find(NULL, str("jimeng-4.0")));

        if (c->width == 0) {
            ok(rc == JM_INVALID, "ratio \"%s\" at \"%s\" is refused",
               c->ratio, c->resolution);
            continue;
        }

        ok(rc == JM_OK && size.width == c->width && size.height == c->height
           && size.area == 0,
           "ratio %s at %s is %ux%u: %ux%u", c->ratio, c->resolution,
           c->width, c->height, size.width, size.height);
    }
}


static void
test_fit(void)
{
    size_t             i;
    jm_rc_e            rc;
    jm_size_t          size;
    jm_error_t         e;
    const jm_model_t  *m;
    const fit_case_t  *c;

    m = jm_model_find(NULL, str("jimeng-4.0"));

    for (i = 0; i < jm_nitems(fit_cases); i++) {
        c = &fit_cases[i];
        size = c->in;

        memset(&e, 0, sizeof(e));
        rc = jm_size_fit(&size, m, c->strict, &e);

        if (c->rc != JM_OK) {
            ok(rc == JM_INVALID && e.cause == JM_CAUSE_INVALID_REQUEST
               && strcmp(e.param, "size") == 0,
               "%ux%u, %u is refused%s: %s", c->in.width, c->in.height,
               c->in.area, c->strict ? " when strict" : "", e.message);
            continue;
        }

        ok(rc == JM_OK && size.width == c->out.width
           && size.height == c->out.height && size.area == c->out.area,
           "%ux%u, %u becomes %ux%u, %u: %ux%u", c->in.width, c->in.height,
           c->in.area, c->out.width, c->out.height, c->out.area, size.width,
           size.height);
    }
}


/* whether sides are legal, and multiples of 8 next to the ideal ones */

static unsigned
fits(uint32_t w, uint32_t h, const jm_size_t *size)
{
    uint64_t  area, floor, ideal, side;

    floor = 1024 * 1024;
    area = (uint64_t) size->width * size->height;

    if (area < floor || size->width % 8 != 0 || size->height % 8 != 0
        || size->width > 16 * size->height
        || size->height > 16 * size->width)
    {
        return 0;
    }

    /* |side - ideal| < 8, squared: ideal^2 = floor * w / h */

    ideal = floor * w;
    side = size->width;

    if ((side - 8) * (side - 8) * h >= ideal
        || (side + 8) * (side + 8) * h <= ideal)
    {
        return 0;
    }

    ideal = floor * h;
    side = size->height;

    return (side - 8) * (side - 8) * w < ideal
           && (side + 8) * (side + 8) * w > ideal;
}


static void
test_fit_all(void)
{
    uint32_t           w, h, bad, tried;
    jm_size_t          size;
    jm_error_t         e;
    const jm_model_t  *m;

    m = jm_model_find(NULL, str("jimeng-4.0"));
    bad = 0;
    tried = 0;

    for (w = 1; w < 2048; w += 7) {
        for (h = jm_max(w / 16, 1); h <= w * 16 && w * h < 1048576; h += 3) {

            if (w > h * 16) {
                continue;
            }

            size.width = w;
            size.height = h;
            size.area = 0;
            tried++;

            if (jm_size_fit(&size, m, 0, &e) != JM_OK || !fits(w, h, &size)) {
                bad++;
            }
        }
    }

    ok(tried > 100000 && bad == 0,
       "of %u sizes under the floor, %u do not fit", tried, bad);
}


static void
test_write(void)
{
    size_t              i;
    char                text[32];
    jm_buf_t            b;
    static const struct {
        jm_size_t       size;
        const char     *text;
    } cases[] = {
        { { 2304, 1728, 0, 0 }, "2304x1728" },
        { { 0, 0, 1048576, 0 }, "1K" },
        { { 0, 0, 4194304, 0 }, "2K" },
        { { 0, 0, 16777216, 0 }, "4K" },
        { { 0, 0, 5000000, 0 }, "5000000" },
        { { 0, 0, 0, 0 }, "" },
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        jm_buf_fixed(&b, text, sizeof(text));
        jm_size_write(&b, &cases[i].size);
        is_str(jm_buf_view(&b), cases[i].text, "written: \"%s\"",
               cases[i].text);
    }
}


int
main(void)
{
    test_read();
    test_ratio();
    test_fit();
    test_fit_all();
    test_write();

    return done_testing();
}
