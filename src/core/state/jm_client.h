
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A client: who it is, and what it may do.
 */


#ifndef _JM_CLIENT_H_INCLUDED_
#define _JM_CLIENT_H_INCLUDED_


#include "jm_digest.h"
#include "jm_model.h"


#define JM_CLIENT_HOUR      3600            /* periods */
#define JM_CLIENT_DAY       86400
#define JM_CLIENT_MONTH     2678400         /* 31 days: any of the calendar's */


/* addresses whose first bits are the same */

typedef struct {
    uint8_t              bytes[16];         /* an IPv4 address has 4 */
    size_t               len;
    unsigned             bits;
} jm_cidr_t;


/* of all limits 0 is none */

typedef struct {
    uint8_t              digest[JM_DIGEST_LEN];
    jm_str_t             name;
    uint64_t             rate;              /* requests in rate_period */
    uint64_t             rate_period;       /* ms: a second, minute, hour */
    uint32_t             concurrency;       /* requests at a time */
    uint64_t             images;            /* pictures in images_period */
    uint64_t             images_period;     /* s: an hour, a day, or a month */
    uint64_t             budget;            /* money in budget_period */
    uint64_t             budget_period;     /* s: a day, or a month */
    int64_t              expires;           /* s since 1970 */
    const jm_str_t      *models;            /* or NULL: all */
    size_t               nmodels;
    jm_str_t             default_model;     /* empty: it has none */
    const jm_cidr_t     *from;              /* or NULL: any address */
    size_t               nfrom;
    size_t               line;              /* in the file, from 1 */
    unsigned             keyless;           /* the digest is of no key */
    unsigned             unlisted;          /* no line has its name */
} jm_client_t;


/* Whether the client's line is no good any more; now in s since 1970. */
unsigned jm_client_expired(const jm_client_t *client, int64_t now);

/*
 * Whether the client may come from an address of 4 or 16 bytes in the network's
 * order; one of another length is none, which only a client without "from" may
 * have.
 */
unsigned jm_client_from(const jm_client_t *client, jm_str_t address);

/*
 * Whether the client may use the model, by whichever of its names.  models are
 * the operator's, or NULL.
 */
unsigned jm_client_may(const jm_client_t *client, const jm_models_t *models,
    const jm_model_t *model);

/* Whether rate, concurrency, images and budget of both are the same. */
unsigned jm_client_same_limits(const jm_client_t *a, const jm_client_t *b);


#endif /* _JM_CLIENT_H_INCLUDED_ */
