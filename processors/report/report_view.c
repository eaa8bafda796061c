/* Figures, texts and tables, as they are shown. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_last.h"
#include "report_view.h"


#define REPORT_TEXT_MAX  (64 * 1024)


static pt_str_t report_view_buf(report_view_t *view, pt_buf_t *buf);
static void report_view_table_data(report_view_t *view, pt_jsonw_t *w,
    const report_table_t *table);
static void report_view_change(report_view_t *view,
    const report_figure_t *now, const report_figure_t *before,
    pt_str_t good, report_kpi_t *kpi);
static void report_view_since(report_view_t *view, pt_str_t title,
    report_format_t format, const report_figure_t *now, report_kpi_t *kpi);
static void report_view_escape(pt_buf_t *out, pt_str_t text);


pt_err_t
report_view_data(report_view_t *view)
{
    size_t      i;
    pt_buf_t    buf;
    pt_err_t    err;
    report_t   *r = view->r;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, 4 << 20);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "parameters");
    pt_jsonw_value(&w, r->parameters);
    pt_jsonw_key(&w, "snapshot");
    pt_jsonw_str(&w, r->snapshot);

    for (i = 0; i < r->definition->n_datasets; i++) {
        pt_jsonw_key_str(&w, r->definition->datasets[i].name);
        report_view_table_data(view, &w, &r->tables[i]);
    }

    pt_jsonw_end(&w);

    err = buf.err != PT_OK ? buf.err
          : pt_json_parse(pt_buf_str(&buf), &pt_mem_heap, &view->data, NULL);
    pt_buf_done(&buf);

    return err;
}


static void
report_view_table_data(report_view_t *view, pt_jsonw_t *w,
    const report_table_t *table)
{
    size_t  i;

    pt_jsonw_object(w);

    for (i = 0; i < table->n_columns && table->cells != NULL; i++) {
        if (pt_str_is(table->columns[i].name, "rows")) {
            continue;
        }

        pt_jsonw_key_str(w, table->columns[i].name);
        pt_jsonw_str(w, report_view_cell(view, &table->columns[i],
                                         report_cell(table, 0, i)));
    }

    pt_jsonw_key(w, "rows");
    pt_jsonw_int(w, (int64_t) table->n_rows);
    pt_jsonw_end(w);
}


pt_str_t
report_view_clean(report_view_t *view, pt_str_t text)
{
    bool      good = true;
    size_t    i;
    uint32_t  c;
    unsigned  len;
    pt_buf_t  buf;

    for (i = 0; i < text.len && good; i += len) {
        c = pt_utf8_get(text.data + i, &len);
        good = (c >= 0x20 && c < 0x7f)
               || pt_typeface_cover(view->typeface, 0, c) == PT_COVER_OK;
        good = good && c != '\n' && c != '\r' && c != '\t';
    }

    if (good) {
        return text.data == NULL ? PT_STR("") : text;
    }

    pt_buf_init(&buf, &pt_mem_heap, text.len * 3 + 1);

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        if (c == '\n' || c == '\r' || c == '\t') {
            pt_buf_add_char(&buf, ' ');

        } else if (pt_typeface_cover(view->typeface, 0, c) == PT_COVER_OK) {
            pt_buf_add(&buf, text.data + i, len);

        } else {
            view->replaced++;
            pt_buf_add_text(&buf, pt_typeface_cover(view->typeface, 0, 0xfffd)
                                  == PT_COVER_OK ? "\xef\xbf\xbd" : "?");
        }
    }

    return report_view_buf(view, &buf);
}


/* a copy in the view's room; the buffer ends */
static pt_str_t
report_view_buf(report_view_t *view, pt_buf_t *buf)
{
    pt_str_t  copy = PT_STR_NULL;

    if (buf->err == PT_OK) {
        copy = pt_room_copy(view->room, pt_buf_str(buf));
    }

    pt_buf_done(buf);

    return copy;
}


pt_str_t
report_view_cell(report_view_t *view, const report_column_t *column,
    pt_str_t cell)
{
    pt_str_t  text;
    pt_buf_t  buf;

    if (cell.data == NULL) {
        return PT_STR("");
    }

    pt_buf_init(&buf, &pt_mem_heap, cell.len * 3 + 256);
    report_write_cell(view->locale, view->currency, column, cell, &buf);
    text = report_view_buf(view, &buf);

    return text.data == NULL ? text : report_view_clean(view, text);
}


pt_str_t
report_view_figure(report_view_t *view, report_format_t format,
    const report_figure_t *figure)
{
    pt_buf_t  buf;

    if (!figure->known) {
        return PT_STR("\xe2\x80\x93");
    }

    pt_buf_init(&buf, &pt_mem_heap, 256);
    report_write_figure(view->locale, view->currency, format, figure->value,
                        &buf);

    return report_view_buf(view, &buf);
}


pt_err_t
report_view_text(report_view_t *view, const pt_json_t *section,
    pt_str_t *ret_text)
{
    char            error[256];
    pt_buf_t        buf;
    pt_err_t        err;
    pt_mustache_t  *template;

    static const pt_mustache_env_t  env = { .escape = report_view_escape };

    err = pt_mustache_new(pt_json_string(section, "text", PT_STR("")),
                          &template, error, sizeof(error));
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&buf, &pt_mem_heap, REPORT_TEXT_MAX);
    err = pt_mustache_render(template, view->data, &env, &buf);
    pt_mustache_free(template);

    if (err != PT_OK) {
        pt_buf_done(&buf);
        return report_fail(view->r, err, "a text section became too long");
    }

    *ret_text = report_view_buf(view, &buf);

    return ret_text->data != NULL ? PT_OK : PT_E_NOMEM;
}


/* no markup here: what is written becomes text, whatever it is */
static void
report_view_escape(pt_buf_t *out, pt_str_t text)
{
    pt_buf_add_str(out, text);
}


pt_err_t
report_view_kpi(report_view_t *view, const pt_json_t *item,
    report_kpi_t *ret_kpi)
{
    pt_err_t          err;
    report_format_t   format;
    report_figure_t   now, before = { .known = false };
    const pt_json_t  *previous = pt_json_member(item, "previous");

    format = report_format(pt_json_string(item, "format", PT_STR("integer")));

    *ret_kpi = (report_kpi_t) { .change = PT_STR(""), .since = PT_STR("") };

    err = report_figure(view->r, pt_json_member(item, "value"), &now);

    if (err == PT_OK && previous != NULL) {
        err = report_figure(view->r, previous, &before);
    }

    if (err != PT_OK) {
        return err;
    }

    ret_kpi->title = report_view_clean(view, pt_json_string(item, "title",
                                                            PT_STR("")));
    ret_kpi->value = report_view_figure(view, format, &now);
    ret_kpi->previous = previous == NULL ? PT_STR_NULL
                        : report_view_figure(view, format, &before);

    report_view_change(view, &now, &before,
                       pt_json_string(item, "good", PT_STR("up")), ret_kpi);

    if (view->r->last.result != NULL) {
        report_view_since(view, pt_json_string(item, "title", PT_STR("")),
                          format, &now, ret_kpi);
    }

    return ret_kpi->value.data != NULL && ret_kpi->since.data != NULL
           ? PT_OK : PT_E_NOMEM;
}


/* in the figure's own unit: the last run was not a period before */
static void
report_view_since(report_view_t *view, pt_str_t title, report_format_t format,
    const report_figure_t *now, report_kpi_t *kpi)
{
    pt_buf_t               buf;
    report_figure_t        last = report_last_figure(view->r, title);
    report_figure_t        change = report_last_change(now, &last);
    const report_column_t  day = { .format = REPORT_DATE };

    if (!change.known) {
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, 512);
    pt_buf_add_text(&buf, change.value > 0 ? "+" : "");
    pt_buf_add_str(&buf, report_view_figure(view, format, &change));
    pt_buf_add_text(&buf, " since ");
    pt_buf_add_str(&buf, report_view_cell(view, &day, view->r->last.day));
    kpi->since = report_view_buf(view, &buf);
}


/* in per cent of the one before, where there is one to compare with */
static void
report_view_change(report_view_t *view, const report_figure_t *now,
    const report_figure_t *before, pt_str_t good, report_kpi_t *kpi)
{
    double           a, b;
    pt_str_t         text;
    pt_buf_t         buf;
    report_figure_t  change = { .known = true };

    if (!now->known || !before->known || before->value == 0) {
        return;
    }

    a = report_decimal_double(before->value);
    b = report_decimal_double(now->value);

    if (report_decimal_from((b - a) / (a < 0 ? -a : a), &change.value)
        != PT_OK)
    {
        return;
    }

    text = report_view_figure(view, REPORT_PERCENT, &change);

    pt_buf_init(&buf, &pt_mem_heap, 256);
    pt_buf_add_text(&buf, change.value > 0 ? "+" : "");
    pt_buf_add_str(&buf, text);
    kpi->change = report_view_buf(view, &buf);

    if (!pt_str_is(good, "neither") && change.value != 0) {
        kpi->good = (change.value > 0) == pt_str_is(good, "up") ? 1 : -1;
    }
}


pt_err_t
report_view_check(report_view_t *view, const pt_json_t *check,
    report_check_t *ret_check)
{
    pt_err_t         err;
    report_format_t  format;
    report_figure_t  left, right;

    format = report_format(pt_json_string(check, "format",
                                          PT_STR("integer")));

    if ((err = report_figure(view->r, pt_json_member(check, "left"), &left))
           != PT_OK
        || (err = report_figure(view->r, pt_json_member(check, "right"),
                                &right)) != PT_OK)
    {
        return err;
    }

    ret_check->title = report_view_clean(view, pt_json_string(check, "title",
                                                              PT_STR("")));
    ret_check->left = report_view_figure(view, format, &left);
    ret_check->right = report_view_figure(view, format, &right);

    if (left.known != right.known || left.value != right.value) {
        return report_fail(view->r, PT_E_PARAMETERS, "control total \"%.*s\""
                           " does not agree: %.*s and %.*s",
                           PT_STR_ARG(ret_check->title),
                           PT_STR_ARG(ret_check->left),
                           PT_STR_ARG(ret_check->right));
    }

    return PT_OK;
}


pt_err_t
report_view_columns(report_view_t *view, const report_table_t *table,
    const pt_json_t *section, size_t **ret_columns, size_t *ret_n)
{
    size_t            i = 0, *columns;
    const pt_json_t  *names = pt_json_member(section, "columns"), *name;

    columns = pt_room_array(view->room, table->n_columns
                            + (names != NULL ? names->n : 0) + 1,
                            sizeof(size_t));
    if (columns == NULL) {
        return PT_E_NOMEM;
    }

    if (names == NULL) {
        for (i = 0; i < table->n_columns; i++) {
            columns[i] = i;
        }
    }

    for (name = names != NULL ? names->first : NULL; name != NULL;
         name = name->next)
    {
        columns[i] = report_column(table, name->text);

        if (columns[i++] == table->n_columns) {
            return report_fail(view->r, PT_E_PARAMETERS, "table \"%.*s\":"
                               " dataset \"%.*s\" has no column \"%.*s\"",
                               PT_STR_ARG(pt_json_string(section, "title",
                                                         PT_STR(""))),
                               PT_STR_ARG(table->dataset->name),
                               PT_STR_ARG(name->text));
        }
    }

    *ret_columns = columns;
    *ret_n = i;

    return PT_OK;
}


bool
report_view_group_ends(const report_table_t *table, size_t group, uint64_t row)
{
    return group < table->n_columns
           && (row + 1 == table->n_rows
               || !pt_str_eq(report_cell(table, row, group),
                             report_cell(table, row + 1, group)));
}


int
report_view_highlight(const pt_json_t *section, const report_column_t *column,
    pt_str_t cell)
{
    double            v;
    const pt_json_t  *rule = pt_json_member(section, "highlight"), *limit;
    report_decimal_t  value;

    if (rule == NULL || cell.data == NULL
        || report_decimal_read(cell, &value) != PT_OK)
    {
        return 0;
    }

    v = report_decimal_double(value);

    for (rule = rule->first; rule != NULL; rule = rule->next) {
        if (!pt_str_eq(pt_json_string(rule, "column", PT_STR("")),
                       column->name))
        {
            continue;
        }

        limit = pt_json_member(rule, "above");

        if (limit != NULL && !(v > limit->number)) {
            continue;
        }

        limit = pt_json_member(rule, "below");

        if (limit != NULL && !(v < limit->number)) {
            continue;
        }

        return pt_str_is(pt_json_string(rule, "as", PT_STR("")), "good")
               ? 1 : -1;
    }

    return 0;
}
