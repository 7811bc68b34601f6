
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_gateway.h"


static const char  *jm_gateway_names[JM_GATEWAY_LAST] = {
    [JM_GATEWAY_FLOW_LIMIT_EXCEEDED] = "FlowLimitExceeded",
    [JM_GATEWAY_ACCOUNT_FLOW_LIMIT_EXCEEDED] = "AccountFlowLimitExceeded",
    [JM_GATEWAY_FAIL_TO_CONNECT] = "FailToConnect",
    [JM_GATEWAY_SERVICE_UNAVAILABLE_TEMP] = "ServiceUnavailableTemp",
    [JM_GATEWAY_MISSING_AUTHENTICATION_TOKEN] = "MissingAuthenticationToken",
    [JM_GATEWAY_MISSING_SIGNATURE] = "MissingSignature",
    [JM_GATEWAY_INVALID_TIMESTAMP] = "InvalidTimestamp",
    [JM_GATEWAY_INVALID_ACCESS_KEY] = "InvalidAccessKey",
    [JM_GATEWAY_SIGNATURE_DOES_NOT_MATCH] = "SignatureDoesNotMatch",
    [JM_GATEWAY_INVALID_AUTHORIZATION] = "InvalidAuthorization",
    [JM_GATEWAY_INVALID_CREDENTIAL] = "InvalidCredential",
    [JM_GATEWAY_INVALID_SECRET_TOKEN] = "InvalidSecretToken",
    [JM_GATEWAY_LACK_POLICY] = "LackPolicy",
    [JM_GATEWAY_ACCESS_DENIED] = "AccessDenied",
    [JM_GATEWAY_MISSING_PARAMETER] = "MissingParameter",
    [JM_GATEWAY_SERVICE_NOT_FOUND] = "ServiceNotFound",
    [JM_GATEWAY_INVALID_ACTION_OR_VERSION] = "InvalidActionOrVersion",
    [JM_GATEWAY_METHOD_NOT_ALLOWED] = "MethodNotAllowed",
    [JM_GATEWAY_INTERNAL_ERROR] = "InternalError",
    [JM_GATEWAY_INTERNAL_SERVICE_ERROR] = "InternalServiceError",
    [JM_GATEWAY_INTERNAL_SERVICE_TIMEOUT] = "InternalServiceTimeout"
};


jm_gateway_e
jm_gateway(jm_str_t name)
{
    size_t  i;

    if (name.len == 0) {
        return JM_GATEWAY_NONE;
    }

    for (i = JM_GATEWAY_NONE + 1; i < JM_GATEWAY_LAST; i++) {
        if (strlen(jm_gateway_names[i]) == name.len
            && memcmp(jm_gateway_names[i], name.data, name.len) == 0)
        {
            return (jm_gateway_e) i;
        }
    }

    return JM_GATEWAY_NONE;
}


const char *
jm_gateway_name(jm_gateway_e error)
{
    return jm_gateway_names[error];
}
