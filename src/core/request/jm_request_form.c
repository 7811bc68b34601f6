
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A form is made into the tree that the same request would be in JSON.
 */


#include "jm_request_field.h"
#include "jm_text.h"


typedef struct {
    jm_request_ctx_t  *ctx;
    jm_mem_t          *mem;
    jm_json_t         *nodes[JM_FIELD_LAST];
} jm_request_form_t;


/* the name of a part, taken apart: "image[0]", "watermark[position]" */

typedef struct {
    jm_field_e         field;
    unsigned           array;
    jm_str_t           member;      /* of an object; a picture's number */
} jm_request_name_t;


static jm_rc_e jm_request_form_add(jm_request_form_t *f,
    const jm_form_field_t *part);
static void jm_request_form_name(jm_request_name_t *name, jm_str_t s);
static jm_rc_e jm_request_form_charset(jm_request_form_t *f,
    const jm_form_field_t *part);
static unsigned jm_request_form_number(jm_str_t s, unsigned *number);
static unsigned jm_request_form_away(const jm_form_field_t *part);
static jm_rc_e jm_request_form_image(jm_request_form_t *f,
    const jm_request_name_t *name, const jm_form_field_t *part);
static jm_rc_e jm_request_form_value(jm_request_form_t *f,
    const jm_request_name_t *name, const jm_form_field_t *part);
static jm_rc_e jm_request_form_read(jm_request_form_t *f,
    const jm_request_name_t *name, jm_str_t text, jm_json_t **node);
static unsigned jm_request_form_bool(jm_str_t text, unsigned *value);
static unsigned jm_request_form_types(const jm_request_name_t *name);
static jm_json_t *jm_request_form_string(jm_request_form_t *f,
    const jm_form_field_t *part);
static jm_json_t *jm_request_form_node(jm_request_form_t *f,
    jm_json_type_e type);
static void jm_request_form_append(jm_json_t *list, jm_json_t *node);
static void jm_request_form_picture(jm_json_t *list, jm_json_t *node);
static void jm_request_form_insert(jm_json_t *list, jm_json_t **at,
    jm_json_t *node);


/* more than the number in "image[0]" may be */

#define JM_REQUEST_NUMBERS  1000000


jm_rc_e
jm_request_read_form(jm_request_t *r, const jm_form_field_t *fields, size_t n,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e)
{
    size_t             i;
    jm_rc_e            rc;
    jm_request_ctx_t   ctx;
    jm_request_form_t  f;

    jm_request_init(&ctx, r, rules, mem, e);

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
    jm_json_t          *node;
    jm_request_name_t   name;

    /* a browser's field for a file where nothing was chosen */

    if (part->file && part->unnamed && part->len == 0) {
        return JM_OK;
    }

    if (jm_request_form_charset(f, part) != JM_OK) {
        return JM_INVALID;
    }

    jm_request_form_name(&name, part->name);

    if (jm_request_is_picture(name.field)) {
        return jm_request_form_image(f, &name, part);
    }

    /* A picture that got lost would be billed for nothing. */

    if (part->file) {
        return jm_request_refuse(f->ctx, jm_request_param(f->ctx, part->name),
                                 "The form has a file in a field that is not "
                                 "for one; pictures go into \"image\" or "
                                 "\"image[]\".");
    }

    if (name.field != JM_FIELD_LAST) {
        return jm_request_form_value(f, &name, part);
    }

    node = jm_request_form_string(f, part);

    return node != NULL ? jm_request_looks(f->ctx, part->name, node)
                        : JM_ERROR;
}


/* a part's own charset, or that of all parts in the field "_charset_" */

static jm_rc_e
jm_request_form_charset(jm_request_form_t *f, const jm_form_field_t *part)
{
    if (!part->file && part->foreign) {
        return jm_request_refuse(f->ctx, jm_request_param(f->ctx, part->name),
                                 "The form has a field in another charset "
                                 "than UTF-8; send it as UTF-8.");
    }

    if (jm_str_eq(&part->name, "_charset_") && part->len != 0
        && !jm_utf8_charset(part->value))
    {
        return jm_request_refuse(f->ctx, "_charset_",
                                 "The form is in another charset than UTF-8; "
                                 "send it as UTF-8.");
    }

    return JM_OK;
}


static void
jm_request_form_name(jm_request_name_t *name, jm_str_t s)
{
    jm_str_t        base;
    unsigned        number;
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

    /* brackets are for a list of pictures, or a member of an object */

    if (jm_request_is_picture(name->field)
        ? !jm_request_form_number(name->member, &number)
        : (name->member.len == 0
           || (jm_request_fields[name->field].types == ~0u
               && name->field != JM_FIELD_OPTIMIZE_OPTIONS)
           || !(jm_request_fields[name->field].types
                & jm_type(JM_JSON_OBJECT))))
    {
        name->field = JM_FIELD_LAST;
    }
}


/* a picture's number in the list; without one it comes behind all others */

static unsigned
jm_request_form_number(jm_str_t s, unsigned *number)
{
    size_t  i;

    if (s.len == 0) {
        *number = JM_REQUEST_NUMBERS;
        return 1;
    }

    *number = 0;

    for (i = 0; i < s.len && *number < JM_REQUEST_NUMBERS; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }

        *number = *number * 10 + (s.data[i] - '0');
    }

    return *number < JM_REQUEST_NUMBERS;
}


/* whether the value was left in the body */

static unsigned
jm_request_form_away(const jm_form_field_t *part)
{
    return part->file || (part->value.data == NULL && part->len != 0);
}


/* brackets or a name that comes again make the field an array */

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

    node->key = name->member;
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

    jm_request_form_picture(list, node);

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
    unsigned     types, boolean;
    jm_json_t   *root;
    const char  *why;

    *node = NULL;

    types = jm_request_form_types(name)
            & ~(jm_type(JM_JSON_STRING)|jm_type(JM_JSON_NULL));

    if (types == 0) {
        return JM_OK;
    }

    if ((types & jm_type(JM_JSON_BOOL)) && !(types & jm_type(JM_JSON_NUMBER))
        && jm_request_form_bool(text, &boolean))
    {
        *node = jm_request_form_node(f, JM_JSON_BOOL);

        if (*node == NULL) {
            return JM_ERROR;
        }

        (*node)->boolean = boolean;

        return JM_OK;
    }

    rc = jm_json_read(&root, text, &jm_request_limits, f->mem, &why);

    if (rc == JM_OK && (types & jm_type(root->type))) {
        *node = root;
    }

    return rc == JM_ERROR ? JM_ERROR : JM_OK;
}


/* a bool as forms have it: 1, on, yes, 0, off, no, in any case */

static unsigned
jm_request_form_bool(jm_str_t text, unsigned *value)
{
    size_t              i;
    static const char  *words[] = {
        "false", "true", "0", "1", "off", "on", "no", "yes"
    };

    for (i = 0; i < jm_nitems(words); i++) {

        if (jm_text_is(text, words[i])) {
            *value = i & 1;
            return 1;
        }
    }

    return 0;
}


/* the types that a text may be read as; a producer's id is never a number */

static unsigned
jm_request_form_types(const jm_request_name_t *name)
{
    jm_field_e  field;

    field = name->field;

    if (name->member.len == 0 || field == JM_FIELD_EXTRA_BODY) {

        if (name->member.len != 0) {
            field = jm_request_find(name->member);
        }

        return field == JM_FIELD_LAST ? jm_type(JM_JSON_STRING)
               : field == JM_FIELD_PRE_LLM || field == JM_FIELD_LAYERS
               ? jm_type(JM_JSON_BOOL)
               : jm_request_fields[field].types;
    }

    if (field == JM_FIELD_AIGC_META || field == JM_FIELD_OPTIMIZE_OPTIONS
        || jm_str_eq(&name->member, "logo_text_content"))
    {
        return jm_type(JM_JSON_STRING);
    }

    return jm_str_eq(&name->member, "add_logo") ? jm_type(JM_JSON_BOOL)
                                                : jm_type(JM_JSON_NUMBER);
}


/* a string; the address of the part stands for a text left in the body */

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

    jm_request_form_insert(list, last, node);
}


/* sorted by their numbers, equal ones in the form's order */

static void
jm_request_form_picture(jm_json_t *list, jm_json_t *node)
{
    unsigned     number, other;
    jm_json_t  **at;

    (void) jm_request_form_number(node->key, &number);

    for (at = &list->child; *at != NULL; at = &(*at)->next) {
        (void) jm_request_form_number((*at)->key, &other);

        if (other > number) {
            break;
        }
    }

    jm_request_form_insert(list, at, node);
}


static void
jm_request_form_insert(jm_json_t *list, jm_json_t **at, jm_json_t *node)
{
    node->next = *at;
    *at = node;
    list->count++;
}
