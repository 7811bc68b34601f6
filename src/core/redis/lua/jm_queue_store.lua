-- The slots of each account, and the fair queue for them: see jm_queue.h and
-- the headers that go with it.

local PLACE_WAIT, PLACE_GRANTED, PLACE_TOLD, PLACE_RUN, PLACE_LOST =
    1, 2, 3, 4, 5

local ACCOUNTS = 64

local QUEUE_LOOK, QUEUE_LOOK_MAX = 1000, 30000
local QUEUE_LOOKS = 3               -- ms between two looks of any
local QUEUE_UNHEARD = 300           -- ms until it is told again that it has a
                                    -- slot
local QUEUE_REST, QUEUE_REST_MAX = 500, 16000
local QUEUE_ASIDE, QUEUE_ASIDE_MAX = 10000, 300000
local QUEUE_AVERAGE = 8
local QUEUE_GUESS = 30000
local QUEUE_REAP = 500
local QUEUE_PIECE = 16              -- what one call gives back, or grants
local QUEUE_ASKED = 86400000
local QUEUE_DOUBTS = 5
local QUEUE_MODELS = 7
local QUEUE_SILENT = 5000
local QUEUE_GAP = 1500              -- nobody has said that he lives: all do more
                                    -- often
local QUEUE_TRY = 10000

local accounts, groups, state

local place_fields = { 'seq', 'task', 'pictures', 'model', 'entry', 'billed',
                       'price', 'client', 'req_key', 'accounts', 'since',
                       'due', 'at', 'lapse', 'tag', 'grip', 'owner',
                       'account', 'adopted', 'state', 'id', 'doubts', 'held',
                       'asked' }

kinds.p = {
    read = function (array, serial)
        local p = { serial = tonumber(serial) }

        for i, name in ipairs(place_fields) do
            p[name] = array[i]
        end

        return p
    end,

    write = function (p)
        local array = {}

        for i, name in ipairs(place_fields) do
            array[i] = p[name]
        end

        return array
    end
}

-- All accounts are read at once, and so are groups: most calls need them.

local function begin_queue()
    if accounts then
        return
    end

    accounts, groups = {}, {}

    local list = redis.call('HGETALL', P .. 'a')

    for i = 1, #list, 2 do
        accounts[tonumber(list[i])] = cmsgpack.unpack(list[i + 1])
    end

    list = redis.call('HGETALL', P .. 'g')

    for i = 1, #list, 2 do
        groups[list[i]] = cmsgpack.unpack(list[i + 1])
        groups[list[i]].name = list[i]
    end

    local text = redis.call('GET', P .. 'q')

    state = text and cmsgpack.unpack(text) or { reaped = 0, stuck = 0 }
end

begins[#begins + 1] = function ()
    accounts, groups, state = nil, nil, nil
end

local function save_account(i)
    accounts[i].dirty = true
end

local function save_state()
    state.dirty = true
end

ends[#ends + 1] = function ()
    for i, a in pairs(accounts or {}) do
        if a.dirty then
            a.dirty = nil
            redis.call('HSET', P .. 'a', number(i), cmsgpack.pack(a))
        end
    end

    if state and state.dirty then
        state.dirty = nil
        redis.call('SET', P .. 'q', cmsgpack.pack(state))
    end
end

local function save(p)
    touch('p', number(p.serial), p)
end

local function place_at(serial)
    return load('p', number(serial))
end

-- The order of places in a group: by tag, then as they came.

local function member(p)
    return string.format('%016.0f:%.0f', p.seq, p.serial)
end

local function serial_of(text)
    return tonumber(string.match(text, ':(%d+)$'))
end

local function has(list, account)
    for _, i in ipairs(list) do
        if i == account then
            return true
        end
    end

    return false
end

local function meets(list, other)
    for _, i in ipairs(list) do
        if has(other, i) then
            return true
        end
    end

    return false
end

local function within(list, other)
    for _, i in ipairs(list) do
        if not has(other, i) then
            return false
        end
    end

    return true
end

local function count(group)
    if group.n == nil then
        group.n = redis.call('ZCARD', P .. 'z' .. group.name)
    end

    return group.n
end

local function waiting()
    local n = 0

    for _, group in pairs(groups) do
        n = n + count(group)
    end

    return n
end

local function notify(p)
    local owner = number(p.owner)

    news[owner] = news[owner] or {}

    table.insert(news[owner], number(p.serial))
end

local function alarm()
    news['*'] = { '*' }
end

-- ---- where a place is

local function group_name(p)
    return table.concat(p.accounts, ',') .. ':' .. p.model
end

local function line_name(p)
    return table.concat(p.accounts, ',')
end

local function leave_group(group, text)
    group.n = count(group) - redis.call('ZREM', P .. 'z' .. group.name, text)
    group.first = nil

    if group.n <= 0 then
        groups[group.name] = nil
        redis.call('HDEL', P .. 'g', group.name)
    end
end

local function unlink_waiting(p)
    local client, group = P .. 'c' .. p.client, groups[group_name(p)]

    if group then
        leave_group(group, member(p))
    end

    local text = redis.call('HGET', client, line_name(p))
    local line = text and cmsgpack.unpack(text)

    if line and line[1] > 1 then
        line[1] = line[1] - 1
        redis.call('HSET', client, line_name(p), cmsgpack.pack(line))

    elseif line then
        redis.call('HDEL', client, line_name(p))
    end
end

-- Older tasks may run for minutes yet, and say nothing about credentials.

local function probe(a, p)
    if a.aside[3] ~= 0 and p.at >= a.aside[2] then
        a.probes[#a.probes + 1] = p.serial
    end
end

local function unprobe(a, p)
    for i, serial in ipairs(a.probes) do
        if serial == p.serial then
            table.remove(a.probes, i)
            break
        end
    end
end

local function unlink_held(p)
    local a = accounts[p.account]

    a.running = a.running - 1

    unprobe(a, p)

    save_account(p.account)

    if p.id ~= '' then
        redis.call('HDEL', P .. 't' .. p.account, p.id)
    end

    if p.state == PLACE_LOST then
        redis.call('ZREM', P .. 'l', number(p.serial))
        redis.call('ZREM', P .. 'f' .. p.account, number(p.serial))

        a.lost = a.lost - 1
        a.cost_lost = a.cost_lost - p.price
    end

    a.cost = a.cost - p.price
end

local function drop_place(p)
    if p.state == PLACE_WAIT then
        unlink_waiting(p)
    else
        unlink_held(p)
    end

    redis.call('SREM', P .. 'w' .. number(p.owner), number(p.serial))

    p.state = 0
    forget('p', number(p.serial))
    is_known(p.serial)
end

local function line_up(p, list)
    if p.state == PLACE_WAIT then
        unlink_waiting(p)

    elseif p.state ~= 0 then
        unlink_held(p)
    end

    p.accounts = list

    local name, client = group_name(p), P .. 'c' .. p.client

    if groups[name] == nil then
        groups[name] = { accounts = list, model = p.model, name = name, n = 0 }
        redis.call('HSET', P .. 'g', name,
                   cmsgpack.pack({ accounts = list, model = p.model }))
    end

    groups[name].n = count(groups[name]) + 1

    redis.call('ZADD', P .. 'z' .. name, number(p.tag), member(p))

    local text = redis.call('HGET', client, line_name(p))
    local line = text and cmsgpack.unpack(text) or { 0, 0 }

    redis.call('HSET', client, line_name(p),
               cmsgpack.pack({ line[1] + 1, max(line[2], p.tag) }))

    p.state = PLACE_WAIT
    save(p)
end

local function hold(p, account, place_state, at)
    local a = accounts[account]

    if p.state == PLACE_WAIT then
        unlink_waiting(p)
    end

    a.held = a.held + 1

    p.at = at
    p.held = a.held
    p.account = account
    p.state = place_state

    a.running = a.running + 1
    a.turn = max(a.turn, p.tag)
    a.cost = a.cost + p.price

    probe(a, p)

    save_account(account)
    save(p)
end

-- ---- accounts

local function aside_of(a, model)
    return a.models[model]
end

local function is_aside(a, model)
    local aside = aside_of(a, model)

    return a.aside[2] > NOW or (aside ~= nil and aside[2] > NOW)
end

local function usable(list, model)
    local result = {}

    for _, i in ipairs(list) do
        if not is_aside(accounts[i], model) then
            result[#result + 1] = i
        end
    end

    return result
end

local function ready_in(a)
    local ready = a.rest
    local pause = max(a.interval, a.pace * a.pictures)

    if pause ~= 0 and a.submitted ~= 0 then
        ready = max(ready, a.submitted + pause)
    end

    return span(NOW, ready)
end

local function limit_of(a)
    return a.concurrency ~= 0 and max(a.effective, 1) or 4294967295
end

local function slots_of(a)
    return a.aside[3] ~= 0 and 1 or limit_of(a)
end

local function free_slots(a)
    local free = span(a.running, limit_of(a))

    if a.aside[3] == 0 then
        return free
    end

    return #a.probes ~= 0 and 0 or min(free, 1)
end

local function is_better(a, b)
    return a.running * b.weight < b.running * a.weight
end

local function pick(list, model)
    local best

    for _, i in ipairs(list) do
        local a = accounts[i]

        if free_slots(a) ~= 0 and ready_in(a) == 0 and not is_aside(a, model)
           and (best == nil or is_better(a, accounts[best]))
        then
            best = i
        end
    end

    return best
end

local function submits(account, p)
    accounts[account].submitted = NOW
    accounts[account].pictures = p.pictures
    save_account(account)
end
