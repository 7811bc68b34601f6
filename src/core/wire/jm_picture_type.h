
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The types of pictures, and sets of them.
 */


#ifndef _JM_PICTURE_TYPE_H_INCLUDED_
#define _JM_PICTURE_TYPE_H_INCLUDED_


#include "jm_base.h"


typedef enum {
    JM_PICTURE_UNKNOWN = 0,
    JM_PICTURE_JPEG,
    JM_PICTURE_PNG,
    JM_PICTURE_WEBP,
    JM_PICTURE_GIF,
    JM_PICTURE_BMP,
    JM_PICTURE_TIFF,
    JM_PICTURE_HEIC,
    JM_PICTURE_TYPES
} jm_picture_type_e;

/* a bit for each type of a set: what all models take, what Ark does */

#define jm_picture_bit(type)  (1u << (type))

#define JM_PICTURE_USUAL                                                      \
    (jm_picture_bit(JM_PICTURE_JPEG)|jm_picture_bit(JM_PICTURE_PNG))

#define JM_PICTURE_ANY                                                        \
    (jm_picture_bit(JM_PICTURE_TYPES) - jm_picture_bit(JM_PICTURE_JPEG))


#endif /* _JM_PICTURE_TYPE_H_INCLUDED_ */
