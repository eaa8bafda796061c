/*
 * What pt_schema.c compiles and pt_schema_validate.c reads.  Nobody else
 * includes this.
 */

#ifndef PT_SCHEMA_NODE_H
#define PT_SCHEMA_NODE_H

#include "pt_arena.h"
#include "pt_format.h"
#include "pt_schema.h"

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>


/*
 * Schemas may apply one through the other to the same value ($ref, allOf,
 * anyOf, ...) so many times.  It bounds the stack; no real one has ten.
 */
#define PT_SCHEMA_CHAIN_MAX  32

/* pt_json_type_t as bits, and an integer, which is a number too */
#define PT_TYPE_INTEGER      (1u << 6)


typedef struct pt_schema_node_s     pt_schema_node_t;
typedef struct pt_schema_pattern_s  pt_schema_pattern_t;


typedef struct {
    pt_schema_node_t     **nodes;
    size_t                 n;
} pt_schema_nodes_t;


/* of "properties": which name, which schema */
typedef struct {
    pt_str_t               name;
    pt_schema_node_t      *node;
} pt_schema_member_t;

typedef struct {
    pt_schema_member_t    *members;
    size_t                 n;
} pt_schema_members_t;


struct pt_schema_pattern_s {
    pt_str_t               text;
    pcre2_code            *code;
    pt_schema_node_t      *node;       /* of "patternProperties" */
    pt_schema_pattern_t   *next;       /* in the same "patternProperties" */
    pt_schema_pattern_t   *next_all;   /* in the schema, which frees them */
};


struct pt_schema_node_s {
    const pt_json_t       *json;       /* itself, in the schema's document */
    pt_schema_node_t      *next;       /* all of the schema */

    bool                   never;      /* the schema false */
    bool                   write_only;
    unsigned               height;     /* of the chain below; 0: unknown */
    bool                   entered;    /* while its height is computed */

    /* NULL, 0 or the widest bound where the keyword is absent */
    unsigned               types;      /* 1 << type */
    const pt_json_t       *enumeration;
    const pt_json_t       *constant;

    size_t                 min_length;     /* code points */
    size_t                 max_length;
    pt_schema_pattern_t   *pattern;
    pt_format_t            format;

    double                 minimum;
    double                 maximum;
    double                 exclusive_minimum;
    double                 exclusive_maximum;
    double                 multiple_of;

    size_t                 min_items;
    size_t                 max_items;
    bool                   unique_items;
    pt_schema_nodes_t      prefix_items;
    pt_schema_node_t      *items;
    pt_schema_node_t      *contains;

    size_t                 min_properties;
    size_t                 max_properties;
    const pt_json_t       *required;           /* array of names */
    const pt_json_t       *dependent_required; /* name -> array of names */
    pt_schema_members_t    properties;
    pt_schema_pattern_t   *pattern_properties;
    pt_schema_node_t      *additional;
    pt_schema_node_t      *property_names;

    /* applied to the same value */
    pt_schema_node_t      *ref;
    const pt_json_t       *ref_json;           /* until its node is found */
    pt_schema_nodes_t      all_of;
    pt_schema_nodes_t      any_of;
    pt_schema_nodes_t      one_of;
    pt_schema_node_t      *not_;
    pt_schema_node_t      *if_;
    pt_schema_node_t      *then_;
    pt_schema_node_t      *else_;

    pt_schema_members_t    defs;
};


struct pt_schema_s {
    pt_arena_t             arena;      /* holds this struct too */
    pt_json_t             *document;
    pt_schema_node_t      *root;
    pt_schema_node_t      *nodes;
    pt_schema_pattern_t   *patterns;
    pcre2_general_context *memory;     /* PCRE2's, from the same allocator */
};


#endif /* PT_SCHEMA_NODE_H */
