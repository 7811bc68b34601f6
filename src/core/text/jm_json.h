
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * JSON: one reader, over yajl, and one writer.
 */


#ifndef _JM_JSON_H_INCLUDED_
#define _JM_JSON_H_INCLUDED_


#include "jm_buf.h"


typedef enum {
    JM_JSON_NULL,
    JM_JSON_BOOL,
    JM_JSON_NUMBER,
    JM_JSON_STRING,
    JM_JSON_ARRAY,
    JM_JSON_OBJECT
} jm_json_type_e;


typedef struct jm_json_s  jm_json_t;

struct jm_json_s {
    jm_json_type_e   type;
    unsigned         boolean;   /* of a bool */
    size_t           count;     /* of the children of an array, an object */
    jm_str_t         key;       /* of a member of an object */
    jm_str_t         text;      /* of a string, unescaped; of a number */
    jm_json_t       *child;     /* the first of an array, an object */
    jm_json_t       *next;
};


typedef struct {
    size_t           depth;     /* arrays and objects within each other */
    size_t           nodes;     /* values, all together */
} jm_json_limits_t;


/*
 * Reads the one JSON value that text consists of into a tree in memory of
 * mem.  Strings and numbers are views into text, copied only where escapes
 * had to be resolved: text must outlive the tree.
 *
 * Returns JM_INVALID, and *why a sentence's end ("is not valid JSON", "is
 * nested too deeply") when text is no JSON (RFC 8259), is not UTF-8, or
 * has anything but white space behind the value, or is over a limit; JM_ERROR
 * when memory runs out.  What was allocated until then is mem's to free.
 */
jm_rc_e jm_json_read(jm_json_t **root, jm_str_t text,
    const jm_json_limits_t *limits, jm_mem_t *mem, const char **why);

/*
 * Returns the member of object that has this name, the last one where there
 * are several; NULL where there is none, or object is NULL or no object.
 */
jm_json_t *jm_json_get(const jm_json_t *object, const char *name);


/*
 * The writer.  objects has a bit for each level, which is set where an object
 * is open; keyed tells that a key waits for its value, comma that what comes
 * next has something before it.
 */

#define JM_JSON_LEVELS      64

typedef struct {
    jm_buf_t        *out;
    unsigned         level;
    unsigned         keyed;
    unsigned         comma;
    uint64_t         objects;
} jm_json_writer_t;


/* Starts a writer that appends compact JSON to out. */
void jm_json_open(jm_json_writer_t *w, jm_buf_t *out);

/*
 * Ends the writing.  Returns JM_ERROR when the buffer's error is set or the
 * calls in between did not make one whole value of at most JM_JSON_LEVELS
 * levels; the buffer's error is then set, too.
 */
jm_rc_e jm_json_close(jm_json_writer_t *w);

/*
 * Each appends what its name says; an error is kept until jm_json_close().
 * A key is a literal that needs no escape; name, which is a key as well, and s
 * are UTF-8 and get escaped; raw is JSON and is written as it is.
 */
void jm_json_object(jm_json_writer_t *w);
void jm_json_end_object(jm_json_writer_t *w);
void jm_json_array(jm_json_writer_t *w);
void jm_json_end_array(jm_json_writer_t *w);
void jm_json_name(jm_json_writer_t *w, const char *name);
void jm_json_named(jm_json_writer_t *w, jm_str_t name);
void jm_json_string(jm_json_writer_t *w, jm_str_t s);
void jm_json_cstring(jm_json_writer_t *w, const char *s);
void jm_json_raw(jm_json_writer_t *w, jm_str_t raw);
void jm_json_int(jm_json_writer_t *w, int64_t value);
void jm_json_bool(jm_json_writer_t *w, unsigned value);
void jm_json_null(jm_json_writer_t *w);

#define jm_json_key(w, key)                                                  \
    jm_json_member(w, "\"" key "\":", sizeof("\"" key "\":") - 1)

/* Appends a key with its quotes and colon: what jm_json_key() is made of. */
void jm_json_member(jm_json_writer_t *w, const char *text, size_t len);


#endif /* _JM_JSON_H_INCLUDED_ */
