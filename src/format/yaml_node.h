/* yaml_node.h - the tree behind yaml.h, for the files of the binding only. */
#ifndef FR_FORMAT_YAML_NODE_H
#define FR_FORMAT_YAML_NODE_H

#include "format/yaml.h"

enum { FR_YAML_WHERE_SIZE = 512 };

struct fr_yaml_node {
    fr_yaml_kind kind;
    bool quoted;                   /* scalar in quotes or a block: never a number, bool or null */
    bool in_list;                  /* `label` names the list it stands in */
    const char *where;             /* "file:line" */
    const char *label;             /* what messages call it */
    const char *key;               /* in a map, else NULL */
    const char *text;              /* of a scalar */
    fr_yaml_node *children, *next; /* in file order */
    size_t n;                      /* children */
};

#endif
