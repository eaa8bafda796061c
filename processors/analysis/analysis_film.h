/* Films as the model keeps them, and what can be asked of them. */

#ifndef ANALYSIS_FILM_H
#define ANALYSIS_FILM_H

#include "analysis_text.h"


#define ANALYSIS_GENRES  22      /* that films carry */
#define ANALYSIS_LABELS  18      /* that a text is classified into */
#define ANALYSIS_BASES   7       /* what a film is based on; 0: original */
#define ANALYSIS_MPAA    6       /* ratings; 0: unknown */

#define ANALYSIS_TITLE_MAX  200


/* as the file has it: 28 bytes, no padding */
typedef struct {
    uint32_t  title;             /* offset of its text */
    uint32_t  genres;            /* bit per genre */
    float     budget;            /* log10 of 2019 dollars; 0: unknown */
    float     gross;             /* worldwide, likewise */
    uint16_t  title_len;
    uint16_t  year;
    uint16_t  words;             /* that the index has of its summary */
    uint8_t   month;             /* 1..12; 0: unknown */
    uint8_t   mpaa;
    uint8_t   sequel;
    uint8_t   based_on;
    uint8_t   fold;
    uint8_t   pad;
} analysis_film_t;


/* a name of a film: its title, and its title without a number */
typedef struct {
    uint32_t  hash;
    uint32_t  film;
} analysis_key_t;


typedef struct {
    const analysis_film_t  *films;
    const char             *titles;
    const analysis_key_t   *keys;      /* ascending by hash, film */
    uint32_t                n;
    uint32_t                nkeys;
} analysis_films_t;


/* films of the same name that came before */
typedef struct {
    unsigned  n;
    double    roi;               /* mean of log10 gross / budget */
    double    gross;             /* log10 of the latest one's */
} analysis_prior_t;


/* how many genres; the compiler's own may be a call */
static inline int
analysis_count(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555u;
    bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0fu;

    return (int) (bits * 0x01010101u >> 24);
}


/* "Action" .. "Western"; NULL outside */
const char *analysis_genre_name(unsigned genre);
const char *analysis_label_name(unsigned label);
const char *analysis_base_name(unsigned base);
const char *analysis_mpaa_name(unsigned mpaa);

/* -1 for a name that is none; small and capital letters, "sci-fi" */
int analysis_genre_find(pt_str_t name);

/* the labels that genres count as, as bits; Superhero is Action too */
uint32_t analysis_genres_labels(uint32_t genres);

/* the genre that a label is */
unsigned analysis_label_genre(unsigned label);

/* 0 for a text that is none of the names */
unsigned analysis_base_find(pt_str_t name);
unsigned analysis_mpaa_find(pt_str_t name);

pt_str_t analysis_film_title(const analysis_films_t *films, uint32_t film);
bool analysis_film_has_money(const analysis_film_t *film);

/*
 * Whether forecasts may learn from it: before, cinema was another business;
 * after, cinemas were closed.
 */
bool analysis_film_is_usable(const analysis_film_t *film);

#define ANALYSIS_YEAR_FIRST  1970
#define ANALYSIS_YEAR_LAST   2019

/*
 * Writes the keys of a title: one or two.  size of keys is 2.
 */
unsigned analysis_title_keys(pt_str_t title, uint32_t keys[2]);

/* what came before year under the title's names, and had its money known */
void analysis_films_prior(const analysis_films_t *films, pt_str_t title,
    bool sequel, unsigned year, analysis_prior_t *ret_prior);


#endif /* ANALYSIS_FILM_H */
