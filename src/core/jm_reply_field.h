
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Members that replies and the events of streams have in common; each is
 * appended to an open object.
 */


#ifndef _JM_REPLY_FIELD_H_INCLUDED_
#define _JM_REPLY_FIELD_H_INCLUDED_


#include "jm_json.h"
#include "jm_reply.h"


/* Appends "size", what was asked of the model; nothing where it chooses. */
void jm_reply_size(jm_json_writer_t *w, const jm_size_t *size);

/* Appends "usage" with made, the pictures that are billed. */
void jm_reply_usage(jm_json_writer_t *w, size_t made);

/* Appends "code" and "message" of an error. */
void jm_reply_why(jm_json_writer_t *w, const jm_error_t *e);

/*
 * Appends "ignored", the names of the fields that jm_request_t's bits stand
 * for; nothing when there are none.
 */
void jm_reply_ignored(jm_json_writer_t *w, uint64_t ignored);


#endif /* _JM_REPLY_FIELD_H_INCLUDED_ */
