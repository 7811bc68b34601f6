-- A claim, of which a call is about one task, from 0, or about all.

function ledger.claim()
    local claim = { serial = num(), turn = num(), attached = num(),
                    told = num() }

    for _ = 1, num() do
        claim[num() + 1] = { round = num(), own = num(), over = 0 }
    end

    return claim
end

local function find(claim)
    return numbered(claim.serial)
end

function ledger.knows(serial)
    return numbered(serial) ~= nil
end

-- Returns the claim's own slot, in whatever state, and its entry.

local function own(claim, i)
    local e = find(claim)
    local slot = e and e.slots[i]

    if slot and claim[i].own ~= 0 and claim[i].round == slot.round then
        return slot, e
    end
end

local function take(claim, i, slot)
    slot.owner = OWNER
    slot.round = (slot.round + 1) % 65536
    slot.state = IDLE
    slot.place = 0

    claim[i].round = slot.round
    claim[i].own = 1

    undo_by('taken', claim.serial, i, slot.round)
end

local function look_at(claim, i, slot)
    if slot.state == TAKEN or slot.state == OVER or slot.state == KEPT then
        if claim[i].round ~= slot.round then
            claim[i].round = slot.round
            claim[i].own = 0
        end

        claim[i].over = slot.state ~= TAKEN and 1 or 0

        return slot_look(slot)
    end

    if slot.state == UNKNOWN then
        return LOOK_UNKNOWN
    end

    if slot.state == CANCELED then
        return LOOK_CANCELED
    end

    if slot.state == FREE then
        take(claim, i, slot)
        return LOOK_OWN
    end

    if claim[i].own ~= 0 and claim[i].round == slot.round then
        return LOOK_OWN
    end

    if lives(slot.owner) then
        return LOOK_WAIT
    end

    if slot.state == IDLE then
        take(claim, i, slot)
        return LOOK_OWN
    end

    slot.state = UNKNOWN

    return LOOK_UNKNOWN
end

-- Returns how task i stands, and the upstream's id where there is one.

function ledger.look(claim, i)
    local e = find(claim)

    if claim.told ~= 0 then
        local slot = e and e.slots[i]

        if slot and (slot.state == TAKEN or slot.state == OVER) then
            return LOOK_TOLD, slot.id
        end

        return LOOK_TOLD, ''
    end

    if e == nil or e.slots[i] == nil then
        return LOOK_UNKNOWN, ''
    end

    local slot = e.slots[i]
    local state, round = slot.state, slot.round
    local look = look_at(claim, i, slot)

    if slot.state ~= state or slot.round ~= round then
        settle(e)
    end

    return look, look == LOOK_TAKEN and slot.id or ''
end

function ledger.account(claim)
    local e = find(claim)

    return e and account_of(e) or LEDGER_ANY
end

function ledger.submit(claim, i, account)
    local slot, e = own(claim, i)

    if slot == nil or (slot.state ~= IDLE and slot.state ~= TAKEN) then
        return false
    end

    local bound = account_of(e)

    if bound ~= account and bound ~= LEDGER_ANY then
        return false
    end

    undo_by('submitted', e.serial, i, slot.round, slot.state)

    e.account = account
    slot.call = NUMBER
    slot.round = (slot.round + 1) % 65536
    slot.state = SUBMIT
    claim[i].round = slot.round

    change(e)

    return true
end

-- The call that has said that it may be submitted need not be undone.

local function submitted(slot)
    if slot.call ~= 0 then
        is_known(slot.call)
        slot.call = 0
    end
end

-- What became of a submit, see jm_sent_e.

local SENT_TAKEN, SENT_BACK, SENT_UNKNOWN = 0, 1, 2

function ledger.sent(claim, i, what, id, place)
    local slot, e = own(claim, i)

    if what == SENT_TAKEN or what == SENT_BACK or what == SENT_UNKNOWN then
        if slot == nil or slot.state ~= SUBMIT then
            return
        end

        submitted(slot)

        if what == SENT_TAKEN then
            slot.id = id
            slot.place = 0
            slot.state = TAKEN
            change(e)

        elseif what == SENT_BACK then
            slot.place = place
            slot.id = ''
            slot.state = IDLE
            change(e)

        else
            slot.state = UNKNOWN
            settle(e)
        end

        return
    end

    e = find(claim)
    slot = e and e.slots[i]

    if slot and claim[i].round == slot.round
       and (slot.state == TAKEN
            or (claim[i].own ~= 0
                and (slot.state == IDLE or slot.state == SUBMIT)))
    then
        slot.state = FREE
        slot.place = 0
        settle(e)
    end
end

local function give_up(claim, i, slot, over)
    if claim[i].round ~= slot.round then
        return
    end

    if slot.state == TAKEN and over
       and (claim[i].own ~= 0 or not follows(slot.owner))
    then
        slot.state = OVER

    elseif claim[i].own == 0 then
        return

    elseif slot.state == IDLE then
        slot.state = FREE
        slot.place = 0

    elseif slot.state == SUBMIT then
        slot.state = UNKNOWN

    elseif slot.state == TAKEN then
        slot.owner = 0
    end
end

function ledger.over(claim, i)
    local e = find(claim)
    local slot = e and e.slots[i]

    if slot == nil then
        return false
    end

    local ended = slot.state == TAKEN

    give_up(claim, i, slot, true)

    ended = ended and slot.state == OVER

    settle(e)

    return ended
end

function ledger.unfollow(claim, i)
    local e = find(claim)

    if e and e.slots[i] then
        give_up(claim, i, e.slots[i], false)
        change(e)
    end
end

-- The call has brought a text, which is of use until then: returns whether it
-- is the first, and whether the text is kept, until a time that lies where its
-- place was.

function ledger.brought(claim, i, text, till)
    local slot, e = own(claim, i)

    if slot == nil or slot.state ~= SUBMIT then
        return false, 0
    end

    local ms = min(span(SECONDS * 1000, till), RESULT_FOR)
    local kept = text ~= '' and ms > 0

    submitted(slot)

    slot.id = ''
    slot.place = kept and NOW + ms or 0
    slot.state = kept and KEPT or OVER

    if kept then
        redis.call('SET', P .. 'r' .. number(e.serial) .. ':' .. (i - 1),
                   text, 'PX', number(ms))
        e.result = max(e.result, NOW + ms)
    end

    settle(e)

    return true, kept and 1 or 0
end

function ledger.result(serial, i)
    local e = numbered(serial)
    local slot = e and e.slots[i]

    if not slot or slot.state ~= KEPT or slot.place <= NOW then
        return false
    end

    return redis.call('GET', P .. 'r' .. number(serial) .. ':' .. (i - 1))
end

-- Somebody without a claim has seen the end: whether it is the first, and
-- whether there is such a task.

function ledger.ended(serial, i, id)
    local e = numbered(serial)
    local slot = e and e.slots[i]

    if slot == nil or slot.id ~= id then
        return false, false
    end

    if slot.state ~= TAKEN or follows(slot.owner) then
        return false, true
    end

    slot.state = OVER
    settle(e)

    return true, true
end

function ledger.left(claim)
    local e = find(claim)

    if e and claim.attached ~= 0 then
        if claim.turn == e.turn then
            owe(e)
        end

        detach(claim, e)
        settle(e)
    end
end

function ledger.answered(claim)
    local e = find(claim)

    if e and claim.attached ~= 0 then
        if claim.turn == e.turn then
            forgive(e)
        end

        detach(claim, e)
        settle(e)
    end
end

function ledger.told(claim, told)
    local e = find(claim)

    if e == nil or claim.attached == 0 then
        return
    end

    if claim.turn == e.turn then
        forgive(e)

        if e.named == 0 then
            owe(e)
            e.tell = 1
            e.told = e.told or told
        end
    end

    detach(claim, e)
    settle(e)
end

function ledger.hand(claim)
    local e = find(claim)

    if e and e.handed == 0 then
        e.handed = 1
        change(e)
    end
end

function ledger.failed(claim, told)
    local e = find(claim)

    if e and e.handed ~= 0 and not e.told then
        e.told = told
        change(e)
    end
end

-- Nobody learned what a call did: see undo_by().  A client that was attached
-- was never there; what was taken is nobody's; what was submitted was not.

local function undone(serial, i, round, state)
    local e = numbered(serial)
    local slot = e and e.slots[i]

    if slot and slot.owner == OWNER and slot.round == round
       and slot.state == state
    then
        return slot, e
    end
end

function ledger.undo_attach(serial, turn, waits)
    local e = numbered(serial)

    if e == nil then
        return
    end

    -- with its first client the entry was made

    for _, slot in ipairs(e.slots) do
        if waits == 0 and turn == 0 and slot.owner == OWNER
           and slot.round == 1 and slot.state == IDLE
        then
            slot.state = FREE
        end
    end

    if e.turn == (turn + 1) % 65536 then
        e.turn = turn
        e.waits = waits
    end

    e.clients = max(e.clients - 1, 0)

    settle(e)
end

function ledger.undo_take(serial, i, round)
    local slot, e = undone(serial, i, round, IDLE)

    if slot then
        slot.state = FREE
        settle(e)
    end
end

function ledger.undo_submit(serial, i, round, state)
    local slot, e = undone(serial, i, (round + 1) % 65536, SUBMIT)

    if slot then
        slot.round = round
        slot.state = state
        settle(e)
    end
end

function ledger.close(claim)
    local e = find(claim)

    is_known(claim.serial)

    if e == nil then
        return
    end

    for i, slot in ipairs(e.slots) do
        if claim[i] then
            give_up(claim, i, slot, false)
        end
    end

    change(e)

    if claim.attached ~= 0 then
        if claim.turn == e.turn then
            owe(e)
        end

        detach(claim, e)
    end

    supersede(e)
    settle(e)
end

-- A client got what all tasks of an entry brought, by these ids.

function ledger.fetched(serial, ids)
    local e = numbered(serial)

    if e == nil or #e.slots ~= #ids then
        return
    end

    for i, slot in ipairs(e.slots) do
        local brought = slot.state == KEPT
                        or ((slot.state == TAKEN or slot.state == OVER)
                            and slot.id ~= '')

        if not brought or slot.id ~= ids[i] then
            return
        end
    end

    forgive(e)
end

-- Task i of an entry, which is not submitted yet, waits in this place.

function ledger.placed(serial, i, place)
    local e = numbered(serial)
    local slot = e and e.slots[i]

    if slot and slot.state == IDLE and slot.place ~= place then
        slot.place = place
        change(e)
    end
end

-- How a task stands, for who has no claim on it.

function ledger.peek(serial, i)
    local e = numbered(serial)

    if e then
        watch(e)
        e = not e.gone and e or nil
    end

    local slot = e and e.slots[i]
    local peek = { look = LOOK_GONE, account = LEDGER_ANY, place = 0,
                   sending = 0, id = '', told = false }

    if slot == nil then
        return peek
    end

    peek.account = account_of(e)

    if slot.state == TAKEN or slot.state == OVER or slot.state == KEPT then
        peek.look = slot_look(slot)
        peek.id = slot.id

    elseif slot.state == CANCELED then
        peek.look = LOOK_CANCELED

    elseif slot.state == IDLE or slot.state == SUBMIT then
        if lives(slot.owner) then
            peek.look = LOOK_WAIT
            peek.sending = slot.state == SUBMIT and 1 or 0
            peek.place = slot.state == IDLE and slot.place or 0

        else
            peek.look = slot.state == IDLE and LOOK_OWN or LOOK_UNKNOWN
        end

    elseif slot.state == FREE then
        peek.look = LOOK_OWN
        peek.told = e.told

    else
        peek.look = LOOK_UNKNOWN
    end

    return peek
end

function ledger.cancel(serial, i)
    local e = numbered(serial)
    local slot = e and e.slots[i]

    if slot and slot.state == IDLE then
        slot.round = (slot.round + 1) % 65536
        slot.state = CANCELED
        slot.place = 0
        settle(e)
    end
end

-- Who says in a log what a task has brought: whether it is this process, and
-- whether it is the first to see the end after all.

local function bill_slot(serial, i)
    local e = numbered(serial)
    local slot = e and e.slots[i]

    if slot and (slot.state == OVER or slot.state == KEPT) then
        return slot, e
    end
end

function ledger.bill(serial, i, brought, first)
    local slot, e = bill_slot(serial, i)

    if slot == nil then
        return first and brought, first
    end

    if first then
        slot.owner = brought and OWNER or NOTHING
        change(e)

        return brought, true
    end

    if not brought or slot.owner == 0 or lives(slot.owner) then
        return false, false
    end

    first = slot.owner == NOTHING
    slot.owner = OWNER
    change(e)

    return true, first
end

function ledger.billed(serial, i)
    local slot, e = bill_slot(serial, i)

    if slot and slot.owner == OWNER then
        slot.owner = 0
        change(e)
    end
end
