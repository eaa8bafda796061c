/* Numbers as results have them. */

#include <float.h>

#include "analysis_film.h"
#include "analysis_math.h"
#include "analysis_write.h"


/* further from the point, the exponent is written */
#define PLAIN_MAX  15


static size_t number_digits(uint64_t v, char *text);


size_t
analysis_number(double v, char ret_text[ANALYSIS_NUMBER_MAX])
{
    int      e, i, n, point;
    char     digits[24], *p = ret_text;
    int64_t  m;

    if (!(v >= -DBL_MAX && v <= DBL_MAX)) {
        memcpy(p, "null", 4);
        return 4;
    }

    analysis_six(v, &m, &e);

    if (m < 0) {
        *p++ = '-';
        m = -m;
    }

    n = (int) number_digits((uint64_t) m, digits);
    point = n + e;               /* digits before it */

    if (e >= 0 && point <= PLAIN_MAX) {
        memcpy(p, digits, (size_t) n);
        memset(p + n, '0', (size_t) e);

        return (size_t) (p - ret_text) + (size_t) point;
    }

    if (e < 0 && point > -PLAIN_MAX / 3) {

        if (point <= 0) {
            *p++ = '0';
            *p++ = '.';

            for (i = point; i < 0; i++) {
                *p++ = '0';
            }

            memcpy(p, digits, (size_t) n);

            return (size_t) (p - ret_text) + (size_t) n;
        }

        memcpy(p, digits, (size_t) point);
        p[point] = '.';
        memcpy(p + point + 1, digits + point, (size_t) (n - point));

        return (size_t) (p - ret_text) + (size_t) n + 1;
    }

    memcpy(p, digits, (size_t) n);
    p += n;
    *p++ = 'e';

    if (e < 0) {
        *p++ = '-';
        e = -e;
    }

    p += number_digits((uint64_t) e, p);

    return (size_t) (p - ret_text);
}


static size_t
number_digits(uint64_t v, char *text)
{
    char    back[24];
    size_t  i, n = 0;

    do {
        back[n++] = (char) ('0' + v % 10);
        v /= 10;
    } while (v != 0);

    for (i = 0; i < n; i++) {
        text[i] = back[n - 1 - i];
    }

    return n;
}


void
analysis_put(pt_jsonw_t *w, double v)
{
    char  text[ANALYSIS_NUMBER_MAX];

    pt_jsonw_raw(w, (pt_str_t) { text, analysis_number(v, text) });
}


void
analysis_put_key(pt_jsonw_t *w, const char *key, double v)
{
    pt_jsonw_key(w, key);
    analysis_put(w, v);
}


void
analysis_put_int(pt_jsonw_t *w, const char *key, int64_t v)
{
    pt_jsonw_key(w, key);
    pt_jsonw_int(w, v);
}


void
analysis_put_text(pt_jsonw_t *w, const char *key, const char *v)
{
    pt_jsonw_key(w, key);
    pt_jsonw_text(w, v);
}


void
analysis_put_str(pt_jsonw_t *w, const char *key, pt_str_t v)
{
    pt_jsonw_key(w, key);
    pt_jsonw_str(w, v);
}


void
analysis_put_money(pt_jsonw_t *w, const char *key, double v)
{
    analysis_put_key(w, key, v >= 1e6 ? v : (double) analysis_round(v));
}


void
analysis_put_genres(pt_jsonw_t *w, const char *key, uint32_t genres)
{
    unsigned  i;

    pt_jsonw_key(w, key);
    pt_jsonw_array(w);

    for (i = 0; i < ANALYSIS_GENRES; i++) {
        if (genres >> i & 1) {
            pt_jsonw_text(w, analysis_genre_name(i));
        }
    }

    pt_jsonw_end(w);
}
