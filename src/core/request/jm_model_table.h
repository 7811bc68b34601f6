
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The built-in rows of the model table.
 */


#ifndef _JM_MODEL_TABLE_H_INCLUDED_
#define _JM_MODEL_TABLE_H_INCLUDED_


#include "jm_model_type.h"


/* there are some of each provider; of one name the preferred one is first */

extern const jm_model_t  jm_model_rows[];
extern const size_t      jm_model_nrows;


#endif /* _JM_MODEL_TABLE_H_INCLUDED_ */
