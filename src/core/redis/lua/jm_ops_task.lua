-- what a place's process is told: rc, wait, serial, grip, account

local function place_reply(rc, wait, p)
    if p == nil or p.state == 0 then
        return { rc, wait, 0, 0, 0 }
    end

    return { rc, wait, p.serial, p.grip, p.account }
end

-- a server that has lost all it was told has lost this claim's request, too

local function forgotten(entry)
    return entry ~= 0 and not ledger.knows(entry)
end

local function canceled(request)
    return request.entry ~= 0
           and ledger.peek(request.entry, request.task + 1).look
               == LOOK_CANCELED
end

-- rc (2: forgotten), canceled, round, own

local function submit(claim, i, account)
    local rc, gone = 0, 0

    if not ledger.submit(claim, i, account) then
        rc = forgotten(claim.serial) and 2 or 1
        gone = ledger.peek(claim.serial, i).look == LOOK_CANCELED and 1 or 0
    end

    return { rc, gone, claim[i].round, claim[i].own }
end

-- place, request, whether it is bound and to which account, and for good;
-- whether to submit it; if so as "submit" has a claim, and its number
-- rc, wait, serial, grip, account, canceled (2: forgotten), whether there may
-- be orphans, position, of, eta; if it was submitted rc, canceled, round, own

register('place', function ()
    local handle, request = queue.handle(), queue.request()
    local bound, account, fixed = num() ~= 0, num(), num() ~= 0
    local claim = num() ~= 0 and num() ~= 0 and ledger.claim() or nil
    local gone, rc, wait, p = false

    if handle.serial ~= 0 and not queue.knows(handle.serial)
       and forgotten(request.entry)
    then
        return { LATE, 1, 0, 0, 0, 2, 0, 0, 0, 0 }
    end

    local function bind()
        if rc == GRANTED and bound and p.account ~= account then
            rc, wait, p = queue.bind({ serial = p.serial, grip = p.grip },
                                     account)
        end
    end

    local function enter()
        gone = canceled(request)

        if gone then
            rc, wait, p = LATE, 0, nil
            return
        end

        rc, wait, p = queue.enter(request)
        bind()

        if rc == WAIT and request.entry ~= 0 then
            ledger.placed(request.entry, request.task + 1, p.serial)
        end

        if p and p.state ~= 0 then
            undo_by('placed', p.serial, p.grip)
        end

        -- the answer to the other's submit says which account it will be

        if rc == ASIDE and bound and not fixed then
            rc, wait = WAIT, 100
        end
    end

    -- one that was silent for long has no place any more

    if handle.serial == 0
       or not (queue.knows(handle.serial) or canceled(request))
    then
        enter()

    else
        rc, wait, p = queue.look(handle)
        gone = rc == LATE and canceled(request)

        bind()

        if rc == ASIDE and not fixed then
            enter()
        end
    end

    local reply = place_reply(rc, wait, p)
    local position, of, eta = 0, 0, 0

    if rc == WAIT and reply[3] ~= 0 then
        position, of, eta = queue.standing(reply[3], request.entry,
                                           request.task)
    end

    append(reply, { gone and 1 or 0, queue.has_lost(), position, of, eta })

    if claim and rc == GRANTED then
        append(reply, submit(claim, num() + 1, p.account))
    end

    return reply
end)

-- whether there is a claim; if so it with one task, and its number; account,
-- client, bill, force
-- rc (2: forgotten), canceled, round, own, over, held, view

register('submit', function ()
    local claim = num() ~= 0 and ledger.claim() or nil
    local i, account = num() + 1, num()
    local client, most, force = quota.client(), quota.bill(), num() ~= 0
    local over, held = 0, 0
    local view = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

    if most.images ~= 0 then
        over, view, held = quota.hold(client, most, force)

        if held ~= 0 then
            undo_by('held', client.id, most.images, most.cost)
        end
    end

    local reply = { 0, 0, claim and claim[i].round or 0,
                    claim and claim[i].own or 0 }

    if claim and (over == 0 or force) then
        reply = submit(claim, i, account)
    end

    append(reply, { over, held })
    append(reply, view)

    return reply
end)

-- place, why: jm_refused_e
-- rc, wait, serial, grip, account, first

register('refused', function ()
    local handle, why, first = queue.handle(), num(), 0
    local rc, wait, p

    if why < 2 then
        rc, wait, p = queue.busy(handle, why == 1)
    else
        rc, wait, p, first = queue.denied(handle, why == 3)
    end

    local reply = place_reply(rc, wait, p)

    reply[6] = first

    return reply
end)

-- whether there is a claim; if so it with one task, and its number; place,
-- what, the upstream's id

told('sent', function ()
    local claim = num() ~= 0 and ledger.claim() or nil
    local i, handle, what, id = num() + 1, queue.handle(), num(), str()

    if claim then
        ledger.sent(claim, i, what, id, handle.serial)
    end

    if what == 0 then
        queue.accepted(handle, id)
    end
end)

-- place, how

told('leave', function ()
    local handle = queue.handle()

    queue.leave(handle, num())
end)

-- whether there is a claim; if so it with one task; its number; account,
-- place, how, result, ms since 1970 until which it is of use, whether there is
-- a hold; if so
-- its client's id, pictures and cost that are left; client, bill, price,
-- joined, entry, left; name of the process, and the number by which its client
-- is released once, or 0
-- first, kept, billed, pictures and cost that are delivered of the hold, near

register('over', function ()
    local claim = num() ~= 0 and ledger.claim() or nil
    local i, account, handle, how = num() + 1, num(), queue.handle(), num()
    local result, till = str(), num()
    local hold = num() ~= 0 and { id = str(), images = num(), cost = num() }
    local client, bill, price = quota.client(), quota.bill(), num()
    local joined, entry, left = str(), num(), num() ~= 0
    local name, number_of = str(), num()
    local first, kept, billed, near = not left, 0, false, { 0, 0, 0, 0 }
    local images, cost = 0, 0

    if left and claim then
        ledger.unfollow(claim, i)

    elseif first and claim and forgotten(claim.serial) then

        -- no other request has it any more, and nobody else counts it

        first = claim[i].own ~= 0

    elseif first and claim and how == LEAVE_DONE then
        first, kept = ledger.brought(claim, i, result, till)

    elseif first and claim then
        first = ledger.over(claim, i)

    elseif first and (joined ~= '' or entry ~= 0) then
        if how ~= LEAVE_OVER then
            first = false

        else
            local ended, known = ledger.ended(entry, i, joined)

            bill.cost = bill.images * queue.price(account, joined, price)
            first = known and ended or (not known and handle.serial ~= 0)
        end
    end

    if not left then
        billed, first = ledger.bill(entry, i, bill.images ~= 0, first)
    end

    if first and bill.images ~= 0 then
        if hold and hold.id ~= '' then
            quota.count(quota.load(hold.id), bill, client and client.east or 0)

            images = min(bill.images, hold.images)
            cost = min(bill.cost, hold.cost)

            quota.unhold(hold.id, 0, images, cost)

        elseif client and not hold then
            quota.count(quota.load(client.id), bill, client.east)
        end

        if client then
            near = quota.near(client)
        end
    end

    if handle.serial ~= 0 then
        queue.leave(handle, how)

    elseif first and joined ~= '' and how == LEAVE_OVER then
        queue.ended(account, joined)
    end

    if number_of ~= 0 and is_new(name, number_of) then
        quota.unhold(hold.id, 1, hold.images - images, hold.cost - cost)
    end

    local reply = { first and 1 or 0, kept, billed and 1 or 0, images, cost,
                    bill.cost }

    append(reply, near)

    return reply
end)

-- entry, task

told('billed', function ()
    local entry = num()

    ledger.billed(entry, num() + 1)
end)

-- n, accounts, pause
-- whether there is one; if so entry, billed, price, model, since, account,
-- task, id, req_key

register('orphan', function ()
    local list = {}

    for i = 1, num() do
        list[i] = num()
    end

    local p = queue.orphan_next(list, num())

    if p == nil then
        return { 0 }
    end

    return { 1, p.entry, p.billed, p.price, p.model, p.since, p.account, p.task,
             p.id, p.req_key }
end)

-- entry, task, account, id, pending, doubted, client's id, bill
-- first, the client's id if it was counted

register('asked', function ()
    local entry, i, account, id = num(), num() + 1, num(), str()
    local pending, doubted = num() ~= 0, num() ~= 0
    local client, bill = str(), quota.bill()

    if pending then
        queue.alive(account, id)

        return { 0, '' }
    end

    if doubted and not queue.doubted(account, id) then
        return { 0, '' }
    end

    local first, known = ledger.ended(entry, i, id)

    if not known then
        first = queue.is_orphan(account, id)
    end

    local _

    _, first = ledger.bill(entry, i, bill.images ~= 0, first)

    local counted = first and bill.images ~= 0 and client ~= ''

    if counted then
        local u = quota.load(client)

        quota.count(u, bill, u.east)
    end

    queue.ended(account, id)

    return { first and 1 or 0, counted and client or '' }
end)

-- client
-- rate, view, how many follow; of all models and each: model, pictures and cost
-- of day, month

register('usage', function ()
    local client, reply = quota.client(), {}

    append(reply, quota.rate_view(client))
    append(reply, quota.view(client))

    local list = quota.usage(client)

    reply[#reply + 1] = #list

    for _, sums in ipairs(list) do
        append(reply, sums)
    end

    return reply
end)

-- n, clients
-- of each rate and view

register('clients', function ()
    local reply = {}

    for _ = 1, num() do
        local client = quota.client()

        append(reply, quota.rate_view(client))
        append(reply, quota.view(client))
    end

    return reply
end)

-- n, accounts
-- of each what jm_queue_view_t has

register('accounts', function ()
    local reply = {}

    for _ = 1, num() do
        append(reply, queue.view(num()))
    end

    return reply
end)
