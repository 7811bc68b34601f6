
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A process that comes to a server, stays, and goes.
 */


#ifndef _JM_REDIS_PROCESS_H_INCLUDED_
#define _JM_REDIS_PROCESS_H_INCLUDED_


#include "jm_redis.h"


#define JM_REDIS_NODE       128     /* bytes of a node's name, at most */
#define JM_REDIS_SAYS       256     /* bytes that it says of itself, at most */
#define JM_REDIS_NODES      64      /* that are told of, at most */
#define JM_REDIS_PLACE      128     /* bytes of jm_op_join_t.place, at most */

/* ms without a renewal after which a process is dead to all others */

#define JM_REDIS_LEASE      15000


typedef struct {
    jm_str_t             name;
    jm_str_t             says;
    uint64_t             processes; /* that live */
    uint64_t             age;       /* ms since it gave a sign of life */
} jm_redis_node_t;


/* the library of functions, for FUNCTION LOAD REPLACE */

extern const jm_str_t  jm_redis_library;


/*
 * The configuration's accounts by their numbers, JM_QUEUE_ACCOUNTS at most,
 * which stay in memory as long as redis does.  salt is used where the server
 * has none yet, but for one that has lost all: it gets again what it had.
 * again when a process of the same configuration has done that before: what is
 * known of accounts then stays.  rc is JM_INVALID when what lies there is of
 * another version, which is told, or when it has no number for an account.
 */

typedef struct {
    jm_done_t            done;
    const jm_redis_account_t  *accounts;
    size_t               n;
    uint8_t              salt[JM_STATE_SALT];
    unsigned             again;
    unsigned             away;
    jm_rc_e              rc;
    uint64_t             version;
} jm_op_configure_t;


/*
 * The process becomes an owner; says is of its node, and for others to read.
 * place is one where a pid means the same to all, and empty where that is not
 * known; start tells processes of the same pid apart.  each is called for every
 * process of that place that is not known to be dead.  lost, when it is to be
 * renewed: the server does not know it any more, as it has lost what it was
 * told.  The process has to configure and to join anew.  Else so many nodes
 * have given a sign of life within JM_REDIS_LEASE.
 */

typedef struct {
    jm_done_t            done;
    jm_str_t             node;      /* JM_REDIS_NODE */
    jm_str_t             says;      /* JM_REDIS_SAYS */
    jm_str_t             place;     /* JM_REDIS_PLACE */
    uint64_t             pid;
    uint64_t             start;
    void               (*each)(void *data, uint64_t owner, uint64_t pid,
                               uint64_t start);
    unsigned             away;
    unsigned             lost;
    unsigned             nodes;     /* when it is renewed, from 1 */
} jm_op_join_t;


/* Calls each for JM_REDIS_NODES nodes at most, the last heard of first. */

typedef struct {
    jm_done_t            done;
    void               (*each)(void *data, const jm_redis_node_t *node);
    unsigned             away;
} jm_op_nodes_t;


void jm_redis_configure(jm_redis_t *redis, jm_op_configure_t *op);
void jm_redis_join(jm_redis_t *redis, jm_op_join_t *op);

/*
 * It lives: to be called much more often than JM_REDIS_LEASE, and again once
 * the server was away.
 */
void jm_redis_renew(jm_redis_t *redis, jm_op_join_t *op);

void jm_redis_nodes(jm_redis_t *redis, jm_op_nodes_t *op);

/* It ends: all that it has is a dead process's at once. */
void jm_redis_quit(jm_redis_t *redis);

/* Another process, which had this number here, has died. */
void jm_redis_bury(jm_redis_t *redis, uint64_t owner);

/* A message of a channel is for news(). */
void jm_redis_message(jm_redis_t *redis, jm_str_t channel, jm_str_t text);


#endif /* _JM_REDIS_PROCESS_H_INCLUDED_ */
