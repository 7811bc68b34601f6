
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Why a request fails: the table of causes, each with its HTTP status, the type
 * and code of the envelope, and the sentence that a client reads when nobody
 * has a better one.
 */


#ifndef _JM_CAUSE_H_INCLUDED_
#define _JM_CAUSE_H_INCLUDED_


#include "jm_base.h"


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
    JM_CAUSE_TOO_EARLY,             /* in TLS early data */
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
    JM_CAUSE_CANCELED,              /* its client has asked for that */
    JM_CAUSE_TASK_RUNNING,          /* it cannot be canceled any more */
    JM_CAUSE_ADDRESS,               /* none of those the client may have */
    JM_CAUSE_LAST
} jm_cause_e;


typedef struct {
    unsigned         status;
    unsigned         retry_after;   /* seconds, 0: no such header */
    const char      *type;
    const char      *code;
    const char      *message;
} jm_cause_t;


/* Returns the row of a cause; that of JM_CAUSE_NONE has no texts. */
const jm_cause_t *jm_cause(jm_cause_e cause);

/*
 * Returns the cause that fits an HTTP status that nginx itself answered,
 * 400 ... 599: JM_CAUSE_INVALID_REQUEST or _INTERNAL where nothing is closer.
 */
jm_cause_e jm_cause_of_status(unsigned status);


#endif /* _JM_CAUSE_H_INCLUDED_ */
