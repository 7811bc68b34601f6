
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The options of a line of the file of client keys.
 */


#ifndef _JM_KEYS_OPTION_H_INCLUDED_
#define _JM_KEYS_OPTION_H_INCLUDED_


#include "jm_keys.h"


/* what is returned where memory ran out: no sentence's end */

extern const char  jm_keys_no_memory[];


/*
 * Reads an option, "rate=60r/m"; seen has a bit for each that the line had
 * before, and gets this one's.  Returns NULL, or the end of a sentence.
 */
const char *jm_keys_option(jm_client_t *client, jm_str_t word, unsigned *seen,
    jm_mem_t *mem);

/* Returns how many parts text has that c separates: 1 at least. */
size_t jm_keys_parts(jm_str_t text, uint8_t c);

/*
 * Takes off the first part of text, which c ends, and c, and returns it.  After
 * the last one text->data is NULL, and text->len 0.
 */
jm_str_t jm_keys_part(jm_str_t *text, uint8_t c);


#endif /* _JM_KEYS_OPTION_H_INCLUDED_ */
