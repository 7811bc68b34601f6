
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the reader of a form needs of the lines of text in it: it shares this
 * with nobody else.
 */


#ifndef _JM_MULTIPART_LINE_H_INCLUDED_
#define _JM_MULTIPART_LINE_H_INCLUDED_


#include "jm_multipart.h"


#define jm_multipart_blank(c)  ((c) == ' ' || (c) == '\t')


/*
 * Sets *boundary to the boundary of a Content-Type, a view into it.  Returns
 * JM_INVALID as jm_multipart_init() does: a boundary has no CR, for one.
 */
jm_rc_e jm_multipart_boundary(jm_str_t *boundary, jm_str_t content_type);

/*
 * Reads what a part is from its header lines, all of them with their CRLF,
 * which folded ones lose.  Returns NULL; or a sentence's end that says
 * why they are none that a part may have.
 */
const char *jm_multipart_headers(jm_multipart_part_t *part, uint8_t *lines,
    size_t len);


#endif /* _JM_MULTIPART_LINE_H_INCLUDED_ */
