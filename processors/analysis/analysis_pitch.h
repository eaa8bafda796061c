/* A pitch, as parameters and platform rows give it. */

#ifndef ANALYSIS_PITCH_H
#define ANALYSIS_PITCH_H

#include "analysis_engine.h"
#include "pt_json.h"


/* budgets of which the films know something, in 2019 dollars */
#define ANALYSIS_BUDGET_MIN  1e5
#define ANALYSIS_BUDGET_MAX  4e8

/* parts of the text, in the order in which they are read */
#define ANALYSIS_PART_LOGLINE   0
#define ANALYSIS_PART_SYNOPSIS  1
#define ANALYSIS_PART_TITLE     2


typedef struct {
    pt_str_t   title;
    pt_str_t   logline;
    pt_str_t   synopsis;
    pt_str_t   audience;
    pt_str_t   format;           /* "feature"; empty: not said */
    size_t     themes;           /* how many */
    uint32_t   genres;           /* as said; 0: none that we know */
    bool       genre_unknown;    /* one is said that films do not carry */
    double     budget_usd;       /* 0: not said */
    bool       budget_range;     /* it is the middle of one */
    unsigned   year, month;      /* of release; 0: not said */
    bool       sequel;
    bool       based_said;       /* also that it is on nothing */
    unsigned   based_on;
} analysis_pitch_t;


/*
 * Members of params win over those of row, which may be NULL.  Texts borrow.
 */
void analysis_pitch_read(const pt_json_t *params, const pt_json_t *row,
    analysis_pitch_t *ret);

/* the middle (geometric) of a range of the platform, "1m-5m"; 0: none */
double analysis_budget_range(pt_str_t range);

/* why its money cannot be forecast, or NULL: "budget_outside_data" */
const char *analysis_pitch_refusal(const analysis_model_t *model,
    const analysis_pitch_t *pitch);

/*
 * What a forecast needs of it; what is not said is as in most films, counted
 * in ret_unknown.  text: genres of its text, NULL where that has none.  Its
 * budget is 0 where the money is refused.
 */
void analysis_pitch_deal(const analysis_model_t *model,
    const analysis_pitch_t *pitch, const analysis_genres_t *text,
    analysis_deal_t *ret, unsigned *ret_unknown);

/* the year of its dollars and of its forecast */
unsigned analysis_pitch_year(const analysis_pitch_t *pitch);


#endif /* ANALYSIS_PITCH_H */
