
/*
 * The server that is measured: what it says of itself.
 */


#ifndef _SERVER_H_INCLUDED_
#define _SERVER_H_INCLUDED_


#include "node.h"


typedef struct {
    redisContext        *c;
} server_t;


/* Connects to an empty server, which gets the functions. */
void server_begin(server_t *s, const char *path);
void server_end(server_t *s);

/* Returns a number of INFO's, by its name with the colon behind it. */
double server_info(server_t *s, const char *name);

/* Returns the seconds of CPU time of the thread that runs functions. */
double server_cpu(server_t *s);

/* Adds n entries of the ledger, which are as one that is there. */
void server_entries(server_t *s, unsigned n);

/* Prints how long each function takes, while the clients go on. */
void server_functions(server_t *s, const char *world, worker_t *workers,
    unsigned nworkers);


#endif /* _SERVER_H_INCLUDED_ */
