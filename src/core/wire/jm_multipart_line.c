
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The lines of text in multipart/form-data: a Content-Type, and the header
 * lines of a part.
 */


#include "jm_multipart_line.h"
#include "jm_text.h"


/* name=value behind a ";", the value without its quotes */

typedef struct {
    jm_str_t         name;
    jm_str_t         value;
} jm_multipart_param_t;


static jm_rc_e jm_multipart_unfold(uint8_t *p, size_t len);
static const char *jm_multipart_line(jm_multipart_part_t *part, jm_str_t line);
static const char *jm_multipart_disposition(jm_multipart_part_t *part,
    jm_str_t value);
static void jm_multipart_type(jm_multipart_part_t *part, jm_str_t value);
static void jm_multipart_name(jm_multipart_part_t *part, jm_str_t value);
static uint8_t jm_multipart_escaped(const uint8_t *p, size_t len, size_t *n);

static jm_rc_e jm_multipart_param(jm_multipart_param_t *param, jm_str_t *rest);
static jm_rc_e jm_multipart_quoted(jm_str_t *value, jm_str_t *rest);
static jm_str_t jm_multipart_until(jm_str_t *rest, const char *stops);
static void jm_multipart_skip(jm_str_t *s, size_t n);
static jm_str_t jm_multipart_trim(jm_str_t s);


static const char  jm_multipart_broken[] =
    "has a part with a malformed header line";

static const char  jm_multipart_nameless[] =
    "has a part without \"Content-Disposition: form-data; name=...\"";


jm_rc_e
jm_multipart_boundary(jm_str_t *boundary, jm_str_t content_type)
{
    size_t                i;
    uint8_t               c;
    jm_multipart_param_t  param;

    if (!jm_text_is(jm_multipart_until(&content_type, ";"),
                         "multipart/form-data"))
    {
        return JM_INVALID;
    }

    do {
        if (jm_multipart_param(&param, &content_type) != JM_OK
            || param.name.len == 0)
        {
            return JM_INVALID;
        }

    } while (!jm_text_is(param.name, "boundary"));

    *boundary = param.value;

    if (boundary->len == 0 || boundary->len > JM_MULTIPART_BOUNDARY
        || boundary->data[boundary->len - 1] == ' ')
    {
        return JM_INVALID;
    }

    for (i = 0; i < boundary->len; i++) {
        c = boundary->data[i];

        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            return JM_INVALID;
        }
    }

    return JM_OK;
}


const char *
jm_multipart_headers(jm_multipart_part_t *part, uint8_t *lines, size_t len)
{
    size_t          n;
    jm_str_t        line;
    const char     *why;
    const uint8_t  *p, *end;

    part->name.data = NULL;
    part->name.len = 0;
    part->file = 0;
    part->unnamed = 0;
    part->foreign = 0;

    if (jm_multipart_unfold(lines, len) != JM_OK) {
        return jm_multipart_broken;
    }

    end = lines + len;

    for (p = lines; p != end; p += n + 2) {
        line.data = p;
        line.len = (size_t) (end - p);

        n = (size_t) ((const uint8_t *) memchr(p, '\r', line.len) - p);
        line.len = n;

        why = jm_multipart_line(part, line);
        if (why != NULL) {
            return why;
        }
    }

    return (part->name.data == NULL) ? jm_multipart_nameless : NULL;
}


/* joins continued lines (RFC 822, section 3.1.1); a CR or LF alone is wrong */

static jm_rc_e
jm_multipart_unfold(uint8_t *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (p[i] == '\0' || p[i] == '\n') {
            return JM_INVALID;
        }

        if (p[i] != '\r') {
            continue;
        }

        /* p[i + 1] is there: the last byte of all is an LF */

        if (p[i + 1] != '\n') {
            return JM_INVALID;
        }

        if (i + 2 < len && jm_multipart_blank(p[i + 2])) {
            p[i] = ' ';
            p[i + 1] = ' ';
        }

        i++;
    }

    return JM_OK;
}


/* takes what is of use from a header line; returns what is wrong with it */

static const char *
jm_multipart_line(jm_multipart_part_t *part, jm_str_t line)
{
    jm_str_t  name;

    name = jm_multipart_until(&line, ":");

    if (name.len == 0 || line.len == 0) {
        return jm_multipart_broken;
    }

    jm_multipart_skip(&line, 1);

    if (jm_text_is(name, "content-disposition")) {
        return jm_multipart_disposition(part, line);
    }

    if (jm_text_is(name, "content-type")) {
        jm_multipart_type(part, line);
        return NULL;
    }

    if (jm_text_is(name, "content-transfer-encoding")) {
        line = jm_multipart_trim(line);

        if (!jm_text_is(line, "binary") && !jm_text_is(line, "8bit")
            && !jm_text_is(line, "7bit"))
        {
            return "has a part with a Content-Transfer-Encoding, which forms "
                   "do not have";
        }
    }

    return NULL;
}


static const char *
jm_multipart_disposition(jm_multipart_part_t *part, jm_str_t value)
{
    jm_multipart_param_t  param;

    if (!jm_text_is(jm_multipart_until(&value, ";"), "form-data")) {
        return jm_multipart_nameless;
    }

    for ( ;; ) {
        if (jm_multipart_param(&param, &value) != JM_OK) {
            return jm_multipart_broken;
        }

        if (param.name.len == 0) {
            return NULL;
        }

        if (jm_text_is(param.name, "name")) {

            /* with two names, another reader could take the other one */

            if (part->name.data != NULL) {
                return jm_multipart_broken;
            }

            jm_multipart_name(part, param.value);

        } else if (jm_text_is(param.name, "filename")
                   || jm_text_is(param.name, "filename*"))
        {
            part->unnamed = (part->unnamed || !part->file)
                            && param.value.len == 0;
            part->file = 1;
        }
    }
}


/* reads the charset of a Content-Type; a broken line has none */

static void
jm_multipart_type(jm_multipart_part_t *part, jm_str_t value)
{
    jm_multipart_param_t  param;

    (void) jm_multipart_until(&value, ";");

    while (jm_multipart_param(&param, &value) == JM_OK
           && param.name.len != 0)
    {
        if (jm_text_is(param.name, "charset") && param.value.len != 0
            && !jm_utf8_charset(param.value))
        {
            part->foreign = 1;
        }
    }
}


static void
jm_multipart_name(jm_multipart_part_t *part, jm_str_t value)
{
    size_t  n;

    part->name.data = part->space;

    while (value.len != 0 && part->name.len < JM_MULTIPART_NAME) {
        part->space[part->name.len++] = jm_multipart_escaped(value.data,
                                                             value.len, &n);
        jm_multipart_skip(&value, n);
    }
}


/* the character that the *n bytes at p stand for */

static uint8_t
jm_multipart_escaped(const uint8_t *p, size_t len, size_t *n)
{
    if (len >= 2 && p[0] == '\\' && (p[1] == '"' || p[1] == '\\')) {
        *n = 2;
        return p[1];
    }

    *n = 3;

    if (len >= 3 && p[0] == '%') {

        if (memcmp(p + 1, "22", 2) == 0) {
            return '"';
        }

        if (memcmp(p + 1, "0D", 2) == 0) {
            return '\r';
        }

        if (memcmp(p + 1, "0A", 2) == 0) {
            return '\n';
        }
    }

    *n = 1;

    return p[0];
}


/* the next parameter, with an empty name at the end; *rest is behind it */

static jm_rc_e
jm_multipart_param(jm_multipart_param_t *param, jm_str_t *rest)
{
    while (rest->len != 0
           && (rest->data[0] == ';' || jm_multipart_blank(rest->data[0])))
    {
        jm_multipart_skip(rest, 1);
    }

    param->value.data = NULL;
    param->value.len = 0;
    param->name = jm_multipart_until(rest, "=;");

    if (rest->len == 0 || rest->data[0] == ';') {
        return JM_OK;
    }

    if (param->name.len == 0) {
        return JM_INVALID;
    }

    jm_multipart_skip(rest, 1);

    while (rest->len != 0 && jm_multipart_blank(rest->data[0])) {
        jm_multipart_skip(rest, 1);
    }

    if (rest->len != 0 && rest->data[0] == '"') {
        return jm_multipart_quoted(&param->value, rest);
    }

    param->value = jm_multipart_until(rest, ";");

    return JM_OK;
}


/* a quoted string at rest, with nothing but blanks up to the next ";" */

static jm_rc_e
jm_multipart_quoted(jm_str_t *value, jm_str_t *rest)
{
    size_t          i;
    const uint8_t  *p;

    p = rest->data;

    for (i = 1; i < rest->len && p[i] != '"'; i++) {

        /*
         * A quote that nothing follows is the closing one, whatever is before
         * it: browsers do not escape a backslash at a filename's end.
         */

        if (p[i] == '\\' && i + 2 < rest->len
            && (p[i + 1] == '"' || p[i + 1] == '\\'))
        {
            i++;
        }
    }

    if (i >= rest->len) {
        return JM_INVALID;
    }

    value->data = p + 1;
    value->len = i - 1;

    jm_multipart_skip(rest, i + 1);

    return jm_multipart_until(rest, ";").len == 0 ? JM_OK : JM_INVALID;
}


/* rest up to the first of stops, without blanks around; rest is then at it */

static jm_str_t
jm_multipart_until(jm_str_t *rest, const char *stops)
{
    size_t    n;
    jm_str_t  s;

    s = *rest;

    for (n = 0; n < s.len; n++) {
        if (s.data[n] != '\0' && strchr(stops, s.data[n]) != NULL) {
            break;
        }
    }

    jm_multipart_skip(rest, n);
    s.len = n;

    return jm_multipart_trim(s);
}


static void
jm_multipart_skip(jm_str_t *s, size_t n)
{
    if (n != 0) {
        s->data += n;
        s->len -= n;
    }
}


static jm_str_t
jm_multipart_trim(jm_str_t s)
{
    while (s.len != 0 && jm_multipart_blank(s.data[0])) {
        jm_multipart_skip(&s, 1);
    }

    while (s.len != 0 && jm_multipart_blank(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}
