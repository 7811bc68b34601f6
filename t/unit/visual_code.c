
/*
 * The number of an answer's code, as it is counted, logged and told.
 *
 * Seen failing with a fraction rounded to the next number.
 */


#include "tap.h"
#include "jm_visual.h"


#define ERROR(code)                                                           \
    "{\"ResponseMetadata\":{\"Error\":{\"Code\":\"" code "\"}}}"


static void
test_code(void)
{
    size_t              i;
    tap_mem_t           m;
    jm_answer_t         a;
    static const struct {
        const char     *body;
        int64_t         number;
    } cases[] = {
        { "{}", 0 },
        { "{\"code\":null}", 0 },
        { "{\"code\":\"InvalidAccessKey\"}", 0 },
        { "{\"code\":10000}", JM_CODE_SUCCESS },
        { "{\"code\":\"50413\"}", 50413 },
        { "{\"Result\":{\"code\":51234}}", 51234 },
        { "{\"code\":-50413}", -1 },
        { ERROR("50413"), 50413 },
        { ERROR("InvalidAccessKey"), -1 },
        { ERROR("50413x"), -1 },
        { ERROR("50413.5"), -1 },
        { ERROR("-50413"), -1 },
        { ERROR("99999999999999999999"), -1 },
        { ERROR(""), 0 }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        tap_mem_init(&m, 0);

        is_int(jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_WHOLE, 200,
                              str(cases[i].body), &m.mem),
               JM_OK, "%s is read", cases[i].body);
        is_int(a.number, cases[i].number, "and its number is known");

        tap_mem_done(&m);
    }
}


int
main(void)
{
    test_code();

    return done_testing();
}
