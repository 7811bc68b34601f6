
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * An error on its way to a client: a cause, and what is to be said of it.
 */


#ifndef _JM_ERROR_H_INCLUDED_
#define _JM_ERROR_H_INCLUDED_


#include "jm_cause.h"


#define JM_ERROR_MESSAGE    256

#define JM_CODE_SUCCESS     10000   /* the upstream's, of a good answer */

/* seconds: clients that are told to wait for longer give up, or do not obey */

#define JM_ERROR_RETRY_MAX  60


/* what content was refused, where that is known otherwise than by its number */

typedef enum {
    JM_STAGE_UNSAID = 0,
    JM_STAGE_INPUT,
    JM_STAGE_OUTPUT
} jm_stage_e;


/*
 * param is a literal, or text that lives as long as what was read of the
 * request.  Of retry_after no client is told more than JM_ERROR_RETRY_MAX.
 */

typedef struct {
    jm_cause_e       cause;
    unsigned         no_retry;      /* a retry pays again, or is of no use */
    unsigned         transient;     /* the next try may end otherwise */
    unsigned         retry_after;   /* seconds, 0: as the cause's row says */
    int64_t          upstream_code; /* Volcengine's number, or 0 */
    jm_stage_e       stage;
    const char      *param;         /* a field of the request, or NULL */
    char             message[JM_ERROR_MESSAGE];
} jm_error_t;


/*
 * Sets *e to a cause with a message in printf's form, or with the table's own
 * when fmt is NULL.  A message over JM_ERROR_MESSAGE - 1 bytes is cut between
 * two code points.  no_retry comes from the cause, retry_after is 0.
 */
void jm_error_set(jm_error_t *e, jm_cause_e cause, const char *param,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Sets *e to what a business code of Volcengine means for a client (its
 * table "Error codes" of the image interfaces); a code that is not in the
 * table is JM_CAUSE_UPSTREAM.  no_retry is set there, and where the vendor
 * advises against a retry and the HTTP status would make a client try one.
 */
void jm_error_upstream(jm_error_t *e, int64_t code);

/*
 * Sets retry_after to this many seconds; where the client cannot be told so
 * many, a sentence at the message's end has the whole time.
 */
void jm_error_wait(jm_error_t *e, uint64_t seconds);

/*
 * Renames a refusal by content policy as OpenAI's live models name it,
 * "moderation_blocked", and leaves any other error as it is.
 */
void jm_error_gpt(jm_error_t *e);

/*
 * Returns what such a refusal is about, in OpenAI's words ("moderation_stage"):
 * "input", "output" or "unknown".
 */
const char *jm_error_stage(const jm_error_t *e);

/*
 * Returns number i, from 0, of those that jm_error_upstream() has in its table,
 * or 0 behind the last.
 */
int64_t jm_error_code(size_t i);


#endif /* _JM_ERROR_H_INCLUDED_ */
