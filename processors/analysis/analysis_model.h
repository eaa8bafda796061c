/*
 * The model: one file, made by train/, read once and then only looked at.
 *
 *   "PTANAL01", size:u64, sections:u32, reserved:u32
 *   sections * (kind:u32 reserved:u32 offset:u64 size:u64)
 *   the sections, each at a multiple of 8
 *
 * Little-endian, IEEE 754.  A reader checks every number that leads to
 * another place, so that what follows needs no checks: any bytes are a model
 * or an error.
 */

#ifndef ANALYSIS_MODEL_H
#define ANALYSIS_MODEL_H

#include "analysis_film.h"
#include "analysis_money.h"


#define ANALYSIS_MODEL_MAX      (8u << 20)
#define ANALYSIS_MODEL_MAGIC    "PTANAL01"

/* BM25's usual numbers */
#define ANALYSIS_BM25_K1        1.2
#define ANALYSIS_BM25_B         0.75

#define ANALYSIS_FIFTHS         5
#define ANALYSIS_QUANTILES      101     /* 0 %, 1 %, .. 100 % */
#define ANALYSIS_PARTS          3       /* trees, linear, films alike */
#define ANALYSIS_CPI_FIRST      1900
#define ANALYSIS_CPI_YEARS      200


typedef enum {
    ANALYSIS_SECTION_META = 0,   /* JSON: version, sources, evaluation */
    ANALYSIS_SECTION_NUMBERS,    /* analysis_numbers_t */
    ANALYSIS_SECTION_HASH,       /* u32 of each feature, ascending */
    ANALYSIS_SECTION_DF,         /* u16: its block, texts that have it */
    ANALYSIS_SECTION_WEIGHT,     /* i8 * labels of each feature */
    ANALYSIS_SECTION_NODE,       /* analysis_node_t */
    ANALYSIS_SECTION_ROOT,       /* u32 of each tree, and the end */
    ANALYSIS_SECTION_FILM,       /* analysis_film_t */
    ANALYSIS_SECTION_TITLE,      /* their titles, one behind the other */
    ANALYSIS_SECTION_KEY,        /* analysis_key_t, ascending */
    ANALYSIS_SECTION_TERM,       /* u32: hash of each indexed stem, ascending */
    ANALYSIS_SECTION_POST,       /* u32 of each: where its list begins; end */
    ANALYSIS_SECTION_LIST,       /* (distance from the film before) * 4 + tf
                                  * - 1, in groups of 7 bits, low first */

    ANALYSIS_SECTIONS
} analysis_section_t;


typedef struct {
    double    docs;              /* texts that genres were learned from */
    double    intercept[ANALYSIS_LABELS];
    double    threshold[ANALYSIS_LABELS];
    double    share[ANALYSIS_LABELS];
    double    scale[ANALYSIS_LABELS];    /* of the largest weight */

    uint32_t  ngross, nhit;      /* trees: first these, then those */
    double    base[2];
    double    linear[2][ANALYSIS_LINEAR + 1];
    double    mix[2][ANALYSIS_PARTS];
    double    calibrate[2][ANALYSIS_CALIBRATE];
    double    level[ANALYSIS_LEVELS];    /* of hits: log-odds beside all */
    double    cut[ANALYSIS_FIFTHS - 1];
    double    residual[ANALYSIS_FIFTHS][ANALYSIS_QUANTILES];

    double    words;             /* mean of films in the index */
    double    cpi[ANALYSIS_CPI_YEARS];   /* 0: unknown */
} analysis_numbers_t;


typedef struct {
    const uint8_t             *base;
    size_t                     size;
    pt_str_t                   meta;
    const analysis_numbers_t  *numbers;

    uint32_t                   nfeatures;
    const uint32_t            *hash;
    const uint16_t            *df;
    const int8_t              *weight;

    analysis_trees_t           trees;
    analysis_films_t           films;

    uint32_t                   nterms;
    const uint32_t            *term;
    const uint32_t            *post;
    const uint8_t             *list;

    /* made of these when it is opened */
    uint32_t                  *slot;        /* open hashing: feature + 1 */
    uint32_t                   slot_mask;
    float                     *idf;
    double                    *rare;        /* idf of each indexed stem */
    double                    *length;      /* of each film, as BM25 has it */
    float                      level[ANALYSIS_LABELS][256];  /* of weights */
    uint32_t                  *money;       /* films by budget, then place */
    uint32_t                   nmoney;
    uint8_t                   *owned;
} analysis_model_t;


/* what df holds */
#define ANALYSIS_DF_BITS  14
#define ANALYSIS_DF_MAX   ((1u << ANALYSIS_DF_BITS) - 1)


/*
 * Opens a model that lies in memory, aligned to 8, and stays there.
 *
 * Errors  PT_E_INVALID, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t analysis_model_open(const uint8_t *data, size_t size,
    analysis_model_t *model);

/*
 * Opens SHARE/model/analysis.model.xz: unpacked once, before any child is
 * made; they share its pages.
 *
 * Errors  PT_E_IO (with errno), PT_E_INVALID, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t analysis_model_load(const char *share,
    analysis_model_t *model);

void analysis_model_close(analysis_model_t *model);

/* the place of a feature, or nfeatures */
uint32_t analysis_model_feature(const analysis_model_t *model, uint32_t hash);

/* a weight of -128..127 covers its range by squares: small ones are fine */
double analysis_weight_value(double scale, int weight);
int8_t analysis_weight_code(double scale, double value);

/* 2019 dollars for one of that year; the last known year's for later ones */
double analysis_model_prices(const analysis_model_t *model, unsigned year);
unsigned analysis_model_prices_year(const analysis_model_t *model,
    unsigned year);


#endif /* ANALYSIS_MODEL_H */
