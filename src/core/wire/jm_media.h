
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a picture is to who shows it: its media type, from its first bytes.
 */


#ifndef _JM_MEDIA_H_INCLUDED_
#define _JM_MEDIA_H_INCLUDED_


#include "jm_base.h"


#define JM_MEDIA_HEAD       12      /* bytes that tell any type */


typedef struct {
    jm_str_t         type;          /* "image/png" */
    jm_str_t         suffix;        /* ".png" */
} jm_media_t;


/*
 * Returns what the first bytes of a picture make it, NULL for anything else:
 * PNG (PNG, 5.2), JPEG (ITU-T T.81, B.2.1), WebP (RFC 9649, 2.4) and GIF.  With
 * fewer than JM_MEDIA_HEAD bytes it may be NULL for what becomes a picture.
 */
const jm_media_t *jm_media_of(jm_str_t head);

/* Returns the row of a media type as a server says it, in any case, or NULL. */
const jm_media_t *jm_media_named(jm_str_t type);


#endif /* _JM_MEDIA_H_INCLUDED_ */
