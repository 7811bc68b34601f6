
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the counters lie in shared memory.  Serial numbers are what counts: a
 * client or a share that has none is free, whatever lists it is in.  The lists
 * are made from them again after a process has died at work.
 */


#ifndef _JM_QUOTA_STORE_H_INCLUDED_
#define _JM_QUOTA_STORE_H_INCLUDED_


#include "jm_quota.h"
#include "jm_fence.h"


/* in a piece of memory, which is just as large as one of a slab allocator's */

#define JM_QUOTA_CLIENTS    17
#define JM_QUOTA_SHARES     51


typedef struct jm_quota_client_s       jm_quota_client_t;
typedef struct jm_quota_clients_s      jm_quota_clients_t;
typedef struct jm_quota_share_s        jm_quota_share_t;
typedef struct jm_quota_shares_s       jm_quota_shares_t;


/* what a client's requests hold in one process */

struct jm_quota_share_s {
    jm_quota_share_t    *next;      /* of the client's, or of the free ones */
    jm_quota_client_t   *client;
    uint64_t             serial;    /* of the client; 0: it is free */
    uint64_t             images;
    uint32_t             running;
    uint32_t             pid;
};

struct jm_quota_shares_s {
    jm_quota_shares_t   *next;
    jm_quota_share_t     shares[JM_QUOTA_SHARES];
};

struct jm_quota_client_s {
    jm_quota_client_t   *next;      /* in its chain, or of the free ones */
    jm_quota_share_t    *shares;
    uint64_t             serial;    /* 0: it is free */
    uint64_t             full;      /* ns: when its bucket is full again */
    uint64_t             window;    /* number of the day, or hour, */
    uint64_t             used;      /* that so many pictures are of */
    uint32_t             round;     /* of the files that it is in */
    uint8_t              len;
    uint8_t              name[JM_KEYS_NAME];
};

struct jm_quota_clients_s {
    jm_quota_clients_t  *next;
    jm_quota_client_t    clients[JM_QUOTA_CLIENTS];
};

typedef struct {
    size_t               mask;
    jm_quota_client_t   *chains[];
} jm_quota_table_t;

struct jm_quota_shared_s {
    uint32_t             busy;      /* somebody is at work, or died of it */
    uint32_t             round;
    uint64_t             serial;    /* the last */
    size_t               nclients;  /* that there is room for */
    size_t               nshares;
    jm_quota_clients_t  *clients;
    jm_quota_shares_t   *shares;
    jm_quota_client_t   *free_clients;
    jm_quota_share_t    *free_shares;
    jm_quota_table_t    *table;     /* of the clients' names */
};


/* Frame all that is done: what a dead process left is put right. */
void jm_quota_enter(jm_quota_t *q);
void jm_quota_leave(jm_quota_t *q);

/* Makes room for so many; JM_ERROR: there is no memory for all of it. */
jm_rc_e jm_quota_room(jm_quota_t *q, size_t clients, size_t shares);

/* Returns the client of this name, or NULL. */
jm_quota_client_t *jm_quota_find(jm_quota_t *q, jm_str_t name);

/* Enters a client, for whom there has to be room. */
jm_quota_client_t *jm_quota_add(jm_quota_t *q, jm_str_t name);

/* Forgets a client, and what its requests hold. */
void jm_quota_drop(jm_quota_t *q, jm_quota_client_t *c);

/* Returns what the client's requests hold in this process, or NULL. */
jm_quota_share_t *jm_quota_share(jm_quota_t *q, jm_quota_client_t *c);

/* Returns the same, made anew; NULL: there is no room. */
jm_quota_share_t *jm_quota_share_add(jm_quota_t *q, jm_quota_client_t *c);

/* Takes a share from its client. */
void jm_quota_share_drop(jm_quota_t *q, jm_quota_share_t *share);

/* Takes those shares from a client that are dead processes'. */
void jm_quota_reap(jm_quota_t *q, jm_quota_client_t *c);


#endif /* _JM_QUOTA_STORE_H_INCLUDED_ */
