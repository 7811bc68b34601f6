
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Errors of the gateway that Volcengine's services are behind: it answers with
 * a name, "ResponseMetadata.Error.Code", where a service has a number.
 */


#ifndef _JM_GATEWAY_H_INCLUDED_
#define _JM_GATEWAY_H_INCLUDED_


#include "jm_base.h"


typedef enum {
    JM_GATEWAY_NONE = 0,    /* no name, or one that is not known */
    JM_GATEWAY_FLOW_LIMIT_EXCEEDED,
    JM_GATEWAY_ACCOUNT_FLOW_LIMIT_EXCEEDED,
    JM_GATEWAY_FAIL_TO_CONNECT,
    JM_GATEWAY_SERVICE_UNAVAILABLE_TEMP,
    JM_GATEWAY_MISSING_AUTHENTICATION_TOKEN,
    JM_GATEWAY_MISSING_SIGNATURE,
    JM_GATEWAY_INVALID_TIMESTAMP,
    JM_GATEWAY_INVALID_ACCESS_KEY,
    JM_GATEWAY_SIGNATURE_DOES_NOT_MATCH,
    JM_GATEWAY_INVALID_AUTHORIZATION,
    JM_GATEWAY_INVALID_CREDENTIAL,
    JM_GATEWAY_INVALID_SECRET_TOKEN,
    JM_GATEWAY_LACK_POLICY,
    JM_GATEWAY_ACCESS_DENIED,
    JM_GATEWAY_MISSING_PARAMETER,
    JM_GATEWAY_SERVICE_NOT_FOUND,
    JM_GATEWAY_INVALID_ACTION_OR_VERSION,
    JM_GATEWAY_METHOD_NOT_ALLOWED,
    JM_GATEWAY_INTERNAL_ERROR,
    JM_GATEWAY_INTERNAL_SERVICE_ERROR,
    JM_GATEWAY_INTERNAL_SERVICE_TIMEOUT,
    JM_GATEWAY_LAST
} jm_gateway_e;


/* Returns the error of that name. */
jm_gateway_e jm_gateway(jm_str_t name);

/* Returns the name of an error; it is NULL for JM_GATEWAY_NONE. */
const char *jm_gateway_name(jm_gateway_e error);


#endif /* _JM_GATEWAY_H_INCLUDED_ */
