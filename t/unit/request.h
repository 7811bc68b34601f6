
/*
 * What the tests of the request reader share: a body is read by the rules of
 * a location without directives, into memory that is full of something else.
 */


#ifndef _REQUEST_H_INCLUDED_
#define _REQUEST_H_INCLUDED_


#include "tap.h"
#include "jm_request.h"


static jm_rules_t  rules = {
    NULL, jm_string("jimeng_t2i_v40"), 800, 0, JM_FORMAT_UNSAID, 0, 0, NULL
};


static inline jm_rc_e
read_body(jm_request_t *r, const char *body, tap_mem_t *m, jm_error_t *e)
{
    tap_mem_init(m, 0);
    memset(r, 0xa5, sizeof(jm_request_t));
    memset(e, 0, sizeof(jm_error_t));

    return jm_request_read(r, str(body), &rules, &m->mem, e);
}


#endif /* _REQUEST_H_INCLUDED_ */
