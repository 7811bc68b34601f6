
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Sorted sets in a store, of what has a node in its record, that can tell how
 * many come before a key.  Each operation takes some 2 log n steps: a set is a
 * tree whose shape is that of one that was filled in a random order (a treap).
 */


#ifndef _JM_TREE_H_INCLUDED_
#define _JM_TREE_H_INCLUDED_


#include "jm_store.h"


/* by the tag, and of equal ones by the serial, which no two have */

typedef struct {
    uint64_t         tag;
    uint64_t         serial;
} jm_tree_key_t;


typedef struct {
    jm_ref_t         left;
    jm_ref_t         right;
    jm_ref_t         parent;        /* 0: it is the root */
    uint32_t         count;         /* of all below, and itself */
} jm_tree_node_t;


/* zeros: it is empty */

typedef struct {
    jm_ref_t         root;
    jm_ref_t         first;
} jm_tree_t;


/* Returns the key of a node, which must not change while that is in a tree. */
typedef jm_tree_key_t (*jm_tree_key_pt)(const jm_tree_node_t *node);


/* Puts in a node that is in no tree; takes out one that is in this one. */
void jm_tree_insert(jm_store_t *s, jm_tree_t *tree, jm_tree_node_t *node,
    jm_tree_key_pt key);
void jm_tree_remove(jm_store_t *s, jm_tree_t *tree, jm_tree_node_t *node,
    jm_tree_key_pt key);

/* Returns how many nodes come before a key, which need not be any node's. */
uint32_t jm_tree_rank(const jm_store_t *s, const jm_tree_t *tree,
    jm_tree_key_t at, jm_tree_key_pt key);


/* Returns the node with the least key, or NULL. */

static inline jm_tree_node_t *
jm_tree_first(const jm_store_t *s, const jm_tree_t *tree)
{
    return jm_at(s, tree->first);
}


/* Returns how many nodes are at a node and below, which may be none. */

static inline uint32_t
jm_tree_count(const jm_store_t *s, jm_ref_t node)
{
    return node ? ((const jm_tree_node_t *) jm_to(s, node))->count : 0;
}


#endif /* _JM_TREE_H_INCLUDED_ */
