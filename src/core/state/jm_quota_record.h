
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the counters lie in the store: a record for each client, found by its
 * name and by its serial number, with all that it has used; more of them where
 * its requests run in more processes than it has room for, and others that say
 * which models it has used.
 */


#ifndef _JM_QUOTA_RECORD_H_INCLUDED_
#define _JM_QUOTA_RECORD_H_INCLUDED_


#include "jm_quota.h"
#include "jm_quota_usage.h"
#include "jm_ring.h"


#define JM_QUOTA_SHARES     3       /* in a client's record */
#define JM_QUOTA_MORE       10      /* in each of those that follow it */
#define JM_QUOTA_SLOTS      5       /* for models, in each of the others */

#define JM_QUOTA_EACH       2       /* records that are left to a client */

/* who was told to be near a limit, in its window: bits of told */

#define JM_QUOTA_TOLD       1       /* of pictures, */
#define JM_QUOTA_TOLD_SUM   2       /* of a budget of a day; twice: a month */


/* what a client's requests hold in one process */

typedef struct {
    uint32_t             owner;     /* 0: it is free */
    uint32_t             running;
    uint64_t             images;
    uint64_t             cost;
} jm_quota_share_t;


/* what was made in the last day, and month, that anything was made in */

typedef struct {
    uint32_t             windows[JM_QUOTA_SUMS];    /* their numbers */
    uint32_t             images[JM_QUOTA_SUMS];
    uint64_t             cost[JM_QUOTA_SUMS];
} jm_quota_sums_t;


typedef struct {
    jm_record_t          head;
    uint32_t             len;
    uint64_t             serial;
    uint8_t              name[JM_KEYS_NAME];
    jm_ref_t             next[JM_QUOTA_TABLES];
    jm_ref_t             more;
    jm_ref_t             models;    /* of jm_quota_used_t */
    uint32_t             round;     /* of the files that it is in */
    jm_ring_t            link;      /* of all clients, or all loose ones */
    uint64_t             full;      /* ns: when its bucket is full again */
    uint64_t             window;    /* number of the hour, day, month */
    uint64_t             used;      /* that so many pictures are of */
    uint32_t             period;    /* images_period; 0: none are counted */
    uint8_t              loose;     /* no file has a line of its name */
    uint8_t              budget;    /* a loose one's: 1 + which of sums */
    uint8_t              told;
    uint8_t              unused;
    jm_quota_sums_t      sums;
    jm_quota_share_t     shares[JM_QUOTA_SHARES];
} jm_quota_client_t;


typedef struct {
    jm_record_t          head;
    jm_ref_t             next;
    jm_quota_share_t     shares[JM_QUOTA_MORE];
} jm_quota_more_t;


typedef struct {
    uint64_t             model;     /* a hash; 0: it is free */
    jm_quota_sums_t      sums;
} jm_quota_slot_t;


typedef struct {
    jm_record_t          head;
    jm_ref_t             next;
    uint64_t             serial;    /* of the client */
    jm_quota_slot_t      slots[JM_QUOTA_SLOTS];
} jm_quota_used_t;


struct jm_quota_shared_s {
    jm_ring_t            clients;   /* that files name */
    jm_ring_t            loose;     /* the others */
    uint32_t             nclients;
    uint32_t             nloose;
    uint32_t             round;
};


_Static_assert(sizeof(jm_quota_client_t) <= JM_RECORD, "a record");
_Static_assert(sizeof(jm_quota_more_t) <= JM_RECORD, "a record");
_Static_assert(sizeof(jm_quota_used_t) <= JM_RECORD, "a record");


#define jm_quota_client_sealed                                                \
    offsetof(jm_quota_client_t, len), offsetof(jm_quota_client_t, next)

#define jm_quota_used_sealed                                                  \
    offsetof(jm_quota_used_t, serial), offsetof(jm_quota_used_t, slots)


#endif /* _JM_QUOTA_RECORD_H_INCLUDED_ */
