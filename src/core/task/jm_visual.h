
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The upstream's two calls: what is sent, and what an answer means.
 */


#ifndef _JM_VISUAL_H_INCLUDED_
#define _JM_VISUAL_H_INCLUDED_


#include "jm_answer.h"
#include "jm_request.h"


#define JM_VISUAL_VERSION   "2022-08-31"
#define JM_VISUAL_REGION    "cn-north-1"
#define JM_VISUAL_SERVICE   "cv"
#define JM_VISUAL_HOST      "visual.volcengineapi.com"

/* bytes at most: every character as \\u0001, and in a body escaped again */

#define JM_VISUAL_REQ_JSON    8192
#define JM_VISUAL_QUERY_BODY  16384


/* a result is asked for by a query that wants data in place of URLs */

typedef enum {
    JM_VISUAL_SUBMIT = 0,
    JM_VISUAL_QUERY,
    JM_VISUAL_RESULT
} jm_visual_call_e;


/* Returns the Action of a call, as the query string has it. */
jm_str_t jm_visual_action(jm_visual_call_e call);

/*
 * Appends the body of CVSync2AsyncSubmitTask for a request: one of its tasks,
 * with the fields that its model takes.  Pictures are all URLs, or else all
 * data, for a model that has JM_MODEL_BASE64: their strings are then left
 * empty, and at[i] becomes the offset in out where the base64 of picture i
 * goes (Volcengine's document of Jimeng 3.0's picture to picture).
 *
 * at has room for JM_REQUEST_IMAGES, and may be NULL when there are URLs only.
 * Returns JM_ERROR when out has an error, or a picture is data and cannot be.
 */
jm_rc_e jm_visual_submit(jm_buf_t *out, const jm_request_t *r, size_t *at);

/*
 * Appends what a query is to say of the form of the result, as JSON that
 * jm_visual_query() takes: URLs or data, the watermark, the metadata.  It is at
 * most JM_VISUAL_REQ_JSON bytes.  Returns JM_ERROR when out has an error.
 */
jm_rc_e jm_visual_req_json(jm_buf_t *out, const jm_request_t *r,
    unsigned return_url);

/*
 * Appends the body of CVSync2AsyncGetResult.  req_json is JSON, and is put into
 * a string as this call takes it (Volcengine's document of Jimeng 4.0).  It is
 * at most JM_VISUAL_QUERY_BODY bytes, beside req_key.  Returns JM_ERROR when
 * out has an error.
 */
jm_rc_e jm_visual_query(jm_buf_t *out, jm_str_t req_key, jm_str_t task_id,
    jm_str_t req_json);

/*
 * Reads an exchange's outcome into *a: the HTTP status and body count when
 * transport is JM_TRANSPORT_WHOLE.  Takes the code from the top level, from
 * "Result" or from "ResponseMetadata"; it decides, whatever the data say.
 *
 * A submit whose outcome is not certain is JM_EVENT_FAILED with
 * JM_CAUSE_OUTCOME_UNKNOWN; for a query the same is JM_EVENT_TROUBLE.  A query
 * is done with URLs, a result with data, which are only counted.
 * Returns JM_ERROR when memory runs out: *a is then what an answer that was
 * lost would be.
 */
jm_rc_e jm_visual_read(jm_answer_t *a, jm_visual_call_e call,
    jm_transport_e transport, unsigned status, jm_str_t body, jm_mem_t *mem);


#endif /* _JM_VISUAL_H_INCLUDED_ */
