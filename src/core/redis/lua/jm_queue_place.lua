-- ---- places: each returns a result of jm_queue_e, and a time to wait

function queue.request()
    local r = { accounts = {}, serial = num() }

    for i = 1, num() do
        r.accounts[i] = num()
    end

    r.client = str()
    r.req_key = str()
    r.model = str()
    r.patience = num()
    r.entry = num()
    r.billed = str()
    r.price = num()
    r.task = num()
    r.pictures = max(num(), 1)

    return r
end

-- a place as its process knows it

function queue.handle()
    return { serial = num(), grip = num() }
end

local function find_place(handle)
    local p = handle.serial ~= 0 and place_at(handle.serial)

    if not p or p.grip ~= handle.grip then
        return nil
    end

    if p.state == PLACE_LOST then
        follow(p)
        p.state = p.id ~= '' and PLACE_RUN or PLACE_TOLD
        save(p)
    end

    return p
end

function queue.knows(serial)
    begin_queue()

    return place_at(serial) ~= nil
end

-- accounts are in the order of a request there, here in that of numbers

local function sorted(list)
    local copy = { unpack(list) }

    table.sort(copy)

    return copy
end

local function tell_waiting(p)
    local list = usable(p.accounts, p.model)

    if #list == 0 then
        return ASIDE, 0
    end

    local timeout = timeout_of(p.accounts)

    if p.due <= NOW
       or (timeout ~= 0 and span(p.since, NOW) >= timeout)
    then
        local o = foretell(list, next_tag(p.client, list))

        return LATE, retry(o, span(p.since, p.due), timeout)
    end

    return WAIT, pause(p)
end

local function tell(p)
    if p == nil then
        return LATE, 1
    end

    if p.state == PLACE_WAIT then
        local rc, wait = tell_waiting(p)

        if rc ~= WAIT then
            drop_place(p)
        end

        return rc, wait, p
    end

    if p.state == PLACE_GRANTED then
        local a = accounts[p.account]

        a.submitted = NOW
        unprobe(a, p)

        p.at = NOW
        p.state = PLACE_TOLD

        probe(a, p)
        save_account(p.account)
        save(p)
    end

    return GRANTED, 0, p
end

function queue.enter(r)
    begin_queue()
    reap()
    dispatch(nil)

    local list = sorted(r.accounts)
    local account = pick(r.accounts, r.model)
    local good = usable(list, r.model)

    if account == nil then
        if #good == 0 then
            return ASIDE, 0
        end

        local timeout = timeout_of(list)
        local o = foretell(good, next_tag(r.client, good))
        local wait = retry(o, r.patience, timeout)

        if is_full(list) then
            return FULL, wait
        end

        if o.delay + o.average > r.patience
           or (timeout ~= 0 and o.delay > timeout)
        then
            return LATE, wait
        end
    end

    local p = {
        serial = r.serial, seq = numbers(1), task = r.task,
        pictures = r.pictures, model = r.model, entry = r.entry,
        billed = r.billed, price = r.price, client = r.client,
        req_key = r.req_key, accounts = list, since = NOW,
        due = NOW + r.patience, at = 0, lapse = 0, tag = 0, grip = 0,
        owner = OWNER, account = 0, adopted = 0, state = 0, id = '',
        doubts = 0, held = 0, asked = 0
    }

    redis.call('SADD', P .. 'w' .. number(OWNER), number(p.serial))

    if account ~= nil then
        p.tag = turn_of(good)
        submits(account, p)
        hold(p, account, PLACE_TOLD, NOW)

    else
        p.tag = next_tag(p.client, good)
        line_up(p, list)
        dispatch(p)
    end

    return tell(p)
end

function queue.look(handle)
    begin_queue()
    reap()

    local p = find_place(handle)

    dispatch(p)

    return tell(p)
end

-- What had a slot is the next again, and what waited waits for other accounts.

local function back(p, list)
    if #list == 0 then
        drop_place(p)
        dispatch(nil)

        return ASIDE, 0
    end

    if p.state ~= PLACE_WAIT then
        p.tag = 0
    end

    line_up(p, list)
    dispatch(p)

    return tell(p)
end

function queue.bind(handle, account)
    begin_queue()

    local p = find_place(handle)

    if p == nil then
        return tell(nil)
    end

    local waits = p.state == PLACE_WAIT

    if waits and #p.accounts == 1 and p.accounts[1] == account then
        dispatch(p)

    elseif p.state == PLACE_RUN or (not waits and p.account == account) then
        p.accounts = { p.account }
        save(p)

    else
        return back(p, { account })
    end

    return tell(p)
end

local function trust(aside, p)
    if aside and p.at > aside[1] then
        aside[3] = 0
    end
end

-- its submit was taken

local function run(p, id)
    local a = accounts[p.account]

    if id ~= '' then
        p.id = id
        redis.call('HSET', P .. 't' .. p.account, id, number(p.serial))
    end

    p.state = PLACE_RUN
    p.asked = 0
    a.submits = a.submits + 1

    trust(a.aside, p)
    trust(aside_of(a, p.model), p)

    save(p)
    save_account(p.account)

    -- what was submitted before the last refusal says nothing about now

    if p.at <= a.refused then
        return
    end

    a.refusals = 0

    if a.effective < a.concurrency then
        a.taken = a.taken + 1

        if a.taken >= a.effective then
            a.effective = min(a.effective * 2, a.concurrency)
            a.taken = 0
        end
    end
end

function queue.accepted(handle, id)
    begin_queue()

    local p = find_place(handle)

    if p and p.state == PLACE_TOLD then
        run(p, id)
        dispatch(nil)
    end
end

function queue.busy(handle, tasks)
    begin_queue()

    local p = find_place(handle)

    if p == nil or p.state ~= PLACE_TOLD then
        return tell(p)
    end

    local a = accounts[p.account]

    if tasks then
        a.busy_tasks = a.busy_tasks + 1
    else
        a.busy_rate = a.busy_rate + 1
    end

    if a.refusals == 0 or p.at > a.refused then
        a.rest = NOW + min(QUEUE_REST * 2 ^ min(a.refusals, 5),
                           QUEUE_REST_MAX)
        a.refusals = a.refusals + 1
    end

    a.refused = NOW
    a.effective = min(a.effective, max(a.running - 1, 1))
    a.taken = 0

    save_account(p.account)

    return back(p, p.accounts)
end

local function model_aside(a, model)
    local n, oldest = 0

    if a.models[model] and a.models[model][3] ~= 0 then
        return a.models[model]
    end

    for name, aside in pairs(a.models) do
        n = n + 1

        if oldest == nil or aside[2] < a.models[oldest][2] then
            oldest = name
        end
    end

    if n >= QUEUE_MODELS then
        a.models[oldest] = nil
    end

    a.models[model] = { 0, 0, 0, 0, 0 }

    return a.models[model]
end

-- The same, and 1 for the first refusal since a submit was taken.

function queue.denied(handle, model_only)
    begin_queue()

    local p = find_place(handle)

    if p == nil or p.state ~= PLACE_TOLD then
        local rc, wait = tell(p)

        return rc, wait, p, 0
    end

    local account, a = p.account, accounts[p.account]
    local aside = model_only and model_aside(a, p.model) or a.aside
    local first = aside[3] == 0 and 1 or 0
    local known = aside[3] ~= 0 and p.at <= aside[1]

    a.denied = a.denied + 1

    if not known then
        aside[2] = NOW + min(QUEUE_ASIDE * 2 ^ min(aside[3], 5),
                             QUEUE_ASIDE_MAX)
        aside[3] = aside[3] + 1
        aside[4] = floor(NOW / 1000)

        if not model_only then
            a.probes = {}
        end

        level(account)
        alarm()
    end

    aside[1] = NOW
    save_account(account)

    local rc, wait, place = back(p, p.accounts)

    return rc, wait, place, first
end

function queue.leave(handle, how)
    begin_queue()

    local p = find_place(handle)

    if p == nil then
        return
    end

    if how == LEAVE_DONE and p.state == PLACE_TOLD then
        run(p, '')
    end

    if (how == LEAVE_OVER or how == LEAVE_DONE) and p.state == PLACE_RUN
       and p.adopted == 0
    then
        local a = accounts[p.account]
        local time = max(span(p.at, NOW), 1)

        if a.average ~= 0 then
            time = floor((a.average * (QUEUE_AVERAGE - 1) + time
                          + QUEUE_AVERAGE / 2) / QUEUE_AVERAGE)
        end

        a.average = time
        save_account(p.account)
    end

    if how == LEAVE_LOST then
        lose(p)
    else
        drop_place(p)
    end

    dispatch(nil)
end

-- Position, of how many, and when its task is likely to be over.

function queue.standing(serial, entry, task)
    begin_queue()

    local p = serial ~= 0 and place_at(serial)

    if not p or p.state ~= PLACE_WAIT or p.entry ~= entry or p.task ~= task
    then
        return 0, 0, 0
    end

    local position, of = 1, 0

    for _, group in pairs(groups) do
        if meets(group.accounts, p.accounts) then
            position = position + rank_in(group, p.tag, p)
            of = of + count(group)
        end
    end

    local list = usable(p.accounts, p.model)
    local o = foretell(#list ~= 0 and list or p.accounts, p.tag, p)

    return position, of, o.average ~= 0 and o.delay + o.average or 0
end

function queue.may_cancel(serial, entry, task)
    begin_queue()

    local p = serial ~= 0 and place_at(serial)

    return p and p.entry == entry and p.task == task
           and (p.state == PLACE_WAIT or p.state == PLACE_GRANTED)
end

function queue.cancel(serial)
    local p = place_at(serial)

    notify(p)
    drop_place(p)
    dispatch(nil)
end
