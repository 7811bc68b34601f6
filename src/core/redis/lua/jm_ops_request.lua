-- The operations: each is what jm_backend.h says of the one with its name.
-- Comments say what each is given after the process, and what it answers with.

-- an error that is told again: whether there is one, cause, code, message

local function error_of()
    local cause, code, message = num(), num(), str()

    return { cause, code, message }
end

local function append(reply, list)
    for _, value in ipairs(list) do
        reply[#reply + 1] = value
    end
end

-- Numbers in a reply are integers; what may be more than 2^53 is a string.

local function told_of(told)
    return told and { 1, told[1], told[2], told[3] } or { 0, 0, 0, '' }
end

-- client
-- rc, limit, remaining, reset, retry

register('rate', function ()
    local rc, bucket = quota.rate(quota.client())
    local reply = { rc }

    append(reply, bucket)

    return reply
end)

-- whether there is a request; if so it; n, and of each service its number in a
-- fingerprint, its model, n, accounts
-- service, news

register('service', function ()
    local request = num() ~= 0 and ledger.request() or nil
    local kind = request and ledger.served(request)
    local services = {}

    for i = 1, num() do
        services[i] = { kind = num(), model = str(), accounts = {} }

        for n = 1, num() do
            services[i].accounts[n] = num()
        end
    end

    for i, service in ipairs(services) do
        if service.kind == kind then
            return { i - 1, 0 }
        end
    end

    return { queue.service(services) }
end)

-- whether there is a request; if so it; client, bill, whether to hold, force
-- found, joins, over, whether it is held; if there is a request its claim:
-- serial, turn, attached, told, n, and of each task round, own, over;
-- told, view, near, service

register('open', function ()
    local claim = { serial = 0, turn = 0, attached = 0, told = 0 }
    local request = num() ~= 0 and ledger.request() or nil
    local client, most = quota.client(), quota.bill()
    local holds, force = num() ~= 0, num() ~= 0
    local found, told, service = LEDGER_NEW, nil, 0
    local joins, over, held = 0, 0, 0
    local view, near = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0 }

    if request then
        found, told = ledger.open(request, claim)
    end

    if found == LEDGER_OTHER then
        service, told = told, nil
    end

    if found <= LEDGER_TOLD then
        if found ~= LEDGER_NEW then
            joins = 1

            for i = 1, #claim do
                if ledger.look(claim, i) == LOOK_OWN then
                    joins = 0
                    break
                end
            end
        end

        if client and holds and joins == 0 then
            over, view, held = quota.hold(client, most, force)
            near = quota.near(client)

            if held ~= 0 then
                undo_by('held', client.id, most.images, most.cost)
            end
        end
    end

    local reply = { found, joins, over, held, claim.serial, claim.turn,
                    claim.attached, claim.told, #claim }

    for _, slot in ipairs(claim) do
        append(reply, { slot.round, slot.own, slot.over })
    end

    append(reply, told_of(told))
    append(reply, view)
    append(reply, near)

    reply[#reply + 1] = service

    return reply
end)

-- claim, how, error

local LEFT, ANSWERED, TOLD_AGAIN, OVER_AND_CLOSED, HANDED, FAILED =
    0, 1, 2, 4, 5, 6

told('ended', function ()
    local claim, how, told = ledger.claim(), num(), error_of()

    if how == LEFT then
        ledger.left(claim)

    elseif how == ANSWERED then
        ledger.answered(claim)

    elseif how == TOLD_AGAIN then
        ledger.told(claim, told)

    elseif how == HANDED then
        ledger.hand(claim)

    elseif how == FAILED then
        ledger.failed(claim, told)

    else
        if how == OVER_AND_CLOSED then
            ledger.answered(claim)
        end

        ledger.close(claim)
    end
end)

-- entry, n, ids

told('fetched', function ()
    local serial, ids = num(), {}

    for i = 1, num() do
        ids[i] = str()
    end

    ledger.fetched(serial, ids)
end)

-- client's id, running, pictures, cost

told('release', function ()
    quota.unhold(str(), num(), num(), num())
end)

-- whether there is a claim; if so it with one task; its number; entry, account,
-- the upstream's id,
-- whether to read a result
-- look, over, account, id, sending, told, error, position, of, eta,
-- place: serial and grip; the task's round, own; length of the result, and it

register('look', function ()
    local has_claim = num() ~= 0
    local claim = has_claim and ledger.claim() or nil
    local i, entry = num() + 1, num()
    local account, id, reads = num(), str(), num() ~= 0
    local look, over, sending, told = LOOK_TAKEN, 0, 0, nil
    local position, of, eta, serial, grip = 0, 0, 0, 0, 0
    local round, own, result, len = 0, 0, false, 0

    if claim then
        entry = claim.serial
        look, id = ledger.look(claim, i)
        account = ledger.account(claim)
        round, own, over = claim[i].round, claim[i].own, claim[i].over

    elseif id == '' then
        local peek = ledger.peek(entry, i)

        look, account, id = peek.look, peek.account, peek.id
        sending, told = peek.sending, peek.told
        position, of, eta = queue.standing(peek.place, entry, i - 1)
    end

    if look == LOOK_TAKEN and account ~= LEDGER_ANY then
        serial, grip = queue.adopt(account, id)

        if serial ~= 0 then
            undo_by('adopted', serial, grip)
        end
    end

    if look == LOOK_RESULT then
        result = ledger.result(entry, i)

        if not result then
            look = LOOK_LOST
        else
            len = #result
            result = reads and result or ''
        end
    end

    local reply = { look, over, account, id, sending }

    append(reply, told_of(told))
    append(reply, { position, of, eta, serial, grip, round, own, len,
                    result or '' })

    return reply
end)

-- entry, n
-- canceled, running

register('cancel', function ()
    local entry, n = num(), num()
    local canceled, running = 0, 0

    for i = 1, n do
        local peek = ledger.peek(entry, i)

        if peek.look == LOOK_WAIT
           and queue.may_cancel(peek.place, entry, i - 1)
        then
            ledger.cancel(entry, i)
            queue.cancel(peek.place)
            canceled = canceled + 1

        elseif peek.look == LOOK_CANCELED then
            canceled = canceled + 1

        elseif peek.look == LOOK_WAIT or peek.look == LOOK_TAKEN
               or peek.look == LOOK_UNKNOWN or peek.look == LOOK_RESULT
               or peek.look == LOOK_LOST
        then
            running = running + 1
        end
    end

    return { canceled, running }
end)

-- n, clients by their digests
-- how many places wait: all, and those of each

register('waits', function ()
    local reply = { queue.waits() }

    for _ = 1, num() do
        reply[#reply + 1] = queue.client_waits(str())
    end

    return reply
end)
