
/*
 * A tree by itself, beside a sorted array that has the same in it: what is
 * first, and how many come before a key, after each of many operations; that
 * its depth stays small, however it is filled, and its shape is always that of
 * a new one; and its operations one
 * instruction at a time: after each that has changed the memory another
 * process takes over, and finds all of an operation, or nothing of it.
 *
 * Seen failing with each of these taken out: the serial in jm_tree_is_before(),
 * each store of jm_tree_rise(), the priorities in both loops, jm_tree_next(),
 * the look at the first in jm_tree_insert(), both jm_tree_count_up(), and the
 * parent of what takes a node's place; and with each store of jm_tree_hang()
 * that is not entered in the log.
 */


#include "processes.h"
#include "store.h"
#include "jm_tree.h"


#define ITEMS       1000
#define OPERATIONS  100000
#define SORTED      100000      /* that come in their order */
#define STEPPED_OF  24          /* items of the tree that is stepped through */


typedef struct {
    jm_tree_node_t       node;
    uint32_t             in;        /* it is in the tree */
    uint32_t             unused;
    jm_tree_key_t        key;
} item_t;


typedef struct {
    jm_tree_t            tree;
    uint64_t             step;      /* how much was done, by the steps */
    item_t               items[];
} world_t;


static unsigned short  seed[3] = { 3, 7392, 616 };


static item_t *
item(const jm_tree_node_t *node)
{
    return (item_t *) (void *) ((uint8_t *) node - offsetof(item_t, node));
}


static jm_tree_key_t
key_of(const jm_tree_node_t *node)
{
    return item(node)->key;
}


/* items whose serials are their numbers, from 1, in a store's head */

static world_t *
start(jm_store_t *s, unsigned n)
{
    size_t    size;
    unsigned  i;
    world_t  *w;

    size = sizeof(world_t) + n * sizeof(item_t);

    store_init(s, store_size(sizeof(jm_store_shared_t) + size, 1));

    w = jm_store_head(s, size);

    if (jm_store_records(s, 1, 1) != JM_OK) {
        abort();
    }

    for (i = 0; i < n; i++) {
        w->items[i].key.serial = i + 1;
    }

    return w;
}


static void
put_in(jm_store_t *s, world_t *w, item_t *it)
{
    jm_put(s, it->in, 1);
    jm_tree_insert(s, &w->tree, &it->node, key_of);
}


static void
take_out(jm_store_t *s, world_t *w, item_t *it)
{
    jm_put(s, it->in, 0);
    jm_tree_remove(s, &w->tree, &it->node, key_of);
}


static int
is_before(jm_tree_key_t one, jm_tree_key_t two)
{
    return one.tag != two.tag ? one.tag < two.tag : one.serial < two.serial;
}


/* how deep it is, or -1: it is broken; *last is the last key so far */

static int
depth(const jm_store_t *s, jm_ref_t ref, jm_ref_t parent, jm_tree_key_t *last)
{
    int                    left, right;
    const jm_tree_node_t  *node;

    if (ref == 0) {
        return 0;
    }

    node = jm_to(s, ref);

    if (!item(node)->in || node->parent != parent
        || node->count != jm_tree_count(s, node->left)
                          + jm_tree_count(s, node->right) + 1)
    {
        return -1;
    }

    left = depth(s, node->left, ref, last);

    if (left < 0 || !is_before(*last, key_of(node))) {
        return -1;
    }

    *last = key_of(node);

    right = depth(s, node->right, ref, last);

    return right < 0 ? -1 : 1 + jm_max(left, right);
}


static int
whole_depth(const jm_store_t *s, const world_t *w)
{
    jm_tree_key_t  last;

    memset(&last, 0, sizeof(jm_tree_key_t));

    return depth(s, w->tree.root, 0, &last);
}


/* ---- beside an array */


static item_t    *sorted[ITEMS];
static unsigned   nsorted;


/* how many come before a key */

static unsigned
position(jm_tree_key_t key)
{
    unsigned  i;

    for (i = 0; i < nsorted && is_before(sorted[i]->key, key); i++) {
        /* void */
    }

    return i;
}


static void
change(jm_store_t *s, world_t *w, item_t *it)
{
    unsigned  at;

    if (it->in) {
        at = position(it->key);
        nsorted--;
        memmove(&sorted[at], &sorted[at + 1],
                (nsorted - at) * sizeof(sorted[0]));

        take_out(s, w, it);
        return;
    }

    /* many have the same tag */

    it->key.tag = (uint64_t) nrand48(seed) % 100;

    at = position(it->key);
    memmove(&sorted[at + 1], &sorted[at], (nsorted - at) * sizeof(sorted[0]));
    sorted[at] = it;
    nsorted++;

    put_in(s, w, it);
}


/* whether a tree has the shape that it has when it is filled anew */

static int
same_shape(const jm_store_t *one, jm_ref_t a, const jm_store_t *two,
    jm_ref_t b)
{
    const jm_tree_node_t  *m, *n;

    if (a == 0 || b == 0) {
        return a == b;
    }

    m = jm_to(one, a);
    n = jm_to(two, b);

    return item(m)->key.serial == item(n)->key.serial
           && same_shape(one, m->left, two, n->left)
           && same_shape(one, m->right, two, n->right);
}


static void
is_as_new(const jm_store_t *s, const world_t *w)
{
    unsigned    i;
    world_t    *anew;
    jm_store_t  other;

    anew = start(&other, ITEMS);

    for (i = 0; i < ITEMS; i++) {

        if (w->items[i].in) {
            anew->items[i].key = w->items[i].key;

            jm_store_begin(&other);
            put_in(&other, anew, &anew->items[i]);
            jm_store_commit(&other);
        }
    }

    ok(same_shape(s, w->tree.root, &other, anew->tree.root),
       "its shape says nothing of what was done");

    store_done(&other);
}


static void
test_random(void)
{
    unsigned              i, rank, first, broken;
    world_t              *w;
    jm_store_t            s;
    jm_tree_key_t         key;
    const jm_tree_node_t *node;

    w = start(&s, ITEMS);
    rank = 0;
    first = 0;
    broken = 0;

    for (i = 0; i < OPERATIONS; i++) {
        jm_store_begin(&s);
        change(&s, w, &w->items[nrand48(seed) % ITEMS]);
        jm_store_commit(&s);

        node = jm_tree_first(&s, &w->tree);
        first += (nsorted ? node != &sorted[0]->node : node != NULL);

        /* of one that may be there, or between two, or behind all */

        key.tag = (uint64_t) nrand48(seed) % 101;
        key.serial = (i % 8) ? (uint64_t) nrand48(seed) % ITEMS : UINT64_MAX;
        rank += (jm_tree_rank(&s, &w->tree, key, key_of) != position(key));

        broken += (jm_tree_count(&s, w->tree.root) != nsorted);

        if (i % 16 == 0) {
            broken += (whole_depth(&s, w) < 0);
        }
    }

    is_int(broken, 0, "%u operations: whole", OPERATIONS);
    is_int(first, 0, "and what is first");
    is_int(rank, 0, "and how many come before a key");
    ok(nsorted > ITEMS / 4, "%u are in it", nsorted);
    is_as_new(&s, w);

    while (nsorted != 0) {
        jm_store_begin(&s);
        change(&s, w, sorted[nsorted / 2]);
        jm_store_commit(&s);
    }

    ok(w->tree.root == 0 && w->tree.first == 0, "then none");

    store_done(&s);
}


/* most come as the last, and go as the first */

static void
test_sorted(void)
{
    int         deep, wrong;
    unsigned    i;
    uint32_t    most;
    world_t    *w;
    jm_store_t  s;

    w = start(&s, SORTED);
    most = 0;
    wrong = 0;

    for (i = 0; i < SORTED; i++) {
        w->items[i].key.tag = i / 3;

        jm_store_begin(&s);
        put_in(&s, w, &w->items[i]);
        most = jm_max(most, s.shared->nundo);
        jm_store_commit(&s);
    }

    deep = whole_depth(&s, w);
    ok(deep > 0 && deep < 60, "%u in their order: it is %d deep", SORTED, deep);

    for (i = 0; i < SORTED; i++) {
        wrong += (jm_tree_first(&s, &w->tree) != &w->items[i].node);

        jm_store_begin(&s);
        take_out(&s, w, &w->items[i]);
        most = jm_max(most, s.shared->nundo);
        jm_store_commit(&s);
    }

    is_int(wrong, 0, "and go in it");
    ok(most < JM_STORE_UNDO / 4, "with no more than %u stores each", most);

    store_done(&s);
}


/* ---- one instruction at a time */


static void
live(void *data)
{
    unsigned     i;
    world_t     *w;
    jm_store_t  *s = data;

    w = (world_t *) (void *) (s->shared + 1);

    for (i = 0; i < 2 * STEPPED_OF; i++) {
        jm_store_begin(s);

        if (i < STEPPED_OF) {
            put_in(s, w, &w->items[i]);

        } else {
            take_out(s, w, &w->items[(i * 7) % STEPPED_OF]);
        }

        jm_put(s, w->step, w->step + 1);
        jm_store_commit(s);
    }
}


static void  *copied;


static const char *
take_over(void *data)
{
    world_t     *w;
    uint64_t     n;
    jm_store_t   s = *(jm_store_t *) data;

    s.shared = copied;

    jm_store_begin(&s);

    w = (world_t *) (void *) (s.shared + 1);
    n = w->step < STEPPED_OF ? w->step : 2 * STEPPED_OF - w->step;

    if (whole_depth(&s, w) < 0) {
        return "it is not whole";
    }

    if (jm_tree_count(&s, w->tree.root) != n) {
        return "it has something else in it";
    }

    if (n != 0 && jm_tree_rank(&s, &w->tree,
                               key_of(jm_tree_first(&s, &w->tree)), key_of)
                  != 0)
    {
        return "the first is not the first";
    }

    return NULL;
}


static void
test_steps(void)
{
    unsigned    i;
    world_t    *w;
    steps_t     steps;
    jm_store_t  s;

    w = start(&s, STEPPED_OF);

    for (i = 0; i < STEPPED_OF; i++) {
        w->items[i].key.tag = (i * 5) % 16;
    }

    steps.memory = s.shared;
    steps.size = s.size;
    steps.at = store_memory(s.size);
    steps.live = live;
    steps.take_over = take_over;
    steps.data = &s;
    copied = steps.at;

    steps_ok(&steps, 1000);

    munmap(steps.at, s.size);
    store_done(&s);
}


int
main(void)
{
    test_random();
    test_sorted();
    test_steps();

    return done_testing();
}
