
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Origins, as browsers send them with what a page of theirs asks for (RFC
 * 6454, and "Origin" of the Fetch standard).
 */


#ifndef _JM_ORIGIN_H_INCLUDED_
#define _JM_ORIGIN_H_INCLUDED_


#include "jm_base.h"


/*
 * Returns whether the value of an Origin header is that of a page of host, the
 * value of the request's Host header: "https://name:port" and "name:port", of
 * any case.  The scheme does not count, nor whether the port is 80, 443 or
 * absent, as a proxy on the way may have taken TLS off; any other port does
 * count.  "null" is nobody's, and an empty host has no pages.
 */
unsigned jm_origin_is_host(jm_str_t origin, jm_str_t host);


#endif /* _JM_ORIGIN_H_INCLUDED_ */
