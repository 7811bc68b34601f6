
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A picture that a request sends in.
 */


#ifndef _JM_IMAGE_H_INCLUDED_
#define _JM_IMAGE_H_INCLUDED_


#include "jm_base.h"


#define JM_REQUEST_IMAGES   14      /* the most that any model takes */


typedef enum {
    JM_IMAGE_URL = 0,
    JM_IMAGE_BASE64,                /* or a data: URI */
    JM_IMAGE_BYTES                  /* a file of a form */
} jm_image_type_e;


/*
 * Where text.data is NULL the picture was left in the body, len bytes from
 * offset: the bytes of a file, base64, or, where json is set, base64 as it is
 * inside a string of JSON.  Whether that is base64 at all, and of a picture, is
 * not known yet.
 *
 * param is what an error about this picture calls it, "image", "image[0]",
 * "mask", and is static; number counts from 1, over all of the request.
 */

typedef struct {
    jm_image_type_e     type;
    jm_str_t            text;           /* the URL, or base64 */
    uint64_t            offset;
    uint64_t            len;
    unsigned            json;
    const char         *param;
    size_t              number;
} jm_image_t;


#endif /* _JM_IMAGE_H_INCLUDED_ */
