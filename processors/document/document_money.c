/* Numbers, shares and amounts of money, as a language writes them. */

#include <stdio.h>

#include "document_format.h"


/* digits before the decimal mark; 999,999,999,999 can still be said */
#define DOCUMENT_DIGITS_MAX  12
#define DOCUMENT_NBSP        "\xc2\xa0"


/* a decimal number, in its digits: no binary fraction rounds a price */
typedef struct {
    char      whole[DOCUMENT_DIGITS_MAX + 1];     /* without leading zeros */
    char      part[DOCUMENT_DIGITS_MAX + 1];      /* without zeros at its end */
    bool      negative;
} document_decimal_t;

typedef struct {
    const char  *code;
    const char  *one, *many;            /* "euro", "euros" */
    const char  *cent, *cents;
} document_currency_t;


static pt_err_t document_decimal(const pt_json_t *value,
    document_decimal_t *ret_decimal);
static void document_decimal_write(const document_decimal_t *d,
    pt_str_t language, pt_buf_t *out);
static pt_err_t document_money(pt_str_t language, bool words,
    const pt_json_t *value, pt_buf_t *out);
static pt_err_t document_money_words(const document_decimal_t *d,
    pt_str_t language, pt_str_t code, pt_buf_t *out);


static const document_currency_t  document_currencies[] = {
    { "USD", "US dollar", "US dollars", "cent", "cents" },
    { "EUR", "euro", "euros", "cent", "cents" },
    { "GBP", "pound sterling", "pounds sterling", "penny", "pence" },
    { "CAD", "Canadian dollar", "Canadian dollars", "cent", "cents" },
    { "AUD", "Australian dollar", "Australian dollars", "cent", "cents" },
    { "NZD", "New Zealand dollar", "New Zealand dollars", "cent", "cents" },
    { "CHF", "Swiss franc", "Swiss francs", "centime", "centimes" },
    { "JPY", "Japanese yen", "Japanese yen", NULL, NULL },
    { "SEK", "Swedish krona", "Swedish kronor", "\xc3\xb6re", "\xc3\xb6re" },
    { "NOK", "Norwegian krone", "Norwegian kroner", "\xc3\xb8re",
      "\xc3\xb8re" },
    { "DKK", "Danish krone", "Danish kroner", "\xc3\xb8re", "\xc3\xb8re" },
};


pt_err_t
document_format_number(pt_str_t language, pt_str_t filter,
    const pt_json_t *value, pt_buf_t *out)
{
    pt_err_t            err;
    document_decimal_t  d;

    if (pt_str_is(filter, "money") || pt_str_is(filter, "money-words")) {
        return document_money(language, filter.len > 5, value, out);
    }

    if (!pt_str_is(filter, "number") && !pt_str_is(filter, "percent")) {
        return PT_E_INVALID;
    }

    err = document_decimal(value, &d);
    if (err != PT_OK) {
        return err;
    }

    document_decimal_write(&d, language, out);

    if (pt_str_is(filter, "percent")) {
        pt_buf_add_text(out, document_language_is(language, "en")
                             ? "%" : DOCUMENT_NBSP "%");
    }

    return PT_OK;
}


/* "-1250.50", of JSON; what has an exponent must be whole */
static pt_err_t
document_decimal(const pt_json_t *value, document_decimal_t *ret_decimal)
{
    char                text[64];
    size_t              n, len;
    const char         *p = text;
    document_decimal_t  d = { 0 };

    if (value->type != PT_JSON_NUMBER || value->text.len >= sizeof(text)) {
        return PT_E_INVALID;
    }

    if (value->integer) {
        (void) snprintf(text, sizeof(text), "%lld", (long long) value->i64);
    } else {
        memcpy(text, value->text.data, value->text.len);
        text[value->text.len] = '\0';
    }

    d.negative = *p == '-';
    p += d.negative;
    p += strspn(p, "0");

    n = strspn(p, "0123456789");
    if (n > DOCUMENT_DIGITS_MAX) {
        return PT_E_INVALID;
    }

    memcpy(d.whole, n > 0 ? p : "0", n > 0 ? n : 1);
    p += n;

    if (*p == '.') {
        len = strspn(++p, "0123456789");
        n = len;

        while (n > 0 && p[n - 1] == '0') {
            n--;
        }

        if (n > DOCUMENT_DIGITS_MAX) {
            return PT_E_INVALID;
        }

        memcpy(d.part, p, n);
        p += len;
    }

    if (*p != '\0') {
        return PT_E_INVALID;
    }

    *ret_decimal = d;

    return PT_OK;
}


static void
document_decimal_write(const document_decimal_t *d, pt_str_t language,
    pt_buf_t *out)
{
    size_t       i, n = strlen(d->whole);
    const char  *group = ",", *point = ".";

    if (document_language_is(language, "de")) {
        group = ".";
        point = ",";

    } else if (document_language_is(language, "fr")) {
        group = DOCUMENT_NBSP;
        point = ",";
    }

    if (d->negative) {
        pt_buf_add_text(out, "\xe2\x88\x92");
    }

    for (i = 0; i < n; i++) {
        pt_buf_add_char(out, d->whole[i]);

        if ((n - i) % 3 == 1 && i + 1 < n) {
            pt_buf_add_text(out, group);
        }
    }

    if (d->part[0] != '\0') {
        pt_buf_add_text(out, point);
        pt_buf_add_text(out, d->part);
    }
}


static pt_err_t
document_money(pt_str_t language, bool words, const pt_json_t *value,
    pt_buf_t *out)
{
    pt_err_t            err;
    pt_str_t            code;
    const pt_json_t    *amount = pt_json_member(value, "amount");
    document_decimal_t  d;

    code = pt_json_string(value, "currency", PT_STR(""));

    if (amount == NULL || code.len != 3) {
        return PT_E_INVALID;
    }

    err = document_decimal(amount, &d);
    if (err != PT_OK) {
        return err;
    }

    /* half a cent is no price; cents are two digits or none */
    if (strlen(d.part) > 2 || d.negative) {
        return PT_E_INVALID;
    }

    if (strlen(d.part) == 1) {
        d.part[1] = '0';
        d.part[2] = '\0';
    }

    if (words) {
        return document_money_words(&d, language, code, out);
    }

    if (document_language_is(language, "en")) {
        pt_buf_add_str(out, code);
        pt_buf_add_text(out, DOCUMENT_NBSP);
        document_decimal_write(&d, language, out);

    } else {
        document_decimal_write(&d, language, out);
        pt_buf_add_text(out, DOCUMENT_NBSP);
        pt_buf_add_str(out, code);
    }

    return PT_OK;
}


static pt_err_t
document_money_words(const document_decimal_t *d, pt_str_t language,
    pt_str_t code, pt_buf_t *out)
{
    bool                        us;
    size_t                      i, n;
    unsigned                    cents;
    unsigned long long          whole;
    const document_currency_t  *currency = NULL;

    n = sizeof(document_currencies) / sizeof(document_currencies[0]);

    for (i = 0; i < n; i++) {
        if (pt_str_is(code, document_currencies[i].code)) {
            currency = &document_currencies[i];
        }
    }

    if (currency == NULL || !document_language_is(language, "en")
        || (currency->cent == NULL && d->part[0] != '\0'))
    {
        return PT_E_INVALID;
    }

    us = document_language_is(language, "en-US");
    (void) sscanf(d->whole, "%llu", &whole);

    document_format_words(whole, us, out);
    pt_buf_add_char(out, ' ');
    pt_buf_add_text(out, whole == 1 ? currency->one : currency->many);

    if (d->part[0] != '\0') {
        cents = (unsigned) ((d->part[0] - '0') * 10 + d->part[1] - '0');
        pt_buf_add_text(out, " and ");
        document_format_words(cents, us, out);
        pt_buf_add_char(out, ' ');
        pt_buf_add_text(out, cents == 1 ? currency->cent : currency->cents);
    }

    return PT_OK;
}
