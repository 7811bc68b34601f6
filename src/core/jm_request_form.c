
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A form as the tree that the same request would be in JSON.
 */


#include "jm_request_field.h"
#include "jm_text.h"


typedef struct {
    jm_request_ctx_t  *ctx;
    jm_mem_t          *mem;
    jm_json_t         *nodes[JM_FIELD_LAST];
} jm_request_form_t;


/* the name of a part, taken apart: "images[]", "watermark[position]" */

typedef struct {
    jm_field_e         field;
    unsigned           array;
    jm_str_t           member;      /* empty unless it is of an object */
} jm_request_name_t;


static jm_rc_e jm_request_form_add(jm_request_form_t *f,
    const jm_form_field_t *part);
static void jm_request_form_name(jm_request_name_t *name, jm_str_t s);
static unsigned jm_request_form_picture(jm_field_e field);
static unsigned jm_request_form_away(const jm_form_field_t *part);
static jm_rc_e jm_request_form_image(jm_request_form_t *f,
    const jm_request_name_t *name, const jm_form_field_t *part);
static jm_rc_e jm_request_form_value(jm_request_form_t *f,
    const jm_request_name_t *name, const jm_form_field_t *part);
static jm_rc_e jm_request_form_read(jm_request_form_t *f,
    const jm_request_name_t *name, jm_str_t text, jm_json_t **node);
static unsigned jm_request_form_types(const jm_request_name_t *name);
static jm_json_t *jm_request_form_string(jm_request_form_t *f,
    const jm_form_field_t *part);
static jm_json_t *jm_request_form_node(jm_request_form_t *f,
    jm_json_type_e type);
static void jm_request_form_append(jm_json_t *list, jm_json_t *node);


#define jm_type(t)          (1u << (t))


jm_rc_e
jm_request_read_form(jm_request_t *r, const jm_form_field_t *fields, size_t n,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e)
{
    size_t             i;
    jm_rc_e            rc;
    jm_request_ctx_t   ctx;
    jm_request_form_t  f;

    jm_request_init(&ctx, r, rules, e);

    ctx.form = fields;
    ctx.nform = n;

    memset(&f, 0, sizeof(jm_request_form_t));

    f.ctx = &ctx;
    f.mem = mem;

    for (i = 0; i < n; i++) {
        rc = jm_request_form_add(&f, &fields[i]);

        if (rc != JM_OK) {
            return rc;
        }
    }

    for (i = 0; i < JM_FIELD_LAST; i++) {
        ctx.fields[i] = f.nodes[i];
    }

    return jm_request_run(&ctx);
}


static jm_rc_e
jm_request_form_add(jm_request_form_t *f, const jm_form_field_t *part)
{
    const char         *known;
    jm_request_name_t   name;

    jm_request_form_name(&name, part->name);

    if (name.field != JM_FIELD_LAST && jm_request_form_picture(name.field)) {
        return jm_request_form_image(f, &name, part);
    }

    known = name.field == JM_FIELD_LAST
            ? NULL : jm_request_fields[name.field].name;

    /* A picture that got lost would be billed for nothing. */

    if (part->file) {
        return jm_request_refuse(f->ctx, known,
                                 "The form has a file in a field that is not "
                                 "for one; pictures go into \"image\" or "
                                 "\"image[]\".");
    }

    if (known == NULL) {
        return JM_OK;
    }

    return jm_request_form_value(f, &name, part);
}


static void
jm_request_form_name(jm_request_name_t *name, jm_str_t s)
{
    jm_str_t        base;
    const uint8_t  *p;

    memset(name, 0, sizeof(jm_request_name_t));

    base = s;

    p = s.len != 0 && s.data[s.len - 1] == ']'
        ? memchr(s.data, '[', s.len) : NULL;

    if (p != NULL) {
        base.len = (size_t) (p - s.data);

        name->array = 1;
        name->member.data = p + 1;
        name->member.len = s.len - base.len - 2;
    }

    name->field = jm_request_find(base);

    if (p == NULL || name->field == JM_FIELD_LAST) {
        return;
    }

    /* nothing but a list of pictures, or a member of an object */

    if (name->member.len == 0
        ? !jm_request_form_picture(name->field)
        : (jm_request_form_picture(name->field)
           || jm_request_fields[name->field].types == ~0u
           || !(jm_request_fields[name->field].types
                & jm_type(JM_JSON_OBJECT))))
    {
        name->field = JM_FIELD_LAST;
    }
}


static unsigned
jm_request_form_picture(jm_field_e field)
{
    return field == JM_FIELD_IMAGE || field == JM_FIELD_IMAGES
           || field == JM_FIELD_MASK;
}


/* whether its value was not kept, which nothing empty needs to be */

static unsigned
jm_request_form_away(const jm_form_field_t *part)
{
    return part->file || (part->value.data == NULL && part->len != 0);
}


/* a name that comes again, too, makes an array */

static jm_rc_e
jm_request_form_image(jm_request_form_t *f, const jm_request_name_t *name,
    const jm_form_field_t *part)
{
    jm_json_t  *node, *list;

    if (part->value.len == 0 && !jm_request_form_away(part)) {
        return JM_OK;
    }

    node = jm_request_form_string(f, part);

    if (node == NULL) {
        return JM_ERROR;
    }

    list = f->nodes[name->field];

    if (list == NULL && !name->array && name->field != JM_FIELD_IMAGES) {
        f->nodes[name->field] = node;
        return JM_OK;
    }

    if (list == NULL || list->type != JM_JSON_ARRAY) {
        list = jm_request_form_node(f, JM_JSON_ARRAY);

        if (list == NULL) {
            return JM_ERROR;
        }

        if (f->nodes[name->field] != NULL) {
            jm_request_form_append(list, f->nodes[name->field]);
        }

        f->nodes[name->field] = list;
    }

    jm_request_form_append(list, node);

    return JM_OK;
}


static jm_rc_e
jm_request_form_value(jm_request_form_t *f, const jm_request_name_t *name,
    const jm_form_field_t *part)
{
    size_t       n;
    jm_rc_e      rc;
    jm_json_t   *node, *object;
    const char  *known;

    known = jm_request_fields[name->field].name;

    if (jm_request_form_away(part)) {
        node = jm_request_form_string(f, part);

    } else if (part->value.len == 0) {
        return JM_OK;

    } else if (jm_utf8_length(part->value, &n) != JM_OK) {
        return jm_request_refuse(f->ctx, known,
                                 "The field \"%s\" must be UTF-8.", known);

    } else {
        rc = jm_request_form_read(f, name, part->value, &node);

        if (rc != JM_OK) {
            return rc;
        }

        if (node == NULL) {
            node = jm_request_form_string(f, part);
        }
    }

    if (node == NULL) {
        return JM_ERROR;
    }

    if (name->member.len == 0) {
        f->nodes[name->field] = node;
        return JM_OK;
    }

    node->key = name->member;
    object = f->nodes[name->field];

    if (object == NULL || object->type != JM_JSON_OBJECT) {
        object = jm_request_form_node(f, JM_JSON_OBJECT);

        if (object == NULL) {
            return JM_ERROR;
        }

        f->nodes[name->field] = object;
    }

    jm_request_form_append(object, node);

    return JM_OK;
}


/* sets node to NULL where the text is to be taken as it is */

static jm_rc_e
jm_request_form_read(jm_request_form_t *f, const jm_request_name_t *name,
    jm_str_t text, jm_json_t **node)
{
    jm_rc_e      rc;
    unsigned     types;
    jm_json_t   *root;
    const char  *why;

    *node = NULL;

    types = jm_request_form_types(name)
            & ~(jm_type(JM_JSON_STRING)|jm_type(JM_JSON_NULL));

    if (types == 0) {
        return JM_OK;
    }

    rc = jm_json_read(&root, text, &jm_request_limits, f->mem, &why);

    if (rc == JM_OK && (types & jm_type(root->type))) {
        *node = root;
    }

    return rc == JM_ERROR ? JM_ERROR : JM_OK;
}


/* a producer's id may be all digits, and is a string */

static unsigned
jm_request_form_types(const jm_request_name_t *name)
{
    if (name->member.len == 0) {
        return jm_request_fields[name->field].types;
    }

    if (name->field == JM_FIELD_AIGC_META
        || jm_str_eq(&name->member, "logo_text_content"))
    {
        return jm_type(JM_JSON_STRING);
    }

    return jm_type(JM_JSON_BOOL)|jm_type(JM_JSON_NUMBER);
}


/* what is not in memory is stood for by the address of its part */

static jm_json_t *
jm_request_form_string(jm_request_form_t *f, const jm_form_field_t *part)
{
    jm_json_t  *node;

    node = jm_request_form_node(f, JM_JSON_STRING);

    if (node == NULL) {
        return NULL;
    }

    node->text = part->value;

    if (jm_request_form_away(part)) {
        node->text.data = (const uint8_t *) part;
        node->text.len = 0;
    }

    return node;
}


static jm_json_t *
jm_request_form_node(jm_request_form_t *f, jm_json_type_e type)
{
    jm_json_t  *node;

    node = f->mem->alloc(f->mem->ctx, sizeof(jm_json_t));

    if (node != NULL) {
        memset(node, 0, sizeof(jm_json_t));
        node->type = type;
    }

    return node;
}


static void
jm_request_form_append(jm_json_t *list, jm_json_t *node)
{
    jm_json_t  **last;

    for (last = &list->child; *last != NULL; last = &(*last)->next) {
        /* void */
    }

    *last = node;
    list->count++;
}
