/*
 * The scorecard: points in whole numbers, so that what a part is worth is the
 * sum of its evidence, and the score the sum of its parts, to the last digit.
 */

#ifndef ANALYSIS_SCORE_H
#define ANALYSIS_SCORE_H

#include "analysis_pitch.h"


#define ANALYSIS_COMPS_SHOWN  10
#define ANALYSIS_TERMS_SHOWN  6


enum {
    ANALYSIS_MARKET = 0,
    ANALYSIS_RISK,
    ANALYSIS_CLARITY,
    ANALYSIS_COMPLETENESS,
    ANALYSIS_COMPARABLES,

    ANALYSIS_SCORE_PARTS
};

#define ANALYSIS_EVIDENCE_MAX  8


typedef struct {
    const char  *name;
    int          points, max;
    double       value;          /* what was measured */
} analysis_evidence_t;


typedef struct {
    const char           *name;
    const char           *refusal;   /* why it is not assessed, or NULL */
    int                   points, max;
    unsigned              n;
    analysis_evidence_t   evidence[ANALYSIS_EVIDENCE_MAX];
} analysis_score_part_t;


/* a word that speaks for a genre, wherever it stands */
typedef struct {
    uint32_t  word;              /* the first such in text.words */
    double    share;             /* of the genre's log-odds, all together */
} analysis_term_t;


typedef struct {
    analysis_pitch_t       pitch;
    analysis_genres_t      genres;
    const char            *text_refusal;
    const char            *money_refusal;

    analysis_deal_t        deal;
    unsigned               unknown;
    analysis_forecast_t    forecast;         /* unless money_refusal */
    double                 earns, five;      /* chances of 1 and 5 times */
    double                 shortfall;        /* mean multiple, worst fifth */

    analysis_comp_t        comps[ANALYSIS_COMPS_SHOWN];
    unsigned               ncomps;
    double                 comp_roi[3];      /* quartiles of log10 */
    double                 comp_spread;      /* third less first */
    unsigned               comp_hits;

    analysis_score_part_t  parts[ANALYSIS_SCORE_PARTS];
    int                    points, max;      /* of the assessed parts */
} analysis_score_t;


/*
 * All that is said of a pitch.
 *
 * Errors  PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t analysis_score(analysis_engine_t *e,
    const analysis_pitch_t *pitch, analysis_score_t *ret);

/* words that speak most for a label, or against it; the number */
unsigned analysis_genre_terms(const analysis_engine_t *e, unsigned label,
    double *scratch, analysis_term_t *ret, unsigned max);

/* what a pitch may have, and what it is worth there; NULL: the end */
typedef struct {
    const char  *name;
    int          points;
    const char  *advice;
} analysis_item_t;

const analysis_item_t *analysis_items(void);

/* the points of an item that a pitch has; words of its synopsis */
int analysis_item_points(const analysis_pitch_t *pitch, unsigned item,
    unsigned words);

/* whether a folded word tells of a goal, an obstacle or a turn */
bool analysis_word_is_conflict(const char *word);


#endif /* ANALYSIS_SCORE_H */
