
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_media.h"


typedef struct {
    jm_media_t       media;
    jm_str_t         first;
    jm_str_t         later;     /* behind the eighth byte */
} jm_media_row_t;


static const jm_media_row_t  jm_media_rows[] = {

    { { jm_string("image/png"), jm_string(".png") },
      jm_string("\x89PNG\r\n\x1a\n"), jm_null_string },

    { { jm_string("image/jpeg"), jm_string(".jpg") },
      jm_string("\xff\xd8\xff"), jm_null_string },

    { { jm_string("image/webp"), jm_string(".webp") },
      jm_string("RIFF"), jm_string("WEBP") },

    { { jm_string("image/gif"), jm_string(".gif") },
      jm_string("GIF87a"), jm_null_string },

    { { jm_string("image/gif"), jm_string(".gif") },
      jm_string("GIF89a"), jm_null_string }
};


static unsigned jm_media_has(jm_str_t head, size_t at, jm_str_t part);


const jm_media_t *
jm_media_of(jm_str_t head)
{
    size_t                 i;
    const jm_media_row_t  *row;

    for (i = 0; i < jm_nitems(jm_media_rows); i++) {
        row = &jm_media_rows[i];

        if (jm_media_has(head, 0, row->first)
            && jm_media_has(head, 8, row->later))
        {
            return &row->media;
        }
    }

    return NULL;
}


static unsigned
jm_media_has(jm_str_t head, size_t at, jm_str_t part)
{
    return part.len == 0
           || (head.len >= at + part.len
               && memcmp(head.data + at, part.data, part.len) == 0);
}


const jm_media_t *
jm_media_named(jm_str_t type)
{
    size_t             i, k;
    uint8_t            c;
    const jm_media_t  *media;

    for (i = 0; i < jm_nitems(jm_media_rows); i++) {
        media = &jm_media_rows[i].media;

        for (k = 0; k < type.len && k < media->type.len; k++) {
            c = type.data[k];

            if (c >= 'A' && c <= 'Z') {
                c = (uint8_t) (c | 0x20);
            }

            if (c != media->type.data[k]) {
                break;
            }
        }

        if (k == type.len && k == media->type.len) {
            return media;
        }
    }

    return NULL;
}
