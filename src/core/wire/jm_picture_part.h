
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the readers of the types of pictures share with each other, and with
 * nobody else.
 */


#ifndef _JM_PICTURE_PART_H_INCLUDED_
#define _JM_PICTURE_PART_H_INCLUDED_


#include "jm_picture.h"


/* Sets the sides, and refuses the picture where the model has other limits. */
void jm_picture_sides(jm_picture_t *p, uint32_t width, uint32_t height);

/* Refuses a picture, for a reason that is a literal or in p->why. */
void jm_picture_bad(jm_picture_t *p, const char *why);

/* Refuses a picture of more bytes than there may be. */
void jm_picture_too_big(jm_picture_t *p);

/* Refuses a picture of a known type, whose parts do not fit each other. */
void jm_picture_damaged(jm_picture_t *p);

/* Refuses a picture that has ended too soon, or whose type is not known. */
void jm_picture_cut(jm_picture_t *p);

/* Returns a number of up to four bytes, the high byte first, or the low one. */
uint32_t jm_picture_number(const uint8_t *s, size_t len);
uint32_t jm_picture_little(const uint8_t *s, size_t len);

/*
 * Tells whether the bytes that are kept may begin a picture of another type
 * than JPEG and PNG that may be there; once it is known which, p->type is set,
 * and its parts are read next.
 */
unsigned jm_picture_other(jm_picture_t *p);

/* Takes one step of such a picture, and returns what is left of its bytes. */
const uint8_t *jm_picture_parts(jm_picture_t *p, const uint8_t *s,
    const uint8_t *end);


#endif /* _JM_PICTURE_PART_H_INCLUDED_ */
