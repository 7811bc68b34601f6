
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


#endif /* _JM_KEYS_OPTION_H_INCLUDED_ */
