
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A ticket: all that is needed to ask for the pictures of a request again.
 */


#ifndef _JM_TICKET_H_INCLUDED_
#define _JM_TICKET_H_INCLUDED_


#include "jm_visual.h"


#define JM_TICKET_TASKS     10
#define JM_TICKET_AGE       43200   /* seconds that the upstream knows a task */
#define JM_TICKET_ARK_AGE   86400   /* and that links of Ark's live */

/* bytes at most: with those around them, what JM_SEAL_MAX characters hold */

#define JM_TICKET_MAX       4579


/*
 * ids are the upstream's, of at most JM_VISUAL_TASK_ID bytes; an empty one is
 * of a task that was never accepted.  owner is empty where there is none.
 * created is in seconds since 1970.  req_json is what jm_visual_req_json()
 * says of the form of the result, as URLs; b64 is set when data are wanted, gpt
 * when errors are told in the words of OpenAI's models, jpeg when that is what
 * the links are said to be of.  entry is the serial
 * number in the ledger, of at most 63 bits.
 */

typedef struct {
    jm_str_t         ids[JM_TICKET_TASKS];
    size_t           n;
    jm_str_t         req_key;
    jm_str_t         account;
    jm_str_t         owner;
    jm_str_t         req_json;
    int64_t          created;
    uint64_t         entry;         /* 0: none */
    jm_size_t        size;
    uint32_t         max_images;    /* 0: all */
    jm_quality_e     quality;
    unsigned         b64;
    unsigned         gpt;
    unsigned         jpeg;
} jm_ticket_t;


/*
 * Appends a ticket as bytes, as few as possible.  Returns JM_ERROR when out
 * has an error, or a field of the ticket breaks its rule above.
 */
jm_rc_e jm_ticket_write(jm_buf_t *out, const jm_ticket_t *t);

/*
 * Reads the bytes of a ticket into *t, whose strings are in one allocation of
 * mem's.  Returns JM_INVALID when the bytes are not exactly one ticket, and
 * JM_ERROR when memory runs out; *t then is not defined.
 */
jm_rc_e jm_ticket_read(jm_ticket_t *t, jm_str_t bytes, jm_mem_t *mem);

/*
 * Appends the form of the result as data, where the ticket's req_json is that
 * as URLs: what jm_visual_req_json() says then.  Returns JM_ERROR when out has
 * an error, or req_json is none.
 */
jm_rc_e jm_ticket_data_json(jm_buf_t *out, const jm_ticket_t *t);

/*
 * Tells whether a ticket is going to fit into JM_TICKET_MAX bytes whatever ids
 * its n tasks get, and whatever entry: to be asked before anything is
 * submitted.  Its ids and its entry are not looked at.
 */
unsigned jm_ticket_fits(const jm_ticket_t *t);

/*
 * Tells whether the ticket is this owner's, in a time that does not depend on
 * how much of the two is equal; nobody's is the empty owner's.
 */
unsigned jm_ticket_owned(const jm_ticket_t *t, jm_str_t owner);


#endif /* _JM_TICKET_H_INCLUDED_ */
