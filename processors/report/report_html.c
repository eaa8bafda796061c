/* HTML: one page that needs no other file and runs no script. */

#include <string.h>

#include "pt_svg.h"
#include "report_view.h"


#define REPORT_HTML_WIDTH   (640 * PT_POINT)
#define REPORT_HTML_HEIGHT  (260 * PT_POINT)
#define REPORT_HTML_SPARK   (40 * PT_POINT)


static pt_err_t report_html_section(report_view_t *view,
    const pt_json_t *section, pt_buf_t *buf);
static pt_err_t report_html_text(report_view_t *view,
    const pt_json_t *section, pt_buf_t *buf);
static pt_err_t report_html_kpis(report_view_t *view,
    const pt_json_t *section, pt_buf_t *buf);
static pt_err_t report_html_chart(report_view_t *view,
    const pt_json_t *section, pt_buf_t *buf);
static pt_err_t report_html_totals(report_view_t *view,
    const pt_json_t *section, pt_buf_t *buf);
static pt_err_t report_html_table(report_view_t *view,
    const report_table_t *table, const pt_json_t *section, pt_buf_t *buf);
static pt_err_t report_html_row(report_view_t *view,
    const report_table_t *table, const pt_json_t *section,
    const size_t *columns, size_t n, uint64_t row, pt_buf_t *buf);
static pt_err_t report_html_body(report_view_t *view,
    const report_table_t *table, const pt_json_t *section,
    const size_t *columns, size_t n, pt_buf_t *buf);
static pt_err_t report_html_add(const report_table_t *table, uint64_t row,
    report_decimal_t *sums);
static bool report_html_any_total(const report_table_t *table,
    const size_t *columns, size_t n);
static void report_html_sums(report_view_t *view, const report_table_t *table,
    const size_t *columns, size_t n, pt_str_t label,
    const report_decimal_t *sums, pt_buf_t *buf);
static void report_html_cell(pt_buf_t *buf, const char *open, pt_str_t text,
    const char *close);
static void report_html_facts(report_view_t *view, pt_buf_t *buf);


static const char  report_html_head[] =
    "<style>\n"
    "body{font:15px/1.5 \"Open Sans\",system-ui,sans-serif;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\n"
    "h1{font-size:1.9rem;line-height:1.2}"
    "h2{font-size:1.25rem;margin-top:2rem}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}"
    "dt{font-weight:bold}dd{margin:0}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:.6rem}"
    ".tile{background:#f2f4f7;padding:.6rem .9rem;flex:1 1 12rem}"
    ".tile b{display:block;font-size:1.6rem}\n"
    ".good{color:#00614a}.bad{color:#a03000}.note{color:#595959}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;"
    "font-size:.87rem}th,td{padding:.25rem .6rem;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top}"
    "th{border-bottom:1px solid #1a1a1a}.n{text-align:right;"
    "font-variant-numeric:tabular-nums}.sum td{font-weight:bold;"
    "border-top:1px solid #1a1a1a}\n"
    "td.good{background:#dff3ec}td.bad{background:#fbe6dc}\n"
    "svg{width:100%;height:auto}dd{overflow-wrap:anywhere}"
    "@media(max-width:40rem){.chart svg{width:40rem}}\n"
    "</style>\n";


pt_err_t
report_html(report_view_t *view, pt_buf_t *buf)
{
    pt_err_t          err = PT_OK;
    pt_str_t          title;
    const pt_json_t  *section;

    pt_buf_printf(buf, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n"
                  "<meta charset=\"utf-8\">\n<meta name=\"viewport\""
                  " content=\"width=device-width\">\n", view->locale->name);
    report_html_cell(buf, "<title>", view->r->definition->title,
                     "</title>\n");
    pt_buf_add_text(buf, report_html_head);
    report_html_cell(buf, "</head>\n<body>\n<h1>",
                     view->r->definition->title, "</h1>\n");
    report_html_facts(view, buf);

    for (section = view->r->definition->sections->first;
         section != NULL && err == PT_OK; section = section->next)
    {
        title = pt_json_string(section, "title", PT_STR_NULL);

        if (title.data != NULL) {
            report_html_cell(buf, "<h2>", title, "</h2>\n");
        }

        err = report_html_section(view, section, buf);
    }

    pt_buf_add_text(buf, "</body>\n</html>\n");

    return err != PT_OK ? err : buf->err;
}


static void
report_html_facts(report_view_t *view, pt_buf_t *buf)
{
    pt_jsonw_t        w;
    pt_buf_t          text;
    const pt_json_t  *value, *schema;
    report_t         *r = view->r;

    schema = pt_json_member(pt_json_member(r->definition->root, "parameters"),
                            "properties");

    report_html_cell(buf, "<dl>\n<dt>Data as of</dt><dd>", r->snapshot,
                     "</dd>\n");
    report_html_cell(buf, "<dt>Time zone</dt><dd>", r->timezone, "</dd>\n");
    report_html_cell(buf, "<dt>Requested by</dt><dd>", view->requested_by,
                     "</dd>\n");

    for (value = r->parameters->first; value != NULL; value = value->next) {
        report_html_cell(buf, "<dt>",
                         pt_json_string(pt_json_member_str(schema, value->key),
                                        "title", value->key), "</dt>");

        pt_buf_init(&text, &pt_mem_heap, 4096);
        pt_jsonw_init(&w, &text);
        pt_jsonw_value(&w, value);
        report_html_cell(buf, "<dd>", value->type == PT_JSON_STRING
                         ? value->text : pt_buf_str(&text), "</dd>\n");
        pt_buf_done(&text);
    }

    pt_buf_add_text(buf, "</dl>\n");
}


static pt_err_t
report_html_section(report_view_t *view, const pt_json_t *section,
    pt_buf_t *buf)
{
    pt_str_t  type = pt_json_string(section, "type", PT_STR(""));

    if (pt_str_is(type, "text")) {
        return report_html_text(view, section, buf);
    }

    if (pt_str_is(type, "kpis")) {
        return report_html_kpis(view, section, buf);
    }

    if (pt_str_is(type, "chart")) {
        return report_html_chart(view, section, buf);
    }

    if (pt_str_is(type, "totals")) {
        return report_html_totals(view, section, buf);
    }

    return report_html_table(view,
                             report_table(view->r,
                                          pt_json_string(section, "dataset",
                                                         PT_STR(""))),
                             section, buf);
}


static pt_err_t
report_html_text(report_view_t *view, const pt_json_t *section, pt_buf_t *buf)
{
    pt_err_t     err;
    pt_str_t     text, para;
    const char  *end;

    err = report_view_text(view, section, &text);

    while (err == PT_OK && text.len > 0) {
        end = memmem(text.data, text.len, "\n\n", 2);
        para = (pt_str_t) {
            text.data, end != NULL ? (size_t) (end - text.data) : text.len
        };
        text.data += para.len + (end != NULL ? 2 : 0);
        text.len -= para.len + (end != NULL ? 2 : 0);

        report_html_cell(buf, "<p>", para, "</p>\n");
    }

    return err;
}


static pt_err_t
report_html_kpis(report_view_t *view, const pt_json_t *section, pt_buf_t *buf)
{
    pt_err_t          err = PT_OK;
    report_kpi_t      kpi;
    const pt_json_t  *item = pt_json_member(section, "items")->first;

    pt_buf_add_text(buf, "<div class=\"tiles\">\n");

    for ( /* void */ ; item != NULL && err == PT_OK; item = item->next) {
        err = report_view_kpi(view, item, &kpi);
        if (err != PT_OK) {
            return err;
        }

        report_html_cell(buf, "<div class=\"tile\"><span>", kpi.title,
                         "</span>");
        report_html_cell(buf, "<b>", kpi.value, "</b>");

        if (kpi.previous.data != NULL) {
            report_html_cell(buf, kpi.good > 0 ? "<span class=\"good\">"
                                  : kpi.good < 0 ? "<span class=\"bad\">"
                                  : "<span class=\"note\">",
                             kpi.change, "</span> ");
            report_html_cell(buf, "<span class=\"note\">(", kpi.previous,
                             " before)</span>");
        }

        if (kpi.since.len > 0) {
            report_html_cell(buf, "<span class=\"note\">", kpi.since, "</span>");
        }

        pt_buf_add_text(buf, "</div>\n");
    }

    pt_buf_add_text(buf, "</div>\n");

    return err;
}


/* the rows behind it are there for who cannot see it, or wants to check */
static pt_err_t
report_html_chart(report_view_t *view, const pt_json_t *section,
    pt_buf_t *buf)
{
    pt_err_t               err;
    pt_drawing_t          *drawing;
    const report_table_t  *table;

    err = report_view_chart(view, section, REPORT_HTML_WIDTH,
                            pt_str_is(pt_json_string(section, "kind",
                                                     PT_STR("")), "sparkline")
                            ? REPORT_HTML_SPARK : REPORT_HTML_HEIGHT,
                            &drawing);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_add_text(buf, "<div class=\"chart scroll\">");
    pt_svg_write(drawing, "\"Open Sans\", sans-serif", buf);
    pt_buf_add_text(buf, "</div>\n");

    table = report_table(view->r, pt_json_string(section, "dataset",
                                                 PT_STR("")));

    if (table->n_rows > REPORT_BEHIND_MAX) {
        pt_buf_printf(buf, "<p class=\"note\">%llu rows behind it are in the"
                      " files of dataset \"%.*s\".</p>\n",
                      (unsigned long long) table->n_rows,
                      PT_STR_ARG(table->dataset->name));
        return PT_OK;
    }

    pt_buf_add_text(buf, "<details><summary>The figures</summary>\n");
    err = report_html_table(view, table, NULL, buf);
    pt_buf_add_text(buf, "</details>\n");

    return err;
}


static pt_err_t
report_html_totals(report_view_t *view, const pt_json_t *section,
    pt_buf_t *buf)
{
    pt_err_t          err = PT_OK;
    report_check_t    total;
    const pt_json_t  *check = pt_json_member(section, "checks")->first;

    pt_buf_add_text(buf, "<table><tbody>\n");

    for ( /* void */ ; check != NULL && err == PT_OK; check = check->next) {
        err = report_view_check(view, check, &total);
        if (err != PT_OK) {
            return err;
        }

        report_html_cell(buf, "<tr><td>", total.title, "</td>");
        report_html_cell(buf, "<td class=\"n\">", total.left, "</td>");
        report_html_cell(buf, "<td class=\"n\">", total.right, "</td></tr>\n");
    }

    pt_buf_add_text(buf, "</tbody></table>\n<p class=\"note\">Each pair was"
                    " counted by two queries in one snapshot of the database,"
                    " and agrees.</p>\n");

    return err;
}


static pt_err_t
report_html_table(report_view_t *view, const report_table_t *table,
    const pt_json_t *section, pt_buf_t *buf)
{
    size_t             i, n, *columns;
    pt_err_t           err;
    report_decimal_t  *sums;

    err = report_view_columns(view, table, section, &columns, &n);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_add_text(buf, "<div class=\"scroll\"><table>\n<thead><tr>");

    for (i = 0; i < n; i++) {
        report_html_cell(buf, table->columns[columns[i]].numeric
                              ? "<th scope=\"col\" class=\"n\">"
                              : "<th scope=\"col\">",
                         table->columns[columns[i]].title, "</th>");
    }

    pt_buf_add_text(buf, "</tr></thead>\n");

    err = report_html_body(view, table, section, columns, n, buf);

    sums = pt_room_array(view->room, table->n_columns,
                         sizeof(report_decimal_t));
    if (sums == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < table->n_columns; i++) {
        sums[i] = table->columns[i].sum;
    }

    if (table->n_rows > 0 && report_html_any_total(table, columns, n)) {
        pt_buf_add_text(buf, "<tfoot>");
        report_html_sums(view, table, columns, n, PT_STR("Total"), sums, buf);
        pt_buf_add_text(buf, "</tfoot>\n");
    }

    pt_buf_add_text(buf, "</table></div>\n");

    if (table->n_rows == 0) {
        pt_buf_add_text(buf, "<p class=\"note\">No rows.</p>\n");
    }

    return err;
}


/* the rows; where the section groups them, subtotals after each group */
static pt_err_t
report_html_body(report_view_t *view, const report_table_t *table,
    const pt_json_t *section, const size_t *columns, size_t n, pt_buf_t *buf)
{
    size_t             group;
    uint64_t           row;
    pt_err_t           err = PT_OK;
    report_decimal_t  *sums;

    group = report_column(table, pt_json_string(section, "group",
                                                PT_STR("")));
    sums = pt_room_array(view->room, table->n_columns,
                         sizeof(report_decimal_t));
    if (sums == NULL) {
        return PT_E_NOMEM;
    }

    pt_buf_add_text(buf, "<tbody>\n");

    for (row = 0; row < table->n_rows && err == PT_OK; row++) {
        err = report_html_row(view, table, section, columns, n, row, buf);

        if (err == PT_OK && group < table->n_columns) {
            err = report_html_add(table, row, sums);
        }

        if (err == PT_OK && report_view_group_ends(table, group, row)) {
            report_html_sums(view, table, columns, n,
                             report_view_cell(view, &table->columns[group],
                                              report_cell(table, row, group)),
                             sums, buf);
            memset(sums, 0, table->n_columns * sizeof(report_decimal_t));
        }
    }

    pt_buf_add_text(buf, "</tbody>\n");

    return err;
}


static pt_err_t
report_html_add(const report_table_t *table, uint64_t row,
    report_decimal_t *sums)
{
    size_t            i;
    pt_err_t          err = PT_OK;
    pt_str_t          cell;
    report_decimal_t  value;

    for (i = 0; i < table->n_columns && err == PT_OK; i++) {
        cell = report_cell(table, row, i);

        if (table->columns[i].total && cell.data != NULL
            && report_decimal_read(cell, &value) == PT_OK)
        {
            err = report_decimal_add(&sums[i], value);
        }
    }

    return err;
}


static pt_err_t
report_html_row(report_view_t *view, const report_table_t *table,
    const pt_json_t *section, const size_t *columns, size_t n, uint64_t row,
    pt_buf_t *buf)
{
    int                     mark;
    size_t                  i;
    pt_str_t                cell, text;
    const report_column_t  *column;

    pt_buf_add_text(buf, "<tr>");

    for (i = 0; i < n; i++) {
        column = &table->columns[columns[i]];
        cell = report_cell(table, row, columns[i]);
        text = report_view_cell(view, column, cell);
        mark = section == NULL ? 0
               : report_view_highlight(section, column, cell);

        if (text.data == NULL) {
            return PT_E_NOMEM;
        }

        pt_buf_printf(buf, "<td class=\"%s%s\">",
                      column->numeric ? "n " : "",
                      mark > 0 ? "good" : mark < 0 ? "bad" : "");
        report_html_cell(buf, "", text, "</td>");
    }

    pt_buf_add_text(buf, "</tr>\n");

    return buf->err;
}


static bool
report_html_any_total(const report_table_t *table, const size_t *columns,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n && !table->columns[columns[i]].total; i++) {
        /* the first one */
    }

    return i < n;
}


static void
report_html_sums(report_view_t *view, const report_table_t *table,
    const size_t *columns, size_t n, pt_str_t label,
    const report_decimal_t *sums, pt_buf_t *buf)
{
    size_t                  i;
    report_figure_t         sum = { .known = true };
    const report_column_t  *column;

    pt_buf_add_text(buf, "<tr class=\"sum\">");

    for (i = 0; i < n; i++) {
        column = &table->columns[columns[i]];
        sum.value = sums[columns[i]];
        report_html_cell(buf, column->numeric ? "<td class=\"n\">" : "<td>",
                         column->total
                         ? report_view_figure(view, column->format, &sum)
                         : i == 0 ? label : PT_STR(""), "</td>");
    }

    pt_buf_add_text(buf, "</tr>\n");
}


static void
report_html_cell(pt_buf_t *buf, const char *open, pt_str_t text,
    const char *close)
{
    pt_buf_add_text(buf, open);
    pt_svg_text(text, buf);
    pt_buf_add_text(buf, close);
}
