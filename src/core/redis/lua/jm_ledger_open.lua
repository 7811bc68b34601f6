-- Which of several entries a repeat is most likely of.

local function rank(e)
    if e.owed ~= 0 and e.waits == 0 and e.tell == 0 then
        return 3
    end

    if e.finished ~= 0 then
        return 1
    end

    for _, slot in ipairs(e.slots) do
        if is_running(slot) and lives(slot.owner) then
            return 2
        end
    end

    return 3
end

local function search(request, entries)
    local best, found = 0

    for _, e in ipairs(entries) do
        if expired(e) then
            retire(e)

        elseif request.named ~= 0 then
            return e

        elseif (request.n == 0 or #e.slots == request.n) and rank(e) > best
        then
            best = rank(e)
            found = e
        end
    end

    return found
end

-- Returns the entry that is owed to a request without a mark, or one whose
-- error is told again, and whether it is that.

local function find_owed(request, entries)
    local owed, told

    for _, e in ipairs(entries) do
        local least = e.tell ~= 0 and min(request.unmarked, LEDGER_TOLD_FOR)
                      or request.unmarked

        if e.owed == 0 or e.who ~= request.who
           or (request.n ~= 0 and #e.slots ~= request.n)
        then
            -- another one's

        elseif expired(e) then
            retire(e)

        elseif span(e.owed, NOW) >= least then
            if e.waits == 0 then
                forgive(e)
                settle(e)
            end

        elseif e.tell ~= 0 then
            if told == nil or e.owed <= told.owed then
                told = e
            end

        elseif e.waits == 0 then
            owed = owed or e
        end
    end

    return owed or told, owed == nil and told ~= nil
end

local function first(request, entries)
    if request.named ~= 0 or request.again ~= 0 then
        return search(request, entries), false
    end

    if request.unmarked ~= 0 then
        return find_owed(request, entries)
    end
end

-- the last byte is the service's, in whose words the request was read

local function words(fingerprint)
    return string.sub(fingerprint, 1, -2), string.byte(fingerprint, -1)
end

local function read_other(e, request)
    local what, service = words(e.fingerprint)
    local asked, other = words(request.fingerprint)

    return request.several ~= 0 and service ~= other and what == asked
end

-- whether nothing was made, is made, or can be asked for, of an entry

local function spare(e)
    for _, slot in ipairs(e.slots) do
        if slot.state ~= FREE then
            return false
        end
    end

    return e.clients == 0 and e.handed == 0
end

local function watched(key)
    for _, e in ipairs(of_key(key)) do
        watch(e)
    end

    return of_key(key)
end

-- Returns the service in whose words such a request is there, or nil.

function ledger.served(request)
    local e = first(request, watched(request.key))

    if e == nil or spare(e) then
        return nil
    end

    local what, service = words(e.fingerprint)

    return what == words(request.fingerprint) and service or nil
end

-- A client seems to wait for the same.  A process may be dead for as long as its
-- lease is: it is known to live once it has said so since the request came.

local function twin(request, entries)
    if request.named ~= 0 or request.again ~= 0 or request.unmarked == 0
       or (request.patient == 0 and request.waited == 0)
    then
        return false
    end

    for i, e in ipairs(entries) do
        if i <= LEDGER_NEAR and e.waits ~= 0 and e.who == request.who
           and #e.slots == request.n
           and (request.patient ~= 0
                or not heard(e.waits, NOW - request.waited))
        then
            return true
        end
    end

    return false
end

local function add(request)
    local e = {
        serial = request.serial, key = request.key,
        fingerprint = request.fingerprint, who = request.who,
        named = request.named, account = LEDGER_ANY, handed = 0,
        created = NOW, keep = request.keep, finished = 0, owed = 0,
        clients = 0, waits = 0, turn = 0, tell = 0, retired = 0, result = 0,
        told = false, slots = {}
    }

    for i = 1, request.n do
        e.slots[i] = { state = IDLE, round = 1, owner = OWNER, id = '',
                       place = 0, call = 0 }
    end

    index(e)
    change(e)

    return e
end

function ledger.request()
    return {
        serial = num(), key = str(), fingerprint = str(), n = num(),
        several = num(), named = num(), again = num(), patient = num(),
        waited = num(), who = num(), keep = num(), unmarked = num()
    }
end

-- Returns what was found, and sets the claim; with LEDGER_TOLD the error, with
-- LEDGER_OTHER the service.

function ledger.open(request, claim)
    local entries = watched(request.key)
    local e, told = first(request, entries)

    while e and read_other(e, request) do
        local _, service = words(e.fingerprint)

        if not spare(e) then
            return LEDGER_OTHER, service
        end

        drop(e)

        entries = of_key(request.key)
        e, told = first(request, entries)
    end

    if e == nil then
        if twin(request, entries) then
            return LEDGER_TWIN
        end

        e = add(request)

        for i = 1, request.n do
            claim[i] = { round = 1, own = 1, over = 0 }
        end

        supersede(e)
        attach(claim, e)

        return LEDGER_NEW
    end

    if not told and (#e.slots ~= request.n
                     or e.fingerprint ~= request.fingerprint)
    then
        return LEDGER_REUSED
    end

    for i = 1, #e.slots do
        claim[i] = { round = 0, own = 0, over = 0 }
    end

    if told then
        claim.serial = e.serial
        claim.told = 1

        return LEDGER_TOLD, e.told
    end

    attach(claim, e)

    return LEDGER_FOUND
end
