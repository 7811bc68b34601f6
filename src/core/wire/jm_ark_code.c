
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ark_code.h"


#define JM_ARK_PROMPT                                                         \
    "The prompt was refused by the provider's content policy; change it."

#define JM_ARK_IMAGE                                                          \
    "An input picture was refused by the provider's content policy; use "     \
    "another one."

#define JM_ARK_TEXT                                                           \
    "The text that was made was refused by the provider's content policy; "   \
    "change the prompt."

#define JM_ARK_PICTURE                                                        \
    "The picture that was made was refused by the provider's content "        \
    "policy; change the prompt, or try again."

#define JM_ARK_INVALID                                                        \
    "The image provider could not use the request; see that its fields are "  \
    "what this model takes, and that every picture's URL can be read from "   \
    "the internet."

#define jm_ark_content(name, stage, transient, message)                       \
    { jm_string(name), JM_ARK_CONTENT, stage, transient, message }

#define jm_ark_other(name, about, message)                                    \
    { jm_string(name), about, JM_STAGE_UNSAID, 0, message }


static const jm_ark_code_t  jm_ark_codes[] = {

    jm_ark_content("InputTextSensitiveContentDetected", JM_STAGE_INPUT, 0,
                   JM_ARK_PROMPT),
    jm_ark_content("InputTextRiskDetection", JM_STAGE_INPUT, 0,
                   JM_ARK_PROMPT),
    jm_ark_content("InputImageSensitiveContentDetected", JM_STAGE_INPUT, 0,
                   JM_ARK_IMAGE),
    jm_ark_content("InputImageRiskDetection", JM_STAGE_INPUT, 0,
                   JM_ARK_IMAGE),
    jm_ark_content("OutputTextSensitiveContentDetected", JM_STAGE_OUTPUT, 0,
                   JM_ARK_TEXT),
    jm_ark_content("OutputTextRiskDetection", JM_STAGE_OUTPUT, 0,
                   JM_ARK_TEXT),
    jm_ark_content("OutputImageSensitiveContentDetected", JM_STAGE_OUTPUT, 1,
                   JM_ARK_PICTURE),
    jm_ark_content("OutputImageRiskDetection", JM_STAGE_OUTPUT, 1,
                   JM_ARK_PICTURE),
    jm_ark_content("SensitiveContentDetected", JM_STAGE_UNSAID, 0, NULL),

    jm_ark_other("InvalidParameter", JM_ARK_REQUEST, JM_ARK_INVALID),
    jm_ark_other("MissingParameter", JM_ARK_REQUEST, JM_ARK_INVALID),

    /* a quota is the operator's to raise: waiting for seconds does not help */

    jm_ark_other("AuthenticationError", JM_ARK_ACCOUNT, NULL),
    jm_ark_other("AccountOverdueError", JM_ARK_ACCOUNT, NULL),
    jm_ark_other("AccessDenied", JM_ARK_ACCOUNT, NULL),
    jm_ark_other("OperationDenied", JM_ARK_ACCOUNT, NULL),
    jm_ark_other("QuotaExceeded", JM_ARK_ACCOUNT, NULL),
    jm_ark_other("SetLimitExceeded", JM_ARK_ACCOUNT, NULL),

    jm_ark_other("ModelNotOpen", JM_ARK_MODEL, NULL),
    jm_ark_other("InvalidEndpointOrModel", JM_ARK_MODEL, NULL),

    jm_ark_other("RateLimitExceeded", JM_ARK_BUSY, NULL),
    jm_ark_other("ModelAccountRpmRateLimitExceeded", JM_ARK_BUSY, NULL),
    jm_ark_other("ModelAccountIpmRateLimitExceeded", JM_ARK_BUSY, NULL),
    jm_ark_other("AccountRateLimitExceeded", JM_ARK_BUSY, NULL),
    jm_ark_other("RequestBurstTooFast", JM_ARK_BUSY, NULL),
    jm_ark_other("ServerOverloaded", JM_ARK_BUSY, NULL)
};


static const jm_cause_e  jm_ark_causes[] = {
    [JM_ARK_CONTENT] = JM_CAUSE_CONTENT_POLICY,
    [JM_ARK_REQUEST] = JM_CAUSE_INVALID_REQUEST,
    [JM_ARK_ACCOUNT] = JM_CAUSE_UPSTREAM_AUTH,
    [JM_ARK_MODEL] = JM_CAUSE_UPSTREAM_AUTH,
    [JM_ARK_BUSY] = JM_CAUSE_UPSTREAM_RATE_LIMITED
};


const jm_ark_code_t *
jm_ark_code(jm_str_t code)
{
    size_t                i;
    const jm_ark_code_t  *row;

    for (i = 0; i < jm_nitems(jm_ark_codes); i++) {
        row = &jm_ark_codes[i];

        if (code.len >= row->name.len
            && memcmp(code.data, row->name.data, row->name.len) == 0
            && (code.len == row->name.len
                || code.data[row->name.len] == '.'))
        {
            return row;
        }
    }

    return NULL;
}


const jm_ark_code_t *
jm_ark_code_row(size_t i)
{
    return i < jm_nitems(jm_ark_codes) ? &jm_ark_codes[i] : NULL;
}


void
jm_ark_code_error(jm_error_t *e, const jm_ark_code_t *row)
{
    if (row->message == NULL) {
        jm_error_set(e, jm_ark_causes[row->about], NULL, NULL);

    } else {
        jm_error_set(e, jm_ark_causes[row->about], NULL, "%s", row->message);
    }

    e->stage = row->stage;
    e->transient = row->transient;
}
