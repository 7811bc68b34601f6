
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the readers of both services' answers need.
 */


#include "jm_answer.h"


void
jm_answer_fail(jm_answer_t *a, jm_cause_e cause)
{
    a->event = JM_EVENT_FAILED;
    jm_error_set(&a->error, cause, NULL, NULL);
}


jm_str_t
jm_answer_text(const jm_json_t *node)
{
    static const jm_str_t  none = jm_null_string;

    if (node != NULL
        && (node->type == JM_JSON_STRING || node->type == JM_JSON_NUMBER))
    {
        return node->text;
    }

    return none;
}


unsigned
jm_answer_is_url(jm_str_t s)
{
    return (s.len > 7 && memcmp(s.data, "http://", 7) == 0)
           || (s.len > 8 && memcmp(s.data, "https://", 8) == 0);
}
