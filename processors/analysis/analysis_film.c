/* Films, their genres and their names. */

#include <stdlib.h>

#include "analysis_film.h"


static int film_find(const char *const *names, unsigned n, pt_str_t name);
static void film_prior_add(const analysis_films_t *films, uint32_t hash,
    unsigned year, analysis_prior_t *prior, unsigned *latest);


static const char *const  film_genres[ANALYSIS_GENRES] = {
    "Action", "Adventure", "Animation", "Biography", "Comedy", "Crime",
    "Documentary", "Drama", "Family", "Fantasy", "History", "Horror", "Music",
    "Mystery", "Noir", "Romance", "SciFi", "Sport", "Superhero", "Thriller",
    "War", "Western"
};

/* of each genre: the label it counts as beside or instead of itself */
#define NO_LABEL  255

static const uint8_t  film_labels[ANALYSIS_GENRES] = {
    0, 1, 2, NO_LABEL, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, NO_LABEL, 13, 14,
    NO_LABEL, NO_LABEL, 15, 16, 17
};

static const uint8_t  film_label_genres[ANALYSIS_LABELS] = {
    0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 19, 20, 21
};

#define GENRE_BIOGRAPHY  3
#define GENRE_NOIR       14
#define GENRE_SUPERHERO  18
#define LABEL_ACTION     0
#define LABEL_CRIME      4
#define LABEL_DRAMA      6

static const char *const  film_bases[ANALYSIS_BASES] = {
    "", "novel/short story", "play", "comic", "game", "true story", "remake"
};

static const char *const  film_mpaas[ANALYSIS_MPAA] = {
    "", "G", "PG", "PG-13", "R", "NC-17"
};


const char *
analysis_genre_name(unsigned genre)
{
    return genre < ANALYSIS_GENRES ? film_genres[genre] : NULL;
}


const char *
analysis_label_name(unsigned label)
{
    return label < ANALYSIS_LABELS ? film_genres[film_label_genres[label]]
                                   : NULL;
}


unsigned
analysis_label_genre(unsigned label)
{
    return film_label_genres[label];
}


const char *
analysis_base_name(unsigned base)
{
    return base < ANALYSIS_BASES ? film_bases[base] : NULL;
}


const char *
analysis_mpaa_name(unsigned mpaa)
{
    return mpaa < ANALYSIS_MPAA ? film_mpaas[mpaa] : NULL;
}


unsigned
analysis_base_find(pt_str_t name)
{
    int  i = film_find(film_bases, ANALYSIS_BASES, name);

    return i < 0 ? 0 : (unsigned) i;
}


unsigned
analysis_mpaa_find(pt_str_t name)
{
    int  i = film_find(film_mpaas, ANALYSIS_MPAA, name);

    return i < 0 ? 0 : (unsigned) i;
}


int
analysis_genre_find(pt_str_t name)
{
    int       genre;
    size_t    i;
    unsigned  len = 0;
    char      letters[16];

    static const struct {
        const char  *name;
        int          genre;
    } others[] = {
        { "sciencefiction", 16 }, { "musical", 12 }, { "animated", 2 },
        { "historical", 10 }, { "romantic", 15 }, { "sports", 17 },
        { "biopic", 3 }, { "biographical", 3 }, { "filmnoir", 14 },
        { "romcom", 15 }, { "documentaries", 6 }, { "suspense", 19 },
        { "children", 8 }, { "docudrama", 7 }
    };

    for (i = 0; i < name.len && len < sizeof(letters) - 1; i++) {
        char  c = name.data[i];

        c = c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;

        if (c >= 'a' && c <= 'z') {
            letters[len++] = c;
        }
    }

    genre = film_find(film_genres, ANALYSIS_GENRES,
                      (pt_str_t) { letters, len });

    for (i = 0; genre < 0 && i < sizeof(others) / sizeof(others[0]); i++) {
        if (pt_str_is((pt_str_t) { letters, len }, others[i].name)) {
            genre = others[i].genre;
        }
    }

    return genre;
}


/* names compare without regard to case */
static int
film_find(const char *const *names, unsigned n, pt_str_t name)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (strlen(names[i]) == name.len && name.len != 0
            && strncasecmp(names[i], name.data, name.len) == 0)
        {
            return (int) i;
        }
    }

    return -1;
}


uint32_t
analysis_genres_labels(uint32_t genres)
{
    unsigned  i;
    uint32_t  labels = 0;

    for (i = 0; i < ANALYSIS_GENRES; i++) {
        if (genres & 1u << i && film_labels[i] != NO_LABEL) {
            labels |= 1u << film_labels[i];
        }
    }

    if (genres & 1u << GENRE_SUPERHERO) {
        labels |= 1u << LABEL_ACTION;
    }

    if (genres & 1u << GENRE_NOIR) {
        labels |= 1u << LABEL_CRIME;
    }

    if (genres & 1u << GENRE_BIOGRAPHY) {
        labels |= 1u << LABEL_DRAMA;
    }

    return labels;
}


pt_str_t
analysis_film_title(const analysis_films_t *films, uint32_t film)
{
    return (pt_str_t) { films->titles + films->films[film].title,
                        films->films[film].title_len };
}


bool
analysis_film_has_money(const analysis_film_t *film)
{
    return film->budget > 0 && film->gross > 0;
}


bool
analysis_film_is_usable(const analysis_film_t *film)
{
    return analysis_film_has_money(film) && film->genres != 0
           && film->year >= ANALYSIS_YEAR_FIRST
           && film->year <= ANALYSIS_YEAR_LAST;
}


/* ---- names ---- */

unsigned
analysis_title_keys(pt_str_t title, uint32_t keys[2])
{
    char    buf[ANALYSIS_TITLE_MAX];
    size_t  len;

    len = analysis_title_fold(title, buf, sizeof(buf));
    keys[0] = analysis_hash(ANALYSIS_HASH_TITLE, buf, len);

    len = analysis_title_stem(title, buf, sizeof(buf));
    keys[1] = analysis_hash(ANALYSIS_HASH_TITLE, buf, len);

    return len != 0 && keys[1] != keys[0] ? 2 : 1;
}


void
analysis_films_prior(const analysis_films_t *films, pt_str_t title,
    bool sequel, unsigned year, analysis_prior_t *ret_prior)
{
    char      buf[ANALYSIS_TITLE_MAX];
    size_t    len;
    unsigned  latest = 0;

    *ret_prior = (analysis_prior_t) { 0 };

    /* "batman returns", said to be a sequel, follows "batman" */
    len = sequel ? analysis_title_fold(title, buf, sizeof(buf)) : 0;

    while (len > 3 && ret_prior->n == 0) {
        film_prior_add(films, analysis_hash(ANALYSIS_HASH_TITLE, buf, len),
                       year, ret_prior, &latest);

        for (len--; len > 0 && buf[len] != ' '; len--) { /* void */ }
    }

    if (ret_prior->n == 0) {
        len = analysis_title_stem(title, buf, sizeof(buf));
        film_prior_add(films, analysis_hash(ANALYSIS_HASH_TITLE, buf, len),
                       year, ret_prior, &latest);
    }

    if (ret_prior->n != 0) {
        ret_prior->roi /= ret_prior->n;
    }
}


static void
film_prior_add(const analysis_films_t *films, uint32_t hash, unsigned year,
    analysis_prior_t *prior, unsigned *latest)
{
    uint32_t                low = 0, high = films->nkeys, middle;
    const analysis_film_t  *film;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (films->keys[middle].hash < hash) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    for ( ; low < films->nkeys && films->keys[low].hash == hash; low++) {
        film = &films->films[films->keys[low].film];

        if (film->year >= year || !analysis_film_has_money(film)) {
            continue;
        }

        prior->n++;
        prior->roi += (double) film->gross - (double) film->budget;

        if (film->year >= *latest) {
            *latest = film->year;
            prior->gross = (double) film->gross;
        }
    }
}
