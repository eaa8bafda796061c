/* What a person reads first, and what Art. 15 GDPR wants told beside data. */

#include <stdio.h>
#include <stdlib.h>

#include "backup_export.h"


#define SQL_MAX    (1u << 20)
#define PAGE_MAX   (16u << 20)
#define PAGE_ROWS  100             /* of a table on the page */
#define PAGE_TEXT  300             /* bytes of a value on it */
#define MAP_TEXT   2000            /* of the map's texts */


/* of the map: what is said of all, and of each table */
static const struct {
    const char  *member;
    const char  *label;
} page_controller[] = {
    { "name",                    "Controller" },
    { "contact",                 "Contact" },
    { "data_protection_officer", "Data protection officer" },
    { "supervisory_authority",   "Supervisory authority" },
    { "recipients",              "Who else receives data" },
    { "transfers",               "Transfers to other countries" },
    { "automated_decisions",     "Automated decisions and profiling" }
}, page_table[] = {
    { "purpose",    "Purpose" },
    { "basis",      "Legal basis" },
    { "retention",  "Kept" },
    { "source",     "Source" },
    { "recipients", "Recipients" }
};

static const char  page_rights[] =
    "You may ask for rectification (Art. 16 GDPR), erasure (Art. 17), "
    "restriction of processing (Art. 18), portability (Art. 20, this archive "
    "serves it) and object to processing (Art. 21). You may complain to a "
    "supervisory authority (Art. 77).";

static const char  page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
    " style-src 'unsafe-inline'\">\n<title>Your data</title>\n<style>\n"
    ":root{color-scheme:light dark;--line:#8884;--soft:#8882}\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;"
    "padding:0 1rem;overflow-wrap:break-word}\n"
    "h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}\n"
    "dt{opacity:.7}dd{margin:0}\n"
    ".rows{overflow-x:auto}table{border-collapse:collapse;"
    "width:max-content;font-size:.85rem}\n"
    "td,th{border:1px solid var(--line);padding:.25rem .5rem;text-align:left;"
    "vertical-align:top;min-width:4rem;max-width:22rem}\n"
    "th{background:var(--soft)}nav li{break-inside:avoid}"
    "nav ul{columns:16rem;padding-left:1.2rem}.of{opacity:.7}\n"
    "</style>\n</head>\n<body>\n";


static void about_write(export_t *e, pt_buf_t *text);
static void about_part(pt_jsonw_t *w, const export_part_t *part);
static void page_write(export_t *e, pt_buf_t *page);
static void page_contents(export_t *e, pt_buf_t *page);
static pt_err_t page_part(export_t *e, const export_part_t *part,
    pt_buf_t *page);
static void page_rows(pt_buf_t *page, const PGresult *rows);
static void page_line(pt_buf_t *page, const char *label, pt_str_t text);


pt_err_t
backup_export_pages(export_t *e, backup_member_t *entry)
{
    size_t    i;
    pt_buf_t  text;
    pt_err_t  err;

    pt_buf_init(&text, &pt_mem_heap, PAGE_MAX);
    about_write(e, &text);

    err = text.err != PT_OK ? backup_say(text.err, "no memory")
          : backup_member_text(entry, "about.json", pt_buf_str(&text));

    pt_buf_reset(&text);
    page_write(e, &text);

    for (i = 0; i < e->nparts && err == PT_OK; i++) {
        err = page_part(e, &e->parts[i], &text);
    }

    pt_buf_printf(&text, "<h2 id=\"files\">Files</h2>\n<p class=\"of\">%llu "
                  "files.</p>\n<ul>\n", (unsigned long long) e->files);
    pt_buf_add_str(&text, pt_buf_str(&e->listing));
    pt_buf_add_text(&text, "</ul>\n</body>\n</html>\n");

    if (err == PT_OK && (text.err != PT_OK || e->listing.err != PT_OK)) {
        err = backup_say(PT_E_TOO_LARGE, "the export's index is too large");
    }

    if (err == PT_OK) {
        err = backup_member_text(entry, "index.html", pt_buf_str(&text));
    }

    pt_buf_done(&text);

    return err;
}


/* ---- about.json ---- */

static void
about_write(export_t *e, pt_buf_t *text)
{
    size_t            i;
    pt_jsonw_t        w;
    const pt_json_t  *controller = pt_json_member(e->session.map,
                                                  "controller");

    pt_jsonw_init(&w, text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "format");
    pt_jsonw_text(&w, "pitchey-export-1");
    pt_jsonw_key(&w, "user_id");
    pt_jsonw_text(&w, e->user);
    pt_jsonw_key(&w, "data_as_of");
    pt_jsonw_text(&w, e->snapshot_at);
    pt_jsonw_key(&w, "controller");

    if (controller != NULL) {
        pt_jsonw_value(&w, controller);
    } else {
        pt_jsonw_null(&w);
    }

    pt_jsonw_key(&w, "your_rights");
    pt_jsonw_text(&w, page_rights);
    pt_jsonw_key(&w, "files");
    pt_jsonw_int(&w, (int64_t) e->files);
    pt_jsonw_key(&w, "files_missing");
    pt_jsonw_int(&w, (int64_t) e->missing);
    pt_jsonw_key(&w, "tables");
    pt_jsonw_array(&w);

    for (i = 0; i < e->nparts; i++) {
        about_part(&w, &e->parts[i]);
    }

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
}


static void
about_part(pt_jsonw_t *w, const export_part_t *part)
{
    size_t                 i;
    pt_str_t               text;
    const backup_table_t  *table = part->table;

    pt_jsonw_object(w);
    pt_jsonw_key(w, "table");
    pt_jsonw_text(w, part->title);
    pt_jsonw_key(w, "rows");
    pt_jsonw_int(w, (int64_t) part->rows);

    for (i = 0; i < sizeof(page_table) / sizeof(page_table[0]); i++) {
        text = pt_json_string(table->json, page_table[i].member, PT_STR_NULL);

        if (text.data != NULL) {
            pt_jsonw_key(w, page_table[i].member);
            pt_jsonw_str(w, text);
        }
    }

    pt_jsonw_key(w, "columns");
    pt_jsonw_array(w);

    for (i = 0; i < table->ncolumns; i++) {
        if (!table->columns[i].secret) {
            pt_jsonw_text(w, table->columns[i].name);
        }
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "withheld_columns");
    pt_jsonw_array(w);

    for (i = 0; i < table->ncolumns; i++) {
        if (table->columns[i].secret) {
            pt_jsonw_text(w, table->columns[i].name);
        }
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


/* ---- index.html ---- */

static void
page_write(export_t *e, pt_buf_t *page)
{
    size_t            i;
    const pt_json_t  *controller = pt_json_member(e->session.map,
                                                  "controller");

    pt_buf_add_text(page, page_head);
    pt_buf_add_text(page, "<h1>Your data</h1>\n<p>All that is stored about "
                    "user <b>");
    backup_export_text(page, e->user, PAGE_TEXT);
    pt_buf_printf(page, "</b>, as it was at %s (UTC). Each table is here as "
                  "JSON and CSV, with a description of its columns. "
                  "<a href=\"manifest.json\">manifest.json</a> has the SHA-256 "
                  "of every entry and is signed; <a href=\"about.json\">"
                  "about.json</a> has this page's information for programs."
                  "</p>\n<dl>\n", e->snapshot_at);

    for (i = 0; i < sizeof(page_controller) / sizeof(page_controller[0]); i++)
    {
        page_line(page, page_controller[i].label,
                  pt_json_string(controller, page_controller[i].member,
                                 PT_STR_NULL));
    }

    page_line(page, "Your rights", pt_str(page_rights));
    pt_buf_add_text(page, "</dl>\n");
    page_contents(e, page);
}


static void
page_contents(export_t *e, pt_buf_t *page)
{
    size_t  i;

    pt_buf_add_text(page, "<nav><h2>Contents</h2>\n<ul>\n");

    for (i = 0; i < e->nparts; i++) {
        pt_buf_printf(page, "<li><a href=\"#%s\">%s</a> (%llu)</li>\n",
                      e->parts[i].title, e->parts[i].title,
                      (unsigned long long) e->parts[i].rows);
    }

    pt_buf_printf(page, "<li><a href=\"#files\">Files</a> (%llu)</li>\n</ul>"
                  "</nav>\n", (unsigned long long) e->files);
}


static pt_err_t
page_part(export_t *e, const export_part_t *part, pt_buf_t *page)
{
    size_t     i;
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *rows;

    pt_buf_printf(page, "<h2 id=\"%s\">%s</h2>\n<dl>\n", part->title,
                  part->title);

    for (i = 0; i < sizeof(page_table) / sizeof(page_table[0]); i++) {
        page_line(page, page_table[i].label,
                  pt_json_string(part->table->json, page_table[i].member,
                                 PT_STR_NULL));
    }

    pt_buf_printf(page, "</dl>\n<p>%llu rows: <a href=\"data/%s.csv\">CSV</a>, "
                  "<a href=\"data/%s.json\">JSON</a></p>\n",
                  (unsigned long long) part->rows, part->title, part->title);

    if (part->rows == 0) {
        return PT_OK;
    }

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    backup_export_select(e, part, false, &sql);
    pt_buf_printf(&sql, " LIMIT %d", PAGE_ROWS);
    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                           : backup_query(e->conn, sql.data, NULL, 0, &rows);
    pt_buf_done(&sql);

    if (err != PT_OK) {
        return err;
    }

    page_rows(page, rows);
    PQclear(rows);

    if (part->rows > PAGE_ROWS) {
        pt_buf_printf(page, "<p class=\"of\">The first %d; all of them are in "
                      "the files.</p>\n", PAGE_ROWS);
    }

    return PT_OK;
}


static void
page_rows(pt_buf_t *page, const PGresult *rows)
{
    int  i, k;

    pt_buf_add_text(page, "<div class=\"rows\"><table>\n<tr>");

    for (k = 0; k < PQnfields(rows); k++) {
        pt_buf_add_text(page, "<th>");
        backup_export_text(page, PQfname(rows, k), PAGE_TEXT);
        pt_buf_add_text(page, "</th>");
    }

    for (i = 0; i < PQntuples(rows); i++) {
        pt_buf_add_text(page, "</tr>\n<tr>");

        for (k = 0; k < PQnfields(rows); k++) {
            pt_buf_add_text(page, "<td>");
            backup_export_text(page, PQgetvalue(rows, i, k), PAGE_TEXT);
            pt_buf_add_text(page, "</td>");
        }
    }

    pt_buf_add_text(page, "</tr>\n</table></div>\n");
}


static void
page_line(pt_buf_t *page, const char *label, pt_str_t text)
{
    char  line[MAP_TEXT];

    if (text.data != NULL) {
        (void) snprintf(line, sizeof(line), "%.*s", PT_STR_ARG(text));
        pt_buf_printf(page, "<dt>%s</dt><dd>", label);
        backup_export_text(page, line, sizeof(line));
        pt_buf_add_text(page, "</dd>\n");
    }
}


void
backup_export_text(pt_buf_t *page, const char *text, size_t max)
{
    size_t  i, len = strlen(text);

    if (len > max) {
        len = pt_str_utf8_len((pt_str_t) { text, max });
    }

    for (i = 0; i < len; i++) {
        switch (text[i]) {

        case '&':
            pt_buf_add_text(page, "&amp;");
            break;

        case '<':
            pt_buf_add_text(page, "&lt;");
            break;

        case '"':
            pt_buf_add_text(page, "&quot;");
            break;

        default:
            pt_buf_add_char(page, text[i]);
        }
    }

    if (text[len] != '\0') {
        pt_buf_add_text(page, " ...");
    }
}
