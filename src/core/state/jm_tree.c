
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_tree.h"


static void jm_tree_rise(jm_store_t *s, jm_tree_t *tree,
    jm_tree_node_t *node);
static void jm_tree_hang(jm_store_t *s, jm_tree_t *tree, jm_ref_t parent,
    jm_ref_t was, jm_ref_t child);
static void jm_tree_count_up(jm_store_t *s, jm_ref_t ref, uint32_t add);
static jm_ref_t jm_tree_next(const jm_store_t *s, const jm_tree_node_t *node);
static unsigned jm_tree_is_before(jm_tree_key_t one, jm_tree_key_t two);
static uint64_t jm_tree_priority(jm_tree_key_t key);


void
jm_tree_insert(jm_store_t *s, jm_tree_t *tree, jm_tree_node_t *node,
    jm_tree_key_pt key)
{
    jm_ref_t         ref, parent;
    unsigned         left, first;
    uint64_t         priority;
    jm_tree_key_t    at;
    jm_tree_node_t  *p;

    at = key(node);
    parent = 0;
    left = 0;
    first = 1;

    for (ref = tree->root; ref != 0; ref = left ? p->left : p->right) {
        p = jm_to(s, ref);
        left = jm_tree_is_before(at, key(p));
        first &= left;
        parent = ref;
    }

    jm_put(s, node->left, 0);
    jm_put(s, node->right, 0);
    jm_put(s, node->parent, parent);
    jm_put(s, node->count, 1);

    ref = jm_ref(s, node);

    if (first) {
        jm_put(s, tree->first, ref);
    }

    if (parent == 0) {
        jm_put(s, tree->root, ref);
        return;
    }

    p = jm_to(s, parent);

    if (left) {
        jm_put(s, p->left, ref);

    } else {
        jm_put(s, p->right, ref);
    }

    jm_tree_count_up(s, parent, 1);

    priority = jm_tree_priority(at);

    while (node->parent != 0
           && jm_tree_priority(key(jm_to(s, node->parent))) < priority)
    {
        jm_tree_rise(s, tree, node);
    }
}


void
jm_tree_remove(jm_store_t *s, jm_tree_t *tree, jm_tree_node_t *node,
    jm_tree_key_pt key)
{
    jm_ref_t         ref, child;
    jm_tree_node_t  *left, *right;

    ref = jm_ref(s, node);

    if (tree->first == ref) {
        jm_put(s, tree->first, jm_tree_next(s, node));
    }

    /* what is below it rises, the one of higher priority each time */

    while (node->left != 0 && node->right != 0) {
        left = jm_to(s, node->left);
        right = jm_to(s, node->right);

        jm_tree_rise(s, tree, (jm_tree_priority(key(left))
                               > jm_tree_priority(key(right)))
                              ? left : right);
    }

    child = node->left ? node->left : node->right;

    if (child != 0) {
        jm_put(s, ((jm_tree_node_t *) jm_to(s, child))->parent, node->parent);
    }

    jm_tree_hang(s, tree, node->parent, ref, child);
    jm_tree_count_up(s, node->parent, UINT32_MAX);
}


/* a node and its parent change places, and nothing in the order */

static void
jm_tree_rise(jm_store_t *s, jm_tree_t *tree, jm_tree_node_t *node)
{
    jm_ref_t         ref, above, middle;
    jm_tree_node_t  *parent;

    ref = jm_ref(s, node);
    parent = jm_to(s, node->parent);
    above = node->parent;

    jm_tree_hang(s, tree, parent->parent, above, ref);
    jm_put(s, node->parent, parent->parent);
    jm_put(s, parent->parent, ref);

    if (parent->left == ref) {
        middle = node->right;
        jm_put(s, parent->left, middle);
        jm_put(s, node->right, above);

    } else {
        middle = node->left;
        jm_put(s, parent->right, middle);
        jm_put(s, node->left, above);
    }

    if (middle != 0) {
        jm_put(s, ((jm_tree_node_t *) jm_to(s, middle))->parent, above);
    }

    jm_put(s, node->count, parent->count);
    jm_put(s, parent->count, jm_tree_count(s, parent->left)
                             + jm_tree_count(s, parent->right) + 1);
}


/* puts a child, or nothing, where another was below a node, or the root */

static void
jm_tree_hang(jm_store_t *s, jm_tree_t *tree, jm_ref_t parent, jm_ref_t was,
    jm_ref_t child)
{
    jm_tree_node_t  *p;

    if (parent == 0) {
        jm_put(s, tree->root, child);
        return;
    }

    p = jm_to(s, parent);

    if (p->left == was) {
        jm_put(s, p->left, child);

    } else {
        jm_put(s, p->right, child);
    }
}


/* to add UINT32_MAX is to take 1 away */

static void
jm_tree_count_up(jm_store_t *s, jm_ref_t ref, uint32_t add)
{
    jm_tree_node_t  *node;

    for ( /* void */ ; ref != 0; ref = node->parent) {
        node = jm_to(s, ref);
        jm_put(s, node->count, node->count + add);
    }
}


/* the one after the first, which has none on its left */

static jm_ref_t
jm_tree_next(const jm_store_t *s, const jm_tree_node_t *node)
{
    jm_ref_t               ref, next;
    const jm_tree_node_t  *n;

    next = node->parent;

    for (ref = node->right; ref != 0; ref = n->left) {
        n = jm_to(s, ref);
        next = ref;
    }

    return next;
}


uint32_t
jm_tree_rank(const jm_store_t *s, const jm_tree_t *tree, jm_tree_key_t at,
    jm_tree_key_pt key)
{
    jm_ref_t               ref;
    uint32_t               rank;
    const jm_tree_node_t  *node;

    rank = 0;
    ref = tree->root;

    while (ref != 0) {
        node = jm_to(s, ref);

        if (jm_tree_is_before(key(node), at)) {
            rank += jm_tree_count(s, node->left) + 1;
            ref = node->right;

        } else {
            ref = node->left;
        }
    }

    return rank;
}


static unsigned
jm_tree_is_before(jm_tree_key_t one, jm_tree_key_t two)
{
    return one.tag < two.tag
           || (one.tag == two.tag && one.serial < two.serial);
}


/* as good as random (splitmix64), and the same in each process */

static uint64_t
jm_tree_priority(jm_tree_key_t key)
{
    uint64_t  x;

    x = key.serial * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);

    return x ^ x >> 31;
}
