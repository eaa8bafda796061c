/* From a film's gross to what an investor gets back. */

#ifndef ANALYSIS_ASSESS_H
#define ANALYSIS_ASSESS_H

#include "analysis_action.h"


/* shares are 0..1, money is dollars of the film's year */
typedef struct {
    double  amount;              /* what this investor puts in */
    double  equity;              /* what all investors do */
    double  cinemas;             /* share of gross that stays with them */
    double  fee;                 /* the distributor's, of the rest */
    double  marketing;           /* recouped before anybody else */
    double  debt, interest;      /* senior; interest for the whole time */
    double  premium;             /* on equity, before profits are shared */
    double  share;               /* of all profits, this investor's own */
    double  years;               /* until the money is back */
} analysis_terms_t;


/* what the investor gets of a gross; never less for more */
double analysis_waterfall(const analysis_terms_t *t, double gross);

/* the gross from which he has his amount back; 0: none up to 100 billion */
double analysis_break_even(const analysis_terms_t *t);


#endif /* ANALYSIS_ASSESS_H */
