-- The ledger: what was asked before, and what became of each task.  What each
-- function does is said in jm_ledger.h and the headers that go with it.

local FREE, IDLE, SUBMIT, UNKNOWN, TAKEN, OVER, CANCELED, KEPT =
    0, 1, 2, 3, 4, 5, 6, 7

local LEDGER_STALE = 86400000
local LEDGER_TOLD_FOR = 60000
local RESULT_FOR = 2592000000
local LEDGER_NEAR = 16
local LEDGER_ENTRIES = 64           -- of one key, that are found

-- owners of what is over, which are no process's number

local NOTHING = -1

-- An entry is written as an array: names would be half of it.

local fields = { 'key', 'fingerprint', 'who', 'named', 'account', 'handed',
                 'created', 'keep', 'finished', 'owed', 'clients', 'waits',
                 'turn', 'tell', 'retired', 'result', 'told' }

local slot_fields = { 'state', 'round', 'owner', 'id', 'place', 'call' }

local function void(e)
    for _, slot in ipairs(e.slots) do
        if slot.state ~= FREE and slot.state ~= CANCELED then
            return false
        end
    end

    return e.handed == 0
end

local function is_running(slot)
    return slot.state == IDLE or slot.state == SUBMIT or slot.state == TAKEN
end

local function keeps(e)
    for _, slot in ipairs(e.slots) do
        if slot.state == KEPT then
            return true
        end
    end

    return false
end

kinds.e = {
    read = function (array, serial)
        local e, n = { serial = tonumber(serial), slots = {} }, #fields

        for i, name in ipairs(fields) do
            e[name] = array[i]
        end

        while array[n + 1] ~= nil do
            local slot = {}

            for i, name in ipairs(slot_fields) do
                slot[name] = array[n + i]
            end

            e.slots[#e.slots + 1] = slot
            n = n + #slot_fields
        end

        return e
    end,

    write = function (e)
        local array = {}

        for i, name in ipairs(fields) do
            array[i] = e[name]
        end

        for _, slot in ipairs(e.slots) do
            for _, name in ipairs(slot_fields) do
                array[#array + 1] = slot[name]
            end
        end

        return array
    end,

    ttl = function (e)
        local left = LEDGER_STALE

        if e.finished ~= 0 then
            left = e.finished + (void(e) and LEDGER_TOLD_FOR or e.keep) - NOW
        end

        return max(left, e.result - NOW)
    end
}

-- the entries of a key, the newest first

kinds.k = {
    read = function (array)
        return { till = array[1], list = array[2] }
    end,

    write = function (k)
        return { k.till, k.list }
    end,

    ttl = function (k)
        return k.till - NOW
    end
}

local function change(e)
    if not e.gone then
        touch('e', number(e.serial), e)
    end
end

local function numbered(serial)
    return serial ~= 0 and load('e', number(serial)) or nil
end

local function of_key(key)
    local k, entries = load('k', key), {}

    for _, serial in ipairs(k and k.list or {}) do
        local e = numbered(serial)

        if e and e.retired == 0 then
            entries[#entries + 1] = e
        end
    end

    return entries
end

local function index(e)
    local old = load('k', e.key)
    local k = { till = max(NOW + e.keep + LEDGER_STALE, old and old.till or 0),
                list = { e.serial } }

    for _, other in ipairs(of_key(e.key)) do
        if #k.list < LEDGER_ENTRIES then
            k.list[#k.list + 1] = other.serial
        end
    end

    touch('k', e.key, k)
end

local function unindex(e)
    local k = load('k', e.key)

    for i, serial in ipairs(k and k.list or {}) do
        if serial == e.serial then
            table.remove(k.list, i)
            break
        end
    end

    if k and #k.list == 0 then
        forget('k', e.key)

    elseif k then
        touch('k', e.key, k)
    end
end

local function forgive(e)
    if e.owed == 0 then
        return
    end

    e.owed = 0
    e.tell = 0

    if e.handed == 0 then
        e.told = false
    end

    change(e)
end

local function drop(e)
    if e.retired == 0 then
        unindex(e)
    end

    e.retired = 1
    e.gone = true
    forget('e', number(e.serial))
end

local function retire(e)
    if not keeps(e) then
        drop(e)
        return
    end

    forgive(e)

    if e.retired == 0 then
        unindex(e)
        e.retired = 1
        change(e)
    end
end

local function expired(e)
    if e.finished ~= 0 then
        return span(e.finished, NOW)
               >= (void(e) and LEDGER_TOLD_FOR or e.keep)
    end

    if span(e.created, NOW) < LEDGER_STALE or keeps(e) then
        return false
    end

    for _, slot in ipairs(e.slots) do
        if is_running(slot) and lives(slot.owner) then
            return false
        end
    end

    return true
end

-- To be called when a state has changed.

local function settle(e)
    if e.clients == 0 and not e.told and void(e) then
        drop(e)
        return
    end

    local running = false

    for _, slot in ipairs(e.slots) do
        running = running or is_running(slot)
    end

    if running ~= (e.finished == 0) then
        e.finished = running and 0 or NOW
    end

    change(e)
end

local function account_of(e)
    for _, slot in ipairs(e.slots) do
        if slot.state == SUBMIT or slot.state == TAKEN or slot.state == OVER
           or slot.state == KEPT
        then
            return e.account
        end
    end

    return LEDGER_ANY
end

local function slot_look(slot)
    if slot.state == KEPT then
        return LOOK_RESULT
    end

    return slot.state == OVER and slot.id == '' and LOOK_LOST or LOOK_TAKEN
end

-- whether nothing can be got of it ever again

local function hopeless(e)
    for _, slot in ipairs(e.slots) do
        if slot.state ~= FREE and slot.state ~= UNKNOWN
           and slot_look(slot) ~= LOOK_LOST
        then
            return false
        end
    end

    return true
end

local function owe(e, since)
    if e.owed == 0 or not hopeless(e) then
        e.owed = since or NOW
        change(e)
    end
end

-- The last client that waits for it waits in a process that has died.

local function watch(e)
    if e.waits ~= 0 and not lives(e.waits) then
        owe(e, died(e.waits))

        e.waits = 0
        e.clients = max(e.clients - 1, 0)

        settle(e)
    end
end

local function attach(claim, e)
    undo_by('attached', e.serial, e.turn, e.waits)

    e.clients = e.clients + 1
    e.turn = (e.turn + 1) % 65536
    e.waits = OWNER

    change(e)

    claim.serial = e.serial
    claim.turn = e.turn
    claim.attached = 1
end

local function detach(claim, e)
    claim.attached = 0

    if claim.turn == e.turn then
        e.waits = 0
    end

    e.clients = max(e.clients - 1, 0)

    change(e)
end

-- A repeat is of the newest: older entries that were answered are not found.

local function supersede(e)
    if e.named ~= 0 then
        return
    end

    local near = 0

    for _, older in ipairs(of_key(e.key)) do
        if near == LEDGER_NEAR then
            return
        end

        if older.serial == e.serial then
            near = 1

        elseif near ~= 0 then
            near = near + 1

            if older.finished ~= 0 and older.clients == 0
               and older.owed == 0
            then
                retire(older)
            end
        end
    end
end
