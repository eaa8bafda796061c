/* The parts of a forecast that training and forecasting share. */

#include "analysis_money.h"


/* farther in log10 of budget, no film is among the nearest */
#define BUDGET_REACH  0.8


void
analysis_deal_features(const analysis_deal_t *deal,
    const analysis_prior_t *prior, double x[ANALYSIS_FEATURES])
{
    unsigned  i;

    memset(x, 0, ANALYSIS_FEATURES * sizeof(double));

    x[ANALYSIS_F_BUDGET] = deal->budget;
    x[ANALYSIS_F_YEAR] = deal->year;
    x[ANALYSIS_F_MONTH] = deal->month ? deal->month : ANALYSIS_MONTH_UNKNOWN;
    x[ANALYSIS_F_SEQUEL] = deal->sequel;
    x[ANALYSIS_F_PRIOR_N] = prior->n > 3 ? 3 : prior->n;
    x[ANALYSIS_F_PRIOR_ROI] = prior->n ? prior->roi : 0;
    x[ANALYSIS_F_PRIOR_GROSS] = prior->n ? prior->gross - deal->budget : 0;
    x[ANALYSIS_F_BASED] = deal->based_on != 0;

    if (deal->based_on != 0 && deal->based_on < ANALYSIS_BASES) {
        x[ANALYSIS_F_BASE + deal->based_on - 1] = 1;
    }

    for (i = 0; i < ANALYSIS_GENRES; i++) {
        x[ANALYSIS_F_GENRE + i] = deal->genres >> i & 1;
        x[ANALYSIS_F_NGENRES] += deal->genres >> i & 1;
    }
}


void
analysis_deal_linear(const double x[ANALYSIS_FEATURES],
    double z[ANALYSIS_LINEAR])
{
    unsigned  month = (unsigned) x[ANALYSIS_F_MONTH];

    memcpy(z, x, ANALYSIS_FEATURES * sizeof(double));
    memset(z + ANALYSIS_FEATURES, 0, 13 * sizeof(double));

    /* around its middle, so that the square is another thing */
    z[ANALYSIS_F_BUDGET] -= 7.3;
    z[ANALYSIS_F_YEAR] = (x[ANALYSIS_F_YEAR] - 2000) / 10;
    z[ANALYSIS_F_MONTH] = 0;

    z[ANALYSIS_FEATURES] = z[ANALYSIS_F_BUDGET] * z[ANALYSIS_F_BUDGET];
    z[ANALYSIS_FEATURES + month] = 1;
}


unsigned
analysis_linear_feature(unsigned column)
{
    return column < ANALYSIS_FEATURES ? column
           : column == ANALYSIS_FEATURES ? ANALYSIS_F_BUDGET
                                         : ANALYSIS_F_MONTH;
}


double
analysis_trees_sum(const analysis_trees_t *trees, uint32_t first,
    uint32_t last, const double x[ANALYSIS_FEATURES],
    double part[ANALYSIS_FEATURES], double *ret_base)
{
    float                   v[ANALYSIS_FEATURES];
    double                  sum = 0, base = 0;
    uint32_t                i;
    const analysis_node_t  *root, *node, *next;

    for (i = 0; i < ANALYSIS_FEATURES; i++) {
        v[i] = (float) x[i];
    }

    for (i = first; i < last; i++) {
        root = node = trees->nodes + trees->roots[i];
        base += (double) root->value;

        while (node->feature >= 0) {
            next = root + node->left + !(v[node->feature] < node->split);

            if (part != NULL) {
                part[node->feature] += (double) next->value
                                       - (double) node->value;
            }

            node = next;
        }

        sum += (double) node->value;
    }

    if (ret_base != NULL) {
        *ret_base = base;
    }

    return sum;
}


unsigned
analysis_level(unsigned year)
{
    if (year < ANALYSIS_YEAR_FIRST) {
        return 0;
    }

    return (year > ANALYSIS_YEAR_LAST ? ANALYSIS_YEAR_LAST : year)
           - ANALYSIS_YEAR_FIRST;
}


/* ---- films like it ---- */

/* about 0..2.5; it grows with the genres' share, also where it is rounded */
static inline double
money_likeness(const analysis_deal_t *deal, const analysis_film_t *film,
    double genres)
{
    int     years = (int) deal->year - (int) film->year;
    double  budget;

    budget = deal->budget - (double) film->budget;
    budget = budget < 0 ? -budget : budget;
    budget = budget > 1 ? 0 : 1 - budget;
    years = years < 0 ? -years : years;

    return genres + budget - years * (0.5 / 20)
           + (deal->sequel == film->sequel ? 0.3 : 0);
}


static inline double
money_genres(uint32_t a, uint32_t b)
{
    return (a & b) == 0 ? 0 : (double) analysis_count(a & b)
                              / analysis_count(a | b);
}


unsigned
analysis_deal_nearest(const analysis_deal_t *deal,
    const analysis_films_t *films, const uint32_t *order, uint32_t n,
    unsigned max, analysis_near_t *ret)
{
    float                   score;
    uint32_t                low = 0, high = n, middle;
    unsigned                found = 0;
    const analysis_film_t  *f;

    while (low < high) {
        middle = low + (high - low) / 2;

        if ((double) films->films[order[middle]].budget
            < deal->budget - BUDGET_REACH)
        {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    for ( ; low < n; low++) {
        f = &films->films[order[low]];

        if ((double) f->budget > deal->budget + BUDGET_REACH) {
            break;
        }

        /* most are too far away whatever their genres */
        if (found == max
            && (float) money_likeness(deal, f, 1) < ret[found - 1].score)
        {
            continue;
        }

        score = (float) money_likeness(deal, f, money_genres(deal->genres,
                                                             f->genres));

        if (found < max || score >= ret[found - 1].score) {
            found = analysis_near_add(ret, found, max, order[low], score);
        }
    }

    return found;
}


unsigned
analysis_near_add(analysis_near_t *list, unsigned n, unsigned max,
    uint32_t film, float score)
{
    unsigned  i;

    for (i = n; i > 0; i--) {
        if (list[i - 1].score > score
            || (list[i - 1].score >= score && list[i - 1].film < film))
        {
            break;
        }

        if (i < max) {
            list[i] = list[i - 1];
        }
    }

    if (i < max) {
        list[i] = (analysis_near_t) { film, score };
        n += n < max;
    }

    return n;
}
