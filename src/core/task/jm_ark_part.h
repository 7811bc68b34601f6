
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the readers of Ark's answer, whole or as a stream, share with each
 * other, and with nobody else.
 */


#ifndef _JM_ARK_PART_H_INCLUDED_
#define _JM_ARK_PART_H_INCLUDED_


#include "jm_answer.h"


#define JM_ARK_DEPTH        32
#define JM_ARK_NODES        4096


/*
 * Takes what became of picture number index: its URL and size, or its error;
 * what is neither counts as one whose outcome is not known.  A number that was
 * there before, or is beyond JM_ARK_PICTURES, is left out.  Returns JM_ERROR
 * when memory runs out.
 */
jm_rc_e jm_ark_picture(jm_answer_t *a, size_t index, const jm_json_t *node,
    jm_mem_t *mem);

/*
 * Takes "usage", or NULL: the tokens.  Returns how many pictures it says were
 * made.
 */
size_t jm_ark_usage(jm_answer_t *a, const jm_json_t *usage);

/* Takes the code and the message of an "error", or NULL. */
void jm_ark_error(jm_answer_t *a, const jm_json_t *error);

/*
 * Says what it comes to when all that is to come has come, with HTTP status
 * 200; made is what jm_ark_usage() has returned.
 */
void jm_ark_result(jm_answer_t *a, size_t made);


#endif /* _JM_ARK_PART_H_INCLUDED_ */
