
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The error table: a cause gives the HTTP status, the type and code of the
 * envelope, and the sentence a client reads when nobody has a better one.
 */


#ifndef _JM_ERROR_H_INCLUDED_
#define _JM_ERROR_H_INCLUDED_


#include "jm_base.h"


#define JM_ERROR_MESSAGE    256

#define JM_CODE_SUCCESS     10000   /* the upstream's, of a good answer */

/* seconds: clients that are told to wait for longer give up, or do not obey */

#define JM_ERROR_RETRY_MAX  60


typedef enum {
    JM_CAUSE_NONE = 0,
    JM_CAUSE_INVALID_REQUEST,
    JM_CAUSE_INVALID_KEY,
    JM_CAUSE_PERMISSION,
    JM_CAUSE_NOT_FOUND,
    JM_CAUSE_MODEL_NOT_FOUND,
    JM_CAUSE_TASK_NOT_FOUND,
    JM_CAUSE_METHOD,
    JM_CAUSE_REQUEST_TIMEOUT,
    JM_CAUSE_REQUEST_TOO_LARGE,
    JM_CAUSE_PROMPT_TOO_LONG,
    JM_CAUSE_MEDIA_TYPE,
    JM_CAUSE_KEY_REUSED,            /* the key of another request */
    JM_CAUSE_RATE_LIMITED,          /* the client is over a limit of ours */
    JM_CAUSE_QUOTA,                 /* it has used up its budget of pictures */
    JM_CAUSE_CONTENT_POLICY,
    JM_CAUSE_MODERATION,            /* the same, as OpenAI's models tell it */
    JM_CAUSE_BUSY,                  /* no slot of an account in time */
    JM_CAUSE_UPSTREAM_RATE_LIMITED,
    JM_CAUSE_UPSTREAM_AUTH,
    JM_CAUSE_UPSTREAM,
    JM_CAUSE_OUTCOME_UNKNOWN,       /* a submit that may have been taken */
    JM_CAUSE_GENERATION_TIMEOUT,
    JM_CAUSE_UNAVAILABLE,
    JM_CAUSE_NO_ROOM,               /* the shared memory zone is full */
    JM_CAUSE_INTERNAL,
    JM_CAUSE_CLIENT_LEFT,
    JM_CAUSE_LAST
} jm_cause_e;


typedef struct {
    unsigned         status;
    unsigned         retry_after;   /* seconds, or 0: says nothing */
    const char      *type;
    const char      *code;
    const char      *message;
} jm_cause_t;


/*
 * An error on its way to a client.  param names a field of the request, or is
 * NULL: a literal, or text that is good as long as what was read of the request
 * is; upstream_code is the number Volcengine gave, or 0; no_retry says that a
 * retry would pay again, or is of no use; retry_after is the seconds after
 * which it may be of some, or 0 for what the cause's row says: no client is
 * told more than JM_ERROR_RETRY_MAX.
 */

typedef struct {
    jm_cause_e       cause;
    unsigned         no_retry;
    unsigned         passing;       /* the next try may end otherwise */
    unsigned         retry_after;
    int64_t          upstream_code;
    const char      *param;
    char             message[JM_ERROR_MESSAGE];
} jm_error_t;


/* Returns the row of a cause: always a whole one, other than for _NONE. */
const jm_cause_t *jm_cause(jm_cause_e cause);

/*
 * Returns the cause that fits an HTTP status that nginx itself answered,
 * 400 ... 599: JM_CAUSE_INVALID_REQUEST or _INTERNAL where nothing is closer.
 */
jm_cause_e jm_cause_of_status(unsigned status);

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
 * Makes of an error of a content policy what OpenAI's live models call it
 * ("moderation_blocked"), and leaves any other as it is.
 */
void jm_error_gpt(jm_error_t *e);

/*
 * Returns what an error of that kind is about, in OpenAI's words
 * ("moderation_stage"): "input", "output" or "unknown".
 */
const char *jm_error_stage(const jm_error_t *e);

/* Returns the number i, from 0, of that table, or 0 behind its last. */
int64_t jm_error_code(size_t i);


#endif /* _JM_ERROR_H_INCLUDED_ */
