
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Room for what is entered, and what is forgotten for it.  In which order, and
 * what goes before and after the ledger's, is at jm_state_forget().
 */


#ifndef _JM_LEDGER_ROOM_H_INCLUDED_
#define _JM_LEDGER_ROOM_H_INCLUDED_


#include "jm_ledger_store.h"


/*
 * Enters a request, all tasks of which are this process's to submit.  Returns
 * NULL when there is no room, even with all forgotten that may be.
 */
jm_ledger_entry_t *jm_ledger_add(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now);

/*
 * Makes room for n records, for which what has been over for longest is
 * forgotten if need be, and what was done so far is committed.  Returns
 * JM_ERROR when there is none.
 */
jm_rc_e jm_ledger_room(jm_ledger_t *l, uint32_t n, uint64_t now);

/*
 * The same for what a task has brought: older ones are forgotten for it, and
 * with entries those as well, as long as the oldest is not owed to anybody.
 */
jm_rc_e jm_ledger_result_room(jm_ledger_t *l, uint32_t n, unsigned entries,
    uint64_t now);


#endif /* _JM_LEDGER_ROOM_H_INCLUDED_ */
