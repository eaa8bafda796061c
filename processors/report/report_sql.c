/* One pass over the text, lexed as PostgreSQL does it. */

#include <stdio.h>

#include "report_sql.h"


typedef struct {
    const char    *p, *end;
    pt_buf_t       out;
    report_sql_t  *sql;
    pt_room_t     *room;
    const char    *reason;       /* of a failure */
    bool           ended;        /* a semicolon was there */
} report_lexer_t;


static bool report_sql_token(report_lexer_t *lex);
static bool report_sql_quoted(report_lexer_t *lex, char quote, bool escapes);
static bool report_sql_dollar(report_lexer_t *lex);
static void report_sql_line_comment(report_lexer_t *lex);
static bool report_sql_comment(report_lexer_t *lex);
static bool report_sql_name(report_lexer_t *lex);
static void report_sql_word(report_lexer_t *lex);
static void report_sql_copy(report_lexer_t *lex, const char *to);
static bool report_sql_letter(char c);


pt_err_t
report_sql_read(pt_str_t text, pt_room_t *room, report_sql_t *ret_sql,
    char *ret_error, size_t size)
{
    bool            good = true;
    pt_str_t        copy;
    unsigned        line = 1;
    const char     *p;
    report_lexer_t  lex = {
        .p = text.data, .end = text.data + text.len, .sql = ret_sql,
        .room = room
    };

    *ret_sql = (report_sql_t) { 0 };

    /* ":a" may become "$12" */
    pt_buf_init(&lex.out, &pt_mem_heap, text.len * 2 + 16);

    while (good && lex.p < lex.end) {
        good = report_sql_token(&lex);
    }

    if (!good) {
        for (p = text.data; p < lex.p && p < lex.end; p++) {
            line += *p == '\n';
        }

        snprintf(ret_error, size, "line %u: %s", line, lex.reason);
        pt_buf_done(&lex.out);
        return PT_E_INVALID;
    }

    copy = lex.out.err == PT_OK ? pt_room_copy(room, pt_buf_str(&lex.out))
           : PT_STR_NULL;
    pt_buf_done(&lex.out);

    ret_sql->text = copy.data;

    return copy.data != NULL ? PT_OK : PT_E_NOMEM;
}


static bool
report_sql_token(report_lexer_t *lex)
{
    char  c = lex->p[0], next = lex->p + 1 < lex->end ? lex->p[1] : '\0';

    if (c == '-' && next == '-') {
        report_sql_line_comment(lex);
        return true;
    }

    if (c == '/' && next == '*') {
        return report_sql_comment(lex);
    }

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        report_sql_copy(lex, lex->p + 1);
        return true;
    }

    if (lex->ended) {
        lex->reason = "a dataset is one statement";
        return false;
    }

    switch (c) {

    case '\0':
        lex->reason = "a NUL byte";
        return false;

    case ';':
        lex->ended = true;
        lex->p++;
        return true;

    case '\'':
        return report_sql_quoted(lex, c, false);

    case '"':
        return report_sql_quoted(lex, c, false);

    case '$':
        return report_sql_dollar(lex);

    case ':':
        return report_sql_name(lex);
    }

    if ((c == 'e' || c == 'E') && next == '\'') {
        report_sql_copy(lex, lex->p + 1);
        return report_sql_quoted(lex, '\'', true);
    }

    if (report_sql_letter(c)) {
        report_sql_word(lex);

    } else {
        report_sql_copy(lex, lex->p + 1);
    }

    return true;
}


/* a doubled quote does not end it */
static bool
report_sql_quoted(report_lexer_t *lex, char quote, bool escapes)
{
    const char  *p;

    for (p = lex->p + 1; p < lex->end; p++) {
        if (escapes && *p == '\\') {
            p++;

        } else if (*p == quote) {
            if (p + 1 == lex->end || p[1] != quote) {
                report_sql_copy(lex, p + 1);
                return true;
            }

            p++;
        }
    }

    lex->reason = "a quote is not closed";
    return false;
}


/* $$ ... $$ and $tag$ ... $tag$ */
static bool
report_sql_dollar(report_lexer_t *lex)
{
    size_t       len;
    const char  *p = lex->p + 1;

    while (p < lex->end && (report_sql_letter(*p)
                            || (p > lex->p + 1 && *p >= '0' && *p <= '9')))
    {
        p++;
    }

    if (p == lex->end || *p != '$') {
        lex->reason = "parameters have names here: \":name\", not \"$1\"";
        return false;
    }

    len = (size_t) (++p - lex->p);

    for ( /* void */ ; p + len <= lex->end; p++) {
        if (memcmp(p, lex->p, len) == 0) {
            report_sql_copy(lex, p + len);
            return true;
        }
    }

    lex->reason = "a dollar quote is not closed";
    return false;
}


static void
report_sql_line_comment(report_lexer_t *lex)
{
    while (lex->p < lex->end && *lex->p != '\n') {
        lex->p++;
    }
}


/* they nest */
static bool
report_sql_comment(report_lexer_t *lex)
{
    unsigned     depth = 0;
    const char  *p;

    for (p = lex->p; p + 1 < lex->end; p++) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p++;

        } else if (p[0] == '*' && p[1] == '/') {
            p++;

            if (--depth == 0) {
                lex->p = p + 1;
                pt_buf_add_char(&lex->out, ' ');
                return true;
            }
        }
    }

    lex->reason = "a comment is not closed";
    return false;
}


static bool
report_sql_name(report_lexer_t *lex)
{
    size_t         i;
    pt_str_t       name;
    const char    *p = lex->p + 1;
    report_sql_t  *sql = lex->sql;

    /* a cast, ":=", or an array's bounds */
    if (p == lex->end || !report_sql_letter(*p)) {
        report_sql_copy(lex, p < lex->end && (*p == ':' || *p == '=') ? p + 1
                             : p);
        return true;
    }

    while (p < lex->end && (report_sql_letter(*p)
                            || (*p >= '0' && *p <= '9')))
    {
        p++;
    }

    name = (pt_str_t) { lex->p + 1, (size_t) (p - lex->p) - 1 };

    for (i = 0; i < sql->n && !pt_str_eq(sql->names[i], name); i++) {
        /* as a statement has a handful */
    }

    if (i == REPORT_SQL_PARAMS_MAX) {
        lex->reason = "too many parameters";
        return false;
    }

    if (i == sql->n) {
        sql->names[sql->n] = pt_room_copy(lex->room, name);

        if (sql->names[sql->n++].data == NULL) {
            lex->reason = "no memory";
            return false;
        }
    }

    pt_buf_printf(&lex->out, "$%zu", i + 1);
    lex->p = p;

    return true;
}


/* whole, so that the "e" of a word is no escape string's */
static void
report_sql_word(report_lexer_t *lex)
{
    const char  *p = lex->p;

    while (p < lex->end && (report_sql_letter(*p) || *p == '$'
                            || (*p >= '0' && *p <= '9')))
    {
        p++;
    }

    report_sql_copy(lex, p);
}


static void
report_sql_copy(report_lexer_t *lex, const char *to)
{
    pt_buf_add(&lex->out, lex->p, (size_t) (to - lex->p));
    lex->p = to;
}


static bool
report_sql_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
           || (c & 0x80) != 0;
}
