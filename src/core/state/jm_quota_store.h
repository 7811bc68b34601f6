
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the counters lie in the store: a record for each client, found by its
 * name and by its serial number, and more of them where its requests run in
 * more processes than it has room for.
 */


#ifndef _JM_QUOTA_STORE_H_INCLUDED_
#define _JM_QUOTA_STORE_H_INCLUDED_


#include "jm_quota.h"
#include "jm_ring.h"


#define JM_QUOTA_SHARES     7       /* in a client's record */
#define JM_QUOTA_MORE       15      /* in each of those that follow it */


/* what a client's requests hold in one process */

typedef struct {
    uint32_t             owner;     /* 0: it is free */
    uint32_t             running;
    uint64_t             images;
} jm_quota_share_t;


typedef struct {
    jm_record_t          head;
    uint32_t             len;
    uint64_t             serial;
    uint8_t              name[JM_KEYS_NAME];
    jm_ref_t             next[JM_QUOTA_TABLES];
    jm_ref_t             more;
    uint32_t             round;     /* of the files that it is in */
    jm_ring_t            link;      /* of all clients, or all loose ones */
    uint64_t             full;      /* ns: when its bucket is full again */
    uint64_t             window;    /* number of the hour, day, month */
    uint64_t             used;      /* that so many pictures are of */
    uint32_t             period;    /* images_period; 0: none are counted */
    uint32_t             loose;     /* no file has a line of its name */
    jm_quota_share_t     shares[JM_QUOTA_SHARES];
} jm_quota_client_t;


typedef struct {
    jm_record_t          head;
    jm_ref_t             next;
    jm_quota_share_t     shares[JM_QUOTA_MORE];
} jm_quota_more_t;


struct jm_quota_shared_s {
    jm_ring_t            clients;   /* that files name */
    jm_ring_t            loose;     /* the others */
    uint32_t             nclients;
    uint32_t             nloose;
    uint32_t             round;
};


_Static_assert(sizeof(jm_quota_client_t) <= JM_RECORD, "a record");
_Static_assert(sizeof(jm_quota_more_t) <= JM_RECORD, "a record");


#define jm_quota_client_sealed                                                \
    offsetof(jm_quota_client_t, len), offsetof(jm_quota_client_t, next)


/* Returns the client whose link in the ring of all clients this is. */

static inline jm_quota_client_t *
jm_quota_linked(jm_ring_t *link)
{
    return (void *) ((uint8_t *) link - offsetof(jm_quota_client_t, link));
}


/* Return the client of a name, or number, or NULL; and a view of its name. */
jm_quota_client_t *jm_quota_find(const jm_quota_t *q, jm_str_t name);
jm_quota_client_t *jm_quota_numbered(const jm_quota_t *q, uint64_t serial);
jm_str_t jm_quota_name(const jm_quota_client_t *c);

/* Enters a client, for whom there has to be room, by a number of its own. */
jm_quota_client_t *jm_quota_add(jm_quota_t *q, jm_str_t name, uint64_t serial);

/* Set whether a client is a loose one; its period: a new one counts anew. */
void jm_quota_set_loose(jm_quota_t *q, jm_quota_client_t *c, unsigned loose);
void jm_quota_set_period(jm_quota_t *q, jm_quota_client_t *c, uint64_t period);

/* Forgets a client, and what its requests hold. */
void jm_quota_drop(jm_quota_t *q, jm_quota_client_t *c);

/* Return share number i, or that of an owner, 0: a free one; or NULL. */
jm_quota_share_t *jm_quota_share_at(const jm_quota_t *q, jm_quota_client_t *c,
    uint32_t i);
jm_quota_share_t *jm_quota_share(const jm_quota_t *q, jm_quota_client_t *c,
    uint32_t owner);

/*
 * Returns the same, made anew for this process; what was done before may be
 * committed.  NULL: there is no room.
 */
jm_quota_share_t *jm_quota_share_add(jm_quota_t *q, jm_quota_client_t *c);

/* Take a share from its client, or all those that are dead processes'. */
void jm_quota_share_drop(jm_quota_t *q, jm_quota_client_t *c,
    jm_quota_share_t *share);
void jm_quota_reap(jm_quota_t *q, jm_quota_client_t *c);


#endif /* _JM_QUOTA_STORE_H_INCLUDED_ */
