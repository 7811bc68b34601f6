
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Ark's one call, POST api/v3/images/generations: what is sent, and what its
 * answer means (Volcengine's "Image generation API" and "Error codes" of Ark).
 */


#ifndef _JM_ARK_H_INCLUDED_
#define _JM_ARK_H_INCLUDED_


#include "jm_answer.h"
#include "jm_picture_type.h"
#include "jm_request.h"


#define JM_ARK_HOST         "ark.cn-beijing.volces.com"


/*
 * Appends the body of the call for a request: one of its tasks, with the fields
 * that its model takes, as a stream if stream is set, which only a model that
 * has JM_MODEL_SERIES makes.  Pictures that are URLs are written; for one that
 * is data the string is left empty, and at[i] becomes the offset in out where
 * all of its text goes: what jm_ark_data_uri() returns, then base64.  at[i] of
 * a URL is 0.
 *
 * at has room for JM_REQUEST_IMAGES, and may be NULL when there are URLs only.
 * Returns JM_ERROR when out has an error, or at is missing.
 */
jm_rc_e jm_ark_submit(jm_buf_t *out, const jm_request_t *r, unsigned stream,
    size_t *at);

/* Returns how many pictures such a call brings at most. */
size_t jm_ark_most(const jm_request_t *r);

/*
 * Returns what stands before the base64 of a picture of this type, as
 * "data:image/png;base64,": it needs no escape in JSON.  It is empty for
 * JM_PICTURE_UNKNOWN.
 */
jm_str_t jm_ark_data_uri(jm_picture_type_e type);

/*
 * Reads the outcome of the call into *a: the HTTP status and body, which is not
 * a stream, count when transport is JM_TRANSPORT_WHOLE.  Event is
 *
 *   JM_EVENT_DONE     there are pictures, and maybe errors of others beside;
 *   JM_EVENT_BUSY     a 429 for load, which took nothing: it may be sent again;
 *   JM_EVENT_UNSENT   no byte was sent;
 *   JM_EVENT_FAILED   all else, and a->error says why.  It is
 *       JM_CAUSE_OUTCOME_UNKNOWN where pictures may have been made: never to
 *       be sent again.  Else nothing was billed.  With JM_CAUSE_UPSTREAM_AUTH
 *       the account was refused, or, where jm_answer_of_service() says so, its
 *       access to this model.  With error.transient the same call may end
 *       otherwise.
 *
 * Returns JM_ERROR when memory runs out: *a is then what an answer that was
 * lost would be.
 */
jm_rc_e jm_ark_read(jm_answer_t *a, jm_transport_e transport, unsigned status,
    jm_str_t body, jm_mem_t *mem);

/*
 * Appends what a call has brought as an answer that jm_ark_read() reads: the
 * links and sizes of pictures, the codes of those that failed, in their order,
 * and the tokens.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_ark_write(jm_buf_t *out, const jm_answer_t *a);


#endif /* _JM_ARK_H_INCLUDED_ */
