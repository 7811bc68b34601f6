
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Which servers a URL may lead to.  What is not certain to be read by all in
 * the same way leads nowhere: a URL comes from elsewhere, and who fetches it
 * sits in an operator's network.
 */


#ifndef _JM_HOST_H_INCLUDED_
#define _JM_HOST_H_INCLUDED_


#include "jm_base.h"


/* an entry of a list: name is less the "*." of one that is any name below */

typedef struct {
    jm_str_t         name;
    unsigned         below;
    unsigned         port;      /* 0: the scheme's own */
} jm_host_t;


/*
 * Reads an entry: "name", "*.name", an address, "[address]" (IPv6), each with
 * ":port" or without.  host->name points into text.  Returns JM_INVALID for
 * anything else.
 */
jm_rc_e jm_host_read(jm_host_t *host, jm_str_t text);

/*
 * Returns whether a URL is an absolute one (RFC 3986) of http or https, has a
 * path, no fragment, and a host of the list, with the port of its entry.  A
 * name counts in any case, and has no dot at its end.  There is no user's name,
 * and no character but those of RFC 3986, section 2: none of a URL that nginx,
 * a browser or a resolver would read in ways of their own.
 */
unsigned jm_host_lists(const jm_host_t *hosts, size_t n, jm_str_t url);


#endif /* _JM_HOST_H_INCLUDED_ */
