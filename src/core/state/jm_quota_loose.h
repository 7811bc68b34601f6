
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Clients that no file names.  They come with their first request, and are
 * forgotten when nothing would be different without what is known of them;
 * where there is no room, also when only what they have used this month would
 * not be told any more: there may be as many names as there are in the world.
 */


#ifndef _JM_QUOTA_LOOSE_H_INCLUDED_
#define _JM_QUOTA_LOOSE_H_INCLUDED_


#include "jm_quota.h"


/* of all records in a store one in so many may be a loose client's */

#define JM_QUOTA_LOOSE      8


/*
 * To be called before what a client with jm_client_t.unlisted may do is looked
 * at: enters it, if it is not there; others are.  now is in ms as for
 * jm_quota_rate(), seconds as for jm_quota_hold().  What was done before may be
 * committed.  Returns JM_ERROR if there is no room.
 */
jm_rc_e jm_quota_enter(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    int64_t seconds);

/*
 * Enters the client, and takes a place as jm_quota_hold() does.  Returns
 * JM_QUOTA_NO_ROOM, forced or not, if there is no room for the client.
 */
jm_quota_e jm_quota_enter_hold(jm_quota_t *q, const jm_client_t *client,
    const jm_bill_t *most, unsigned force, uint64_t now, int64_t seconds,
    jm_hold_t *hold, jm_quota_view_t *view);

/*
 * Looks at n of the loose clients, those that were looked at longest ago, and
 * forgets whose requests are over, bucket is full, and windows of pictures and
 * money have passed; unless hard is set nothing may have been made this month,
 * either.  It commits after each.  Returns JM_INVALID if there was none.
 */
jm_rc_e jm_quota_shrink(jm_quota_t *q, unsigned n, unsigned hard, uint64_t now,
    int64_t seconds);

/* Whether there may be no more loose clients than there are. */
unsigned jm_quota_loose_full(const jm_quota_t *q);

/* Whether the client is one that the files name. */
unsigned jm_quota_listed(const jm_quota_t *q, const jm_client_t *client);


#endif /* _JM_QUOTA_LOOSE_H_INCLUDED_ */
