
/*
 * Rings, and their order after a sort.  Seen failing with "<=" in place of "<"
 * in jm_ring_merge(), which turns equals round.
 */


#include "tap.h"

#include "jm_ring.h"


#define LINKS  1000


typedef struct {
    jm_ring_t        link;
    uint64_t         order;
    unsigned         number;
} item_t;


static item_t  items[LINKS];


static uint64_t
order(const jm_ring_t *link)
{
    return ((const item_t *) (const void *) link)->order;
}


/* the numbers of what is in a ring, each a letter, there and back */

static const char *
letters(const jm_ring_t *head)
{
    char             *p;
    const jm_ring_t  *link;

    static char  text[64];

    p = text;

    for (link = head->next; link != head; link = link->next) {
        *p++ = (char) ('a' + ((const item_t *) (const void *) link)->number);
    }

    *p++ = ' ';

    for (link = head->prev; link != head; link = link->prev) {
        *p++ = (char) ('a' + ((const item_t *) (const void *) link)->number);
    }

    *p = '\0';

    return text;
}


static void
test_ring(void)
{
    unsigned   i;
    jm_ring_t  head;

    for (i = 0; i < 4; i++) {
        items[i].number = i;
    }

    jm_ring_init(&head);
    is_cstr(letters(&head), " ", "empty");

    jm_ring_insert(&head, &items[0].link);
    is_cstr(letters(&head), "a a", "one");

    jm_ring_insert(head.prev, &items[1].link);
    jm_ring_insert(&head, &items[2].link);
    jm_ring_insert(&items[0].link, &items[3].link);
    is_cstr(letters(&head), "cadb bdac", "last, first, and after another");

    jm_ring_remove(&items[0].link);
    jm_ring_remove(&items[2].link);
    is_cstr(letters(&head), "db bd", "from the middle, and the first");

    jm_ring_remove(&items[1].link);
    jm_ring_remove(&items[3].link);
    is_cstr(letters(&head), " ", "all");
}


/* n links in an order of their own, with as many that are equal */

static void
test_sort(unsigned n, unsigned equal)
{
    unsigned       i, good;
    jm_ring_t     *list;
    const item_t  *item, *last;

    list = NULL;

    for (i = n; i > 0; i--) {
        items[i - 1].number = i;
        items[i - 1].order = i * 7919 % LINKS / equal;
        items[i - 1].link.next = list;
        list = &items[i - 1].link;
    }

    good = 1;
    last = NULL;
    i = 0;

    for (list = jm_ring_sort(list, order); list != NULL; list = list->next) {
        item = (const item_t *) (const void *) list;
        i++;

        good &= (last == NULL || last->order < item->order
                 || (last->order == item->order
                     && last->number < item->number));
        last = item;
    }

    ok(good && i == n, "%u sorted, %u equal", n, equal);
}


int
main(void)
{
    test_ring();

    test_sort(0, 1);
    test_sort(1, 1);
    test_sort(2, 1);
    test_sort(63, 1);
    test_sort(64, 3);
    test_sort(LINKS, 1);
    test_sort(LINKS, 10);
    test_sort(LINKS, LINKS);

    return done_testing();
}
