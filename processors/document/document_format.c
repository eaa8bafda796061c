/* Values as a contract writes them. */

#include "document_format.h"


#define DOCUMENT_WORDS_MAX  1000000000000LL


static pt_err_t document_format_date(pt_str_t date, bool us, pt_buf_t *out);
static pt_err_t document_format_integer(const pt_json_t *value,
    int64_t *ret_n);
static void document_format_hundreds(unsigned n, bool and, pt_buf_t *out);


pt_err_t
document_format(void *ctx, pt_str_t filter, const pt_json_t *value,
    pt_buf_t *out)
{
    int64_t   n;
    pt_err_t  err;

    (void) ctx;

    if (pt_str_is(filter, "date") || pt_str_is(filter, "date-us")) {
        return value->type != PT_JSON_STRING ? PT_E_INVALID
               : document_format_date(value->text,
                                      pt_str_is(filter, "date-us"), out);
    }

    if (pt_str_is(filter, "words")) {
        err = document_format_integer(value, &n);
        if (err == PT_OK) {
            document_format_words((uint64_t) n, out);
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

    return PT_E_INVALID;
}


/* "2026-11-23" by a schema's format: date; looked at again all the same */
static pt_err_t
document_format_date(pt_str_t date, bool us, pt_buf_t *out)
{
    size_t    i;
    unsigned  month, day;

    static const char *const  months[] = {
        "January", "February", "March", "April", "May", "June", "July",
        "August", "September", "October", "November", "December",
    };

    if (date.len != 10 || date.data[4] != '-' || date.data[7] != '-') {
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

    if (us) {
        pt_buf_printf(out, "%s %u, %.4s", months[month - 1], day, date.data);
    } else {
        pt_buf_printf(out, "%u %s %.4s", day, months[month - 1], date.data);
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
document_format_words(uint64_t n, pt_buf_t *out)
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

        document_format_hundreds(part, begun && steps[i].value == 1, out);
        pt_buf_add_text(out, steps[i].name);
        begun = true;
    }
}


/* 1 .. 999; "and" before what is below a hundred, as in British usage */
static void
document_format_hundreds(unsigned n, bool and, pt_buf_t *out)
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

        pt_buf_add_text(out, " and ");

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
