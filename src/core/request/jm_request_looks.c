
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What looks like a picture, in a field that nobody reads.
 */


#include "jm_request_field.h"
#include "jm_text.h"


/* bytes of a name that are looked at, and that an error repeats */

#define JM_REQUEST_NAME     64


static unsigned jm_request_looks_node(const jm_request_ctx_t *ctx,
    const jm_json_t *node, unsigned named);
static unsigned jm_request_looks_text(jm_str_t text, unsigned named,
    unsigned away);
static unsigned jm_request_looks_url(jm_str_t url);
static unsigned jm_request_looks_name(jm_str_t name);
static size_t jm_request_words(jm_str_t name, char *dst);
static unsigned jm_request_carrier(const char *tail);
static unsigned jm_request_plain(jm_str_t text);
static unsigned jm_request_starts(jm_str_t s, const char *lower);


jm_rc_e
jm_request_looks(jm_request_ctx_t *ctx, jm_str_t name, const jm_json_t *node)
{
    const char  *param;

    if (!jm_request_looks_node(ctx, node, jm_request_looks_name(name))) {
        return JM_OK;
    }

    param = jm_request_param(ctx, name);

    return jm_request_refuse(ctx, param,
                             "The field \"%s\" looks like a picture, and is "
                             "not known here: nothing would be made of it; "
                             "send pictures in \"image\".",
                             param != NULL ? param : "?");
}


const char *
jm_request_param(jm_request_ctx_t *ctx, jm_str_t name)
{
    char    *param;
    size_t   n;

    name = jm_utf8_prefix(name, JM_REQUEST_NAME);

    if (name.len == 0 || memchr(name.data, '\0', name.len) != NULL
        || jm_utf8_length(name, &n) != JM_OK)
    {
        return NULL;
    }

    param = ctx->mem->alloc(ctx->mem->ctx, name.len + 1);

    if (param != NULL) {
        memcpy(param, name.data, name.len);
        param[name.len] = '\0';
    }

    return param;
}


/*
 * named: what it is within has a picture's name.  The next of each array and
 * object that is open is kept, with whether that has such a name.
 */

static unsigned
jm_request_looks_node(const jm_request_ctx_t *ctx, const jm_json_t *node,
    unsigned named)
{
    size_t            depth;
    unsigned          is_named[JM_REQUEST_DEPTH];
    const jm_json_t  *next[JM_REQUEST_DEPTH];

    depth = 0;

    for ( ;; ) {

        if (node->type == JM_JSON_STRING
            && jm_request_looks_text(jm_request_head(ctx, node->text), named,
                                     jm_request_away(ctx, node->text, NULL)))
        {
            return 1;
        }

        if (node->child != NULL && depth < JM_REQUEST_DEPTH) {
            next[depth] = node->child;
            is_named[depth] = named;
            depth++;
        }

        while (depth != 0 && next[depth - 1] == NULL) {
            depth--;
        }

        if (depth == 0) {
            return 0;
        }

        node = next[depth - 1];
        next[depth - 1] = node->next;

        named = is_named[depth - 1] || jm_request_looks_name(node->key);
    }
}


/*
 * Of a text that was left in the body only the beginning is known, in which
 * JSON may have backslashes: PHP writes "\/" for a slash.
 */

static unsigned
jm_request_looks_text(jm_str_t text, unsigned named, unsigned away)
{
    size_t              i, n;
    uint8_t             c, head[JM_SKELETON_HEAD];
    jm_str_t            s;
    static const char  *begins[] = {
        "ivborw0kggo", "/9j/", "_9j_", "r0lgod", "uklgr", "data:image"
    };

    if (named && !jm_request_plain(text)) {
        return 1;
    }

    for (i = 0, n = 0; i < text.len && n < sizeof(head); i++) {
        c = text.data[i];

        if (c != '\\' && (n != 0 || c > 0x20)) {
            head[n++] = c;
        }
    }

    s.data = head;
    s.len = n;

    for (i = 0; i < jm_nitems(begins); i++) {

        if (jm_request_starts(s, begins[i])) {
            return 1;
        }
    }

    return !away && jm_request_looks_url(text);
}


static unsigned
jm_request_looks_url(jm_str_t url)
{
    size_t              i, n;
    jm_str_t            end;
    static const char  *ends[] = { ".png", ".jpg", ".jpeg", ".webp" };

    if (!jm_request_starts(url, "http://")
        && !jm_request_starts(url, "https://"))
    {
        return 0;
    }

    for (n = 0; n < url.len && url.data[n] != '?' && url.data[n] != '#'; n++) {
        /* void */
    }

    for (i = 0; i < jm_nitems(ends); i++) {
        end.len = strlen(ends[i]);
        end.data = url.data + n - end.len;

        if (n > end.len && jm_text_is(end, ends[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * A picture's name ends in a word for one, or in what tells how the picture is
 * sent: "image", "input_images", "imageUrl", "photo[0]", "img_base64".  One
 * that goes on is a property's: "image_size", "images_per_prompt".
 */

static unsigned
jm_request_looks_name(jm_str_t name)
{
    char                words[2 * JM_REQUEST_NAME + 2];
    size_t              i, k, n, len;
    static const char  *nouns[] = {
        "image", "img", "picture", "photograph", "photo", "_pic", "_markup"
    };

    memset(words, 0, sizeof(words));

    n = jm_request_words(name, words);

    for (i = n; i-- != 0; /* void */) {

        for (k = 0; k < jm_nitems(nouns); k++) {
            len = strlen(nouns[k]);

            if (strncmp(words + i, nouns[k], len) == 0) {
                return jm_request_carrier(words + i + len);
            }
        }
    }

    return 0;
}


/*
 * In lower case, with a "_" before each word: "inputImage[0]" is three.  A zero
 * stands behind them already.
 */

static size_t
jm_request_words(jm_str_t name, char *dst)
{
    size_t    i, n;
    uint8_t   c;
    unsigned  upper, last;

    n = 0;
    last = 1;
    dst[n++] = '_';

    for (i = 0; i < name.len && i < JM_REQUEST_NAME; i++) {
        c = name.data[i];
        upper = (c >= 'A' && c <= 'Z');

        if (upper) {
            c |= 0x20;

            if (!last) {
                dst[n++] = '_';
            }

        } else if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            c = '_';
        }

        dst[n++] = (char) c;
        last = upper;
    }

    return n;
}


/* words that change nothing: a number, one letter, the "s" of a plural */

static unsigned
jm_request_carrier(const char *tail)
{
    size_t              i, len;
    static const char  *words[] = {
        "url", "uri", "link", "data", "base", "b64", "json", "file", "path",
        "id", "reference", "ref", "input", "source", "src", "content", "byte",
        "binary", "list", "array"
    };

    while (*tail != '\0') {

        if (*tail < 'a'
            || (tail[1] < 'a' && (*tail == 's' || tail[-1] < 'a')))
        {
            tail++;
            continue;
        }

        len = 0;

        for (i = 0; i < jm_nitems(words) && len == 0; i++) {

            if (strncmp(tail, words[i], strlen(words[i])) == 0) {
                len = strlen(words[i]);
            }
        }

        if (len == 0) {
            return 0;
        }

        tail += len;
    }

    return 1;
}


/* a text that stands for nothing, a number or a bool */

static unsigned
jm_request_plain(jm_str_t text)
{
    size_t              i;
    static const char  *words[] = {
        "true", "false", "on", "off", "yes", "no", "null", "none", "undefined",
        "auto"
    };

    for (i = 0; i < text.len; i++) {
        if ((text.data[i] < '0' || text.data[i] > '9')
            && text.data[i] != '.' && text.data[i] != '-')
        {
            break;
        }
    }

    if (i == text.len) {
        return 1;
    }

    for (i = 0; i < jm_nitems(words); i++) {

        if (jm_text_is(text, words[i])) {
            return 1;
        }
    }

    return 0;
}


static unsigned
jm_request_starts(jm_str_t s, const char *lower)
{
    size_t  len;

    len = strlen(lower);

    if (s.len < len) {
        return 0;
    }

    s.len = len;

    return jm_text_is(s, lower);
}
