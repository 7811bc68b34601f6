
/*
 * The hash for tables, by the test vectors that its authors publish, in one
 * piece and in two.
 *
 * Seen failing with the multiplication before the exclusive or (FNV-1).
 */


#include "tap.h"
#include "jm_hash.h"


int
main(void)
{
    size_t              i;
    jm_str_t            text;
    uint64_t            hash;
    static const struct {
        const char     *text;
        uint64_t        hash;
    } cases[] = {
        { "", UINT64_C(0xcbf29ce484222325) },
        { "a", UINT64_C(0xaf63dc4c8601ec8c) },
        { "foobar", UINT64_C(0x85944171f73967e8) }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        text = str(cases[i].text);

        hash = jm_hash(JM_HASH_START, text.data, text.len);
        ok(hash == cases[i].hash, "\"%s\"", cases[i].text);

        hash = jm_hash(JM_HASH_START, text.data, text.len / 2);
        hash = jm_hash(hash, text.data + text.len / 2,
                       text.len - text.len / 2);
        ok(hash == cases[i].hash, "in two pieces");
    }

    return done_testing();
}
