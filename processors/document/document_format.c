/* Values as a contract writes them. */

#include "document_format.h"


#define DOCUMENT_WORDS_MAX  1000000000000LL


static pt_err_t document_format_date(pt_str_t language, pt_str_t date,
    pt_buf_t *out);
static pt_err_t document_format_integer(const pt_json_t *value,
    int64_t *ret_n);
static void document_format_hundreds(unsigned n, bool us, bool and,
    pt_buf_t *out);


pt_err_t
document_format(pt_str_t language, pt_str_t filter, const pt_json_t *value,
    pt_buf_t *out)
{
    int64_t   n;
    pt_err_t  err;

    if (pt_str_is(filter, "date") || pt_str_is(filter, "date-us")) {
        return value->type != PT_JSON_STRING ? PT_E_INVALID
               : document_format_date(pt_str_is(filter, "date-us")
                                      ? PT_STR("en-US") : language,
                                      value->text, out);
    }

    if (pt_str_is(filter, "words")) {
        err = document_format_integer(value, &n);

        if (err == PT_OK && !document_language_is(language, "en")) {
            err = PT_E_INVALID;
        }

        if (err == PT_OK) {
            document_format_words((uint64_t) n,
                                  document_language_is(language, "en-US"),
                                  out);
        }

        return err;
    }

    if (filter.len > 7 && memcmp(filter.data, "plural ", 7) == 0) {
        err = document_format_integer(value, &n);
        if (err == PT_OK) {
            pt_buf_add(out, filter.data + 7, filter.len - 7);
            pt_buf_add_text(out, n == 1 ? "" : "s");
        }

        return err;
    }

    return document_format_number(language, filter, value, out);
}


bool
document_language_is(pt_str_t language, const char *code)
{
    size_t  len = strlen(code);

    return language.len >= len && memcmp(language.data, code, len) == 0
           && (language.len == len || language.data[len] == '-');
}


/* "2026-11-23" by a schema's format: date; looked at again all the same */
static pt_err_t
document_format_date(pt_str_t language, pt_str_t date, pt_buf_t *out)
{
    size_t             i, k;
    unsigned           month, day;
    const char *const *names;

    static const char *const  months[][12] = {
        { "January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December" },
        { "Januar", "Februar", "M\u00e4rz", "April", "Mai", "Juni", "Juli",
          "August", "September", "Oktober", "November", "Dezember" },
        { "janvier", "f\u00e9vrier", "mars", "avril", "mai", "juin",
          "juillet", "ao\u00fbt", "septembre", "octobre", "novembre",
          "d\u00e9cembre" },
    };

    static const char *const  languages[] = { "en", "de", "fr" };

    for (k = 0; k < 3 && !document_language_is(language, languages[k]); k++) {
        /* which it is */
    }

    if (k == 3 || date.len != 10 || date.data[4] != '-'
        || date.data[7] != '-')
    {
        return PT_E_INVALID;
    }

    for (i = 0; i < date.len; i++) {
        if (i != 4 && i != 7 && (date.data[i] < '0' || date.data[i] > '9')) {
            return PT_E_INVALID;
        }
    }

    month = (unsigned) ((date.data[5] - '0') * 10 + date.data[6] - '0');
    day = (unsigned) ((date.data[8] - '0') * 10 + date.data[9] - '0');

    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return PT_E_INVALID;
    }

    names = months[k];

    if (document_language_is(language, "en-US")) {
        pt_buf_printf(out, "%s\u00a0%u, %.4s", names[month - 1], day,
                      date.data);

    } else {
        pt_buf_printf(out, "%u%s\u00a0%s %.4s", day,
                      k == 1 ? "." : k == 2 && day == 1 ? "er" : "",
                      names[month - 1], date.data);
    }

    return PT_OK;
}


static pt_err_t
document_format_integer(const pt_json_t *value, int64_t *ret_n)
{
    if (value->type != PT_JSON_NUMBER || !value->integer || value->i64 < 0
        || value->i64 >= DOCUMENT_WORDS_MAX)
    {
        return PT_E_INVALID;
    }

    *ret_n = value->i64;

    return PT_OK;
}


void
document_format_words(uint64_t n, bool us, pt_buf_t *out)
{
    size_t    i;
    bool      begun = false;
    unsigned  part;

    static const struct {
        uint64_t     value;
        const char  *name;
    } steps[] = {
        { 1000000000, " billion" }, { 1000000, " million" },
        { 1000, " thousand" }, { 1, "" },
    };

    if (n == 0) {
        pt_buf_add_text(out, "zero");
        return;
    }

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        part = (unsigned) (n / steps[i].value % 1000);

        if (part == 0) {
            continue;
        }

        if (begun) {
            pt_buf_add_char(out, ' ');
        }

        document_format_hundreds(part, us,
                                 begun && !us && steps[i].value == 1, out);
        pt_buf_add_text(out, steps[i].name);
        begun = true;
    }
}


/* 1 .. 999; "and" before what is below a hundred, as in British usage */
static void
document_format_hundreds(unsigned n, bool us, bool and, pt_buf_t *out)
{
    static const char *const  ones[] = {
        "", "one", "two", "three", "four", "five", "six", "seven", "eight",
        "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
        "sixteen", "seventeen", "eighteen", "nineteen",
    };

    static const char *const  tens[] = {
        "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy",
        "eighty", "ninety",
    };

    if (n >= 100) {
        pt_buf_add_text(out, ones[n / 100]);
        pt_buf_add_text(out, " hundred");
        n %= 100;

        if (n == 0) {
            return;
        }

        pt_buf_add_text(out, us ? " " : " and ");

    } else if (and) {
        pt_buf_add_text(out, "and ");
    }

    if (n >= 20) {
        pt_buf_add_text(out, tens[n / 10]);

        if (n % 10 != 0) {
            pt_buf_add_char(out, '-');
            pt_buf_add_text(out, ones[n % 10]);
        }

    } else {
        pt_buf_add_text(out, ones[n]);
    }
}
