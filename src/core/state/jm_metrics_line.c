
/*
 * Copyright (C) Jimeng module authors
 */


#include <inttypes.h>
#include <stdio.h>

#include "jm_metrics_line.h"
#include "jm_money.h"
#include "jm_text.h"


static void jm_line_cstring(jm_buf_t *out, const char *s);


_Static_assert(JM_MONEY_LEN < JM_LINE_NUMBER, "an amount is a number, too");


void
jm_line_head(jm_buf_t *out, const char *name, const char *type,
    const char *help)
{
    jm_buf_literal(out, "# HELP ");
    jm_line_cstring(out, name);
    jm_buf_literal(out, " ");
    jm_line_cstring(out, help);
    jm_buf_literal(out, "\n# TYPE ");
    jm_line_cstring(out, name);
    jm_buf_literal(out, " ");
    jm_line_cstring(out, type);
    jm_buf_literal(out, "\n");
}


void
jm_line_begin(jm_line_t *line, jm_buf_t *out, const char *name,
    const char *suffix)
{
    line->out = out;
    line->labels = 0;

    jm_line_cstring(out, name);
    jm_line_cstring(out, suffix);
}


void
jm_line_label(jm_line_t *line, const char *name, jm_str_t value)
{
    size_t     i, n;
    uint8_t    c;
    unsigned   utf8;
    jm_buf_t  *out;

    out = line->out;
    utf8 = (jm_utf8_length(value, &n) == JM_OK);

    jm_buf_add(out, line->labels++ ? "," : "{", 1);
    jm_line_cstring(out, name);
    jm_buf_literal(out, "=\"");

    for (i = 0; i < value.len; i++) {
        c = value.data[i];

        if (c == '\n') {
            jm_buf_literal(out, "\\n");
            continue;
        }

        if (c == '\\' || c == '"') {
            jm_buf_literal(out, "\\");

        } else if (c >= 0x80 && !utf8) {
            c = '?';
        }

        jm_buf_add(out, &c, 1);
    }

    jm_buf_literal(out, "\"");
}


void
jm_line_label_cstring(jm_line_t *line, const char *name, const char *value)
{
    jm_str_t  s;

    s.len = strlen(value);
    s.data = (const uint8_t *) value;

    jm_line_label(line, name, s);
}


void
jm_line_end(jm_line_t *line, uint64_t value, jm_unit_e unit)
{
    char  number[JM_LINE_NUMBER];

    jm_line_number(number, value, unit);

    jm_line_cstring(line->out, line->labels ? "} " : " ");
    jm_line_cstring(line->out, number);
    jm_buf_literal(line->out, "\n");
}


void
jm_line_number(char *dst, uint64_t value, jm_unit_e unit)
{
    size_t  len;

    switch (unit) {

    case JM_UNIT_MS:
        len = (size_t) snprintf(dst, JM_LINE_NUMBER, "%" PRIu64 ".%03u",
                                value / 1000, (unsigned) (value % 1000));

        for ( /* void */ ; dst[len - 1] == '0'; len--) { /* void */ }

        if (dst[len - 1] == '.') {
            len--;
        }

        dst[len] = '\0';
        break;

    case JM_UNIT_MONEY:
        len = jm_money_write((uint8_t *) dst, value);
        dst[len] = '\0';
        break;

    default: /* JM_UNIT_ONE */
        (void) snprintf(dst, JM_LINE_NUMBER, "%" PRIu64, value);
    }
}


static void
jm_line_cstring(jm_buf_t *out, const char *s)
{
    jm_buf_add(out, s, strlen(s));
}


void
jm_line_value(jm_buf_t *out, const char *name, const char *type,
    const char *help, uint64_t value)
{
    jm_line_t  line;

    jm_line_head(out, name, type, help);

    jm_line_begin(&line, out, name, "");
    jm_line_end(&line, value, JM_UNIT_ONE);
}
