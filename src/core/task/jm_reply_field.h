
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


/*
 * Appends "task_status" and, of a request in the queue, "position", "of" and
 * "eta", where that is known.
 */
void jm_reply_standing(jm_json_writer_t *w, const jm_standing_t *standing);

/* Appends "size", what was asked of the model; nothing where it chooses. */
void jm_reply_size(jm_json_writer_t *w, const jm_size_t *size);

/*
 * Appends "background", "output_format", "quality" and "size", in values that
 * are OpenAI's ("ImagesResponse", "ImageGenCompletedEvent"; "standard" and
 * "hd" are in no reply of theirs).  A picture is opaque; one that nobody has
 * looked at is a PNG, as Volcengine's newest documents have it; the size is
 * "auto" where the model chooses.
 */
void jm_reply_look(jm_json_writer_t *w, const jm_look_t *look);

/*
 * Appends "usage" with made, the pictures that are billed, and with OpenAI's
 * tokens ("ImageGenUsage"), which readers insist on: those of all parts as Ark
 * counts them, of which there may be none, and 0 where Jimeng does not.
 */
void jm_reply_usage(jm_json_writer_t *w, size_t made, const jm_part_t *parts,
    size_t n);

/*
 * Appends "errors", those of the parts that have one, by their number from 0,
 * and behind the number of its part those of single pictures; nothing when
 * there are none.
 */
void jm_reply_errors(jm_json_writer_t *w, const jm_part_t *parts, size_t n);

/* Appends "code" and "message" of an error. */
void jm_reply_why(jm_json_writer_t *w, const jm_error_t *e);

/*
 * Appends "ignored", the names of the fields that jm_request_t's bits stand
 * for; nothing when there are none.
 */
void jm_reply_ignored(jm_json_writer_t *w, uint64_t ignored);


#endif /* _JM_REPLY_FIELD_H_INCLUDED_ */
