
/*
 * The number of an answer's code, as it is counted, logged and told.
 *
 * Seen failing with a fraction rounded to the next number.
 */


#include "tap.h"
#include "jm_visual.h"


static void
test_code(void)
{
    size_t              i;
    jm_answer_t         a;
    static const struct {
        const char     *code;
        int64_t         number;
    } cases[] = {
        { "", 0 },
        { "10000", JM_CODE_SUCCESS },
        { "50413", 50413 },
        { "51234", 51234 },
        { "InvalidAccessKey", -1 },
        { "50413x", -1 },
        { "50413.5", -1 },
        { "-50413", -1 },
        { "99999999999999999999", -1 }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        memset(&a, 0, sizeof(jm_answer_t));
        a.code = str(cases[i].code);

        is_int(jm_answer_code(&a), cases[i].number, "the number of \"%s\"",
               cases[i].code);
    }
}


int
main(void)
{
    test_code();

    return done_testing();
}
