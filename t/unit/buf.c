
/*
 * The buffer: growth, the cap, the sticky error, and every allocation that
 * can fail.
 */


#include "tap.h"
#include "jm_buf.h"


static void
test_growth(void)
{
    size_t     i;
    jm_buf_t   b;
    tap_mem_t  m;

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 4, 100);

    is_int((int64_t) m.calls, 0, "nothing is allocated before the first byte");
    is_int((int64_t) jm_buf_view(&b).len, 0, "an empty buffer's view is empty");

    jm_buf_add(&b, NULL, 0);
    jm_buf_add(&b, "x", 0);
    jm_buf_str(&b, str(NULL));
    is_int((int64_t) m.calls, 0, "nor for no bytes");
    is_int(b.rc, JM_OK, "no bytes are no error");

    jm_buf_add(&b, "ab", 2);
    jm_buf_literal(&b, "cd");
    is_str(jm_buf_view(&b), "abcd", "what was added");
    is_int((int64_t) m.calls, 1, "is in one allocation");
    is_int((int64_t) b.size, 4, "of the size asked for");

    jm_buf_str(&b, str("e"));
    is_str(jm_buf_view(&b), "abcde", "the buffer grows");
    is_int((int64_t) b.size, 8, "to twice its size");
    is_int((int64_t) m.live, 1, "and frees what it had");

    jm_buf_add(&b, "0123456789012345678901234567", 28);
    is_int((int64_t) b.size, 64, "it doubles until the bytes fit");
    is_str(jm_buf_view(&b), "abcde0123456789012345678901234567",
           "and keeps them all");

    for (i = b.len; i < 100; i++) {
        jm_buf_literal(&b, ".");
    }

    is_int(b.rc, JM_OK, "it can be filled up to its cap");
    is_int((int64_t) b.size, 100, "which bounds its size");

    jm_buf_literal(&b, "!");
    is_int(b.rc, JM_ERROR, "one byte more is an error");
    is_int((int64_t) b.len, 100, "and is not added");

    tap_mem_done(&m);
}


static void
test_sticky(void)
{
    jm_buf_t   b;
    tap_mem_t  m;

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 2, 5);

    jm_buf_literal(&b, "abc");
    jm_buf_literal(&b, "def");
    is_int(b.rc, JM_ERROR, "three more than fit under the cap");
    is_str(jm_buf_view(&b), "abc", "are left out as a whole");

    jm_buf_literal(&b, "d");
    is_int(b.rc, JM_ERROR, "the error stays");
    is_str(jm_buf_view(&b), "abc", "and what would fit is ignored");

    tap_mem_done(&m);
}


static void
test_sizes(void)
{
    jm_buf_t   b;
    tap_mem_t  m;

    tap_mem_init(&m, 0);

    jm_buf_init(&b, &m.mem, 0, 10);
    jm_buf_literal(&b, "abcdefghij");
    is_str(jm_buf_view(&b), "abcdefghij", "a size of 0 grows, too");

    tap_mem_done(&m);
    tap_mem_init(&m, 0);

    jm_buf_init(&b, &m.mem, 100, 3);
    jm_buf_literal(&b, "abc");
    is_str(jm_buf_view(&b), "abc", "a size over the cap");
    is_int((int64_t) m.bytes, 3, "is the cap");

    tap_mem_done(&m);
    tap_mem_init(&m, 0);

    jm_buf_init(&b, &m.mem, 8, 0);
    jm_buf_literal(&b, "a");
    is_int(b.rc, JM_ERROR, "a cap of 0 holds nothing");
    is_int((int64_t) m.calls, 0, "and allocates nothing");

    jm_buf_init(&b, &m.mem, 8, SIZE_MAX);
    jm_buf_literal(&b, "a");
    jm_buf_add(&b, "", SIZE_MAX);
    is_int(b.rc, JM_ERROR, "a length that overflows does not");

    tap_mem_done(&m);
}


static void
test_fixed(void)
{
    char      space[4];
    jm_buf_t  b;

    jm_buf_fixed(&b, space, sizeof(space));
    jm_buf_literal(&b, "ab");
    jm_buf_literal(&b, "cd");
    is_str(jm_buf_view(&b), "abcd", "a fixed buffer takes its size");
    ok(b.data == (uint8_t *) space, "in the place it was given");

    jm_buf_literal(&b, "e");
    is_int(b.rc, JM_ERROR, "and not one byte more");
    is_str(jm_buf_view(&b), "abcd", "of which nothing is added");

    jm_buf_fixed(&b, space, 0);
    jm_buf_add(&b, "", 0);
    is_int(b.rc, JM_OK, "a fixed buffer of no size takes no bytes");
    jm_buf_literal(&b, "e");
    is_int(b.rc, JM_ERROR, "and no byte");
}


static void
test_failures(void)
{
    size_t     n, i, len;
    jm_buf_t   b;
    tap_mem_t  m;

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        jm_buf_init(&b, &m.mem, 1, 1000);

        for (i = 0, len = 0; i < 1000 && b.rc == JM_OK; i++) {
            len = b.len;
            jm_buf_literal(&b, "x");
        }

        if (tap_mem_unfailed(&m)) {
            tap_mem_done(&m);
            break;
        }

        is_int(b.rc, JM_ERROR, "allocation %zu fails", n);
        is_int((int64_t) b.len, (int64_t) len, "what was there stays");

        m.fail = 0;
        jm_buf_literal(&b, "x");
        is_int(b.rc, JM_ERROR, "and so does the error");
        is_int((int64_t) m.live, n > 1, "and nothing is lost");

        tap_mem_done(&m);
    }

    is_int((int64_t) n, 12, "1000 bytes took 11 allocations");
    is_int(b.rc, JM_OK, "of which none failed");
}


int
main(void)
{
    test_growth();
    test_sticky();
    test_sizes();
    test_fixed();
    test_failures();

    return done_testing();
}
