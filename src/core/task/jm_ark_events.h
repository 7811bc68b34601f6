
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Ark's answer as a stream of server-sent events (WHATWG HTML, "Interpreting an
 * event stream"; Volcengine's "Streaming response" of Ark's image generation).
 */


#ifndef _JM_ARK_EVENTS_H_INCLUDED_
#define _JM_ARK_EVENTS_H_INCLUDED_


#include "jm_answer.h"


/* bytes of one event's data: links and errors, but no picture */

#define JM_ARK_EVENT_MAX    65536
#define JM_ARK_EVENT_NAME   64

/*
 * events of which memory is taken: each picture's, and some to spare; and of
 * those that have no name
 */

#define JM_ARK_EVENTS       64


typedef enum {
    JM_ARK_EVENT_OTHER = 0,
    JM_ARK_EVENT_PARTIAL_IMAGE,
    JM_ARK_EVENT_SUCCEEDED,         /* a picture */
    JM_ARK_EVENT_FAILED,            /* another, not made */
    JM_ARK_EVENT_COMPLETED,
    JM_ARK_EVENT_ERROR,
    JM_ARK_EVENT_DONE               /* "[DONE]" */
} jm_ark_event_e;


/*
 * Takes an event.  json is its data, good until the call returns; empty for a
 * JM_ARK_EVENT_PARTIAL_IMAGE that is too long.  What is returned other than
 * JM_OK ends the reading.
 */

typedef jm_rc_e (*jm_ark_event_pt)(void *ctx, jm_ark_event_e event,
    jm_str_t json);


typedef struct {
    jm_ark_event_pt  handler;
    void            *ctx;
    jm_mem_t        *mem;
    jm_rc_e          rc;
    jm_buf_t         data;
    size_t           lines;         /* of data */
    unsigned         over;          /* the data were too long */
    size_t           nname;
    uint8_t          name[JM_ARK_EVENT_NAME];
    size_t           nfield;        /* what is kept of a line's field */
    uint8_t          field[8];
    unsigned         value;         /* the colon was there, */
    unsigned         blank;         /* and one blank may follow it */
    unsigned         cr;
    size_t           unnamed;       /* events, so far */
} jm_ark_events_t;


/* Starts a reader, whose buffer is memory of mem. */
void jm_ark_events_init(jm_ark_events_t *s, jm_ark_event_pt handler,
    void *ctx, jm_mem_t *mem);

/*
 * Takes the stream's next bytes, of any number, and calls the handler for each
 * event that they complete.  An event is named by its "event", or where it has
 * none by the "type" of its data.  What has no blank line behind it is none.
 *
 * Returns JM_INVALID when an event has more than JM_ARK_EVENT_MAX bytes, or
 * more than JM_ARK_EVENTS have no name; JM_ERROR when memory runs out; or what
 * the handler has returned: from then on to every call.
 */
jm_rc_e jm_ark_events_add(jm_ark_events_t *s, jm_str_t piece);


/* an answer that is put together from events */

typedef struct {
    jm_answer_t     *answer;
    jm_mem_t        *mem;
    size_t           events;
    size_t           made;          /* as "usage" says */
    unsigned         completed;
    unsigned         failed;        /* by an event of an error */
} jm_ark_gather_t;


/* Starts an answer of which nothing has come, in memory of mem. */
void jm_ark_gather_init(jm_ark_gather_t *g, jm_answer_t *a, jm_mem_t *mem);

/*
 * The handler of events that gathers: ctx is a jm_ark_gather_t.  Returns
 * JM_INVALID for an event of a picture that is no JSON, or too many of them;
 * JM_ERROR when memory runs out.  What came before is kept.
 */
jm_rc_e jm_ark_gather(void *ctx, jm_ark_event_e event, jm_str_t json);

/*
 * Ends the answer, as jm_ark_read() says what it is.  One that broke off, which
 * is one without JM_ARK_EVENT_COMPLETED, is JM_EVENT_DONE, and cut, where there
 * are pictures; else JM_CAUSE_OUTCOME_UNKNOWN, unless an event of an error says
 * that nothing was made.
 */
void jm_ark_gather_end(jm_ark_gather_t *g);


#endif /* _JM_ARK_EVENTS_H_INCLUDED_ */
