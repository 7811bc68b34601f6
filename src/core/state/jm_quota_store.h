
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Clients in the store, and the shares of their limits that processes hold.
 */


#ifndef _JM_QUOTA_STORE_H_INCLUDED_
#define _JM_QUOTA_STORE_H_INCLUDED_


#include "jm_quota_record.h"


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
