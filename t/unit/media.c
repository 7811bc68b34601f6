
/*
 * Types of pictures by their first bytes, whatever their names say.
 */


#include "tap.h"
#include "jm_media.h"


typedef struct {
    jm_str_t         head;
    const char      *type;
    const char      *suffix;
} media_case_t;


static const media_case_t  media_cases[] = {
    { jm_string("\x89PNG\r\n\x1a\n\0\0\0\r"), "image/png", ".png" },
    { jm_string("\x89PNG\r\n\x1a\n"), "image/png", ".png" },
    { jm_string("\xff\xd8\xff\xe0\0\x10JFIF\0\x01"), "image/jpeg", ".jpg" },
    { jm_string("RIFF\x10\0\0\0WEBP"), "image/webp", ".webp" },
    { jm_string("GIF89a\x01\0\x01\0\0\0"), "image/gif", ".gif" },
    { jm_string("GIF87a"), "image/gif", ".gif" },

    { jm_string("\x89PNG\r\n\x1a"), NULL, NULL },
    { jm_string("\x89PNG\n\x1a\n\0\0\0\0\0"), NULL, NULL },
    { jm_string("\xff\xd8"), NULL, NULL },
    { jm_string("RIFF\x10\0\0\0WEB"), NULL, NULL },
    { jm_string("RIFF\x10\0\0\0WAVE"), NULL, NULL },
    { jm_string("GIF90a"), NULL, NULL },
    { jm_string("<html><body>"), NULL, NULL },
    { jm_string("<svg xmlns=\""), NULL, NULL },
    { jm_string(" \x89PNG\r\n\x1a\n\0\0\0"), NULL, NULL },
    { jm_null_string, NULL, NULL }
};


static void
test_named(const char *name, const char *type)
{
    const jm_media_t  *media;

    media = jm_media_named(str(name));

    if (type == NULL) {
        ok(media == NULL, "\"%s\" is none", name);

    } else if (ok(media != NULL, "\"%s\" is known", name)) {
        is_str(media->type, type, "as \"%s\"", type);
    }
}


int
main(void)
{
    size_t               i;
    jm_str_t             head;
    const jm_media_t    *media;
    const media_case_t  *c;

    for (i = 0; i < jm_nitems(media_cases); i++) {
        c = &media_cases[i];
        head = exact(c->head);
        media = jm_media_of(head);

        if (c->type == NULL) {
            ok(media == NULL, "%zu is no picture", i);

        } else if (ok(media != NULL, "%zu is a picture", i)) {
            is_str(media->type, c->type, "its type");
            is_str(media->suffix, c->suffix, "its suffix");
        }

        exact_done(head);
    }

    test_named("image/png", "image/png");
    test_named("Image/JPEG", "image/jpeg");
    test_named("image/webp", "image/webp");
    test_named("image/pn", NULL);
    test_named("image/pngx", NULL);
    test_named("image\x0fpng", NULL);
    test_named("image/svg+xml", NULL);
    test_named("text/html", NULL);
    test_named("", NULL);

    return done_testing();
}
