-- What clients have used of their limits: see jm_quota.h.  The hour, the day
-- and the month are all counted, whatever a client's limits are of.

local HOUR, DAY, MONTH = 3600, 86400, 2678400

local QUOTA_OK, QUOTA_REQUESTS, QUOTA_IMAGES, QUOTA_BUDGET = 0, 1, 2, 3

local QUOTA_MODELS = 20

-- longer than anything that is counted

local QUOTA_KEPT = 33 * DAY * 1000

local TOLD = { [HOUR] = 1, [DAY] = 2, [MONTH] = 4 }
local TOLD_BUDGET = { [DAY] = 8, [MONTH] = 16 }

kinds.u = {
    read = function (u, id)
        u.id = id
        return u
    end,

    write = function (u)
        local t = {}

        for name, value in pairs(u) do
            t[name] = value
        end

        t.id = nil
        return t
    end,

    ttl = function ()
        return QUOTA_KEPT
    end
}

-- A client of a request; nil: nobody.

function quota.client()
    local c = {
        id = str(), rate = num(), rate_period = num(), concurrency = num(),
        images = num(), images_period = num(), budget = num(),
        budget_period = num(), east = num()
    }

    return c.id ~= '' and c or nil
end

function quota.bill()
    return { model = str(), images = num(), cost = num() }
end

function quota.load(id)
    local u = load('u', id)

    if u == nil then
        u = { id = id, full = 0, ns = 0, told = 0, east = 0, shares = {},
              sums = {}, models = {} }
        records['u' .. id] = u
    end

    return u
end

-- Days and months are those of the operator's time zone.

local function month_of(days)
    local z = days + 719468
    local era = floor(z / 146097)
    local doe = z - era * 146097
    local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524)
                       - floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
    local mp = floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    local year = yoe + era * 400 + (month <= 2 and 1 or 0)

    return year * 12 + month - 1
end

local function month_begin(number)
    local year, month = floor(number / 12), number % 12 + 1
    local y = month <= 2 and year - 1 or year
    local era = floor(y / 400)
    local yoe = y - era * 400
    local mp = month > 2 and month - 3 or month + 9
    local doy = floor((153 * mp + 2) / 5)
    local doe = yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + doy

    return (era * 146097 + doe - 719468) * DAY
end

local function window(period, east)
    if period == HOUR then
        return floor(SECONDS / HOUR)
    end

    local days = floor(max(SECONDS + east, 0) / DAY)

    return period == MONTH and month_of(days) or days
end

local function window_end(period, n, east)
    if period == HOUR then
        return (n + 1) * HOUR
    end

    return (period == MONTH and month_begin(n + 1) or (n + 1) * DAY) - east
end

-- Nodes are not in the same time zone: one that is behind does not begin the
-- last window again.  Returns pictures, cost, and the number of the window.

local function sum(sums, period, east)
    local now = window(period, east)
    local s = sums[tostring(period)]

    if s == nil or now > s[1] then
        return 0, 0, now
    end

    return s[2], s[3], s[1]
end

local function sums_add(sums, bill, east)
    for _, period in ipairs({ HOUR, DAY, MONTH }) do
        local images, cost, n = sum(sums, period, east)

        sums[tostring(period)] = { n, images + bill.images, cost + bill.cost }
    end
end

-- A limit that a client is near is told once in its window.

local function untell(u, east)
    for period, bit_of in pairs(TOLD) do
        local s = u.sums[tostring(period)]

        if s == nil or window(period, east) > s[1] then
            u.told = bit.band(u.told, bit.bnot(bit_of))

            if TOLD_BUDGET[period] then
                u.told = bit.band(u.told, bit.bnot(TOLD_BUDGET[period]))
            end
        end
    end
end

local function model_of(u, model, east)
    local n, unused = 0

    if u.models[model] then
        return u.models[model]
    end

    for name, sums in pairs(u.models) do
        local s = sums[tostring(MONTH)]

        n = n + 1

        if s == nil or s[1] < window(MONTH, east) then
            unused = name
        end
    end

    if n >= QUOTA_MODELS then
        if unused == nil then
            return nil
        end

        u.models[unused] = nil
    end

    u.models[model] = {}

    return u.models[model]
end

function quota.count(u, bill, east)
    untell(u, east)

    sums_add(u.sums, bill, east)

    local models = bill.model ~= '0' and model_of(u, bill.model, east)

    if models then
        sums_add(models, bill, east)
    end

    u.east = east

    touch('u', u.id, u)
end

-- A bucket is kept as the time at which it is going to be full: in ms, and ns
-- of one, as a number has not room for ns since 1970.  What is owed is in ns.

local NS = 1000000

local function cost_of(c)
    return floor(c.rate_period * NS / c.rate)
end

local function bucket(c, owed)
    if c.rate == 0 then
        return { 0, 0, 0, 0 }
    end

    local cost = cost_of(c)
    local rest = cost * c.rate - owed

    return {
        c.rate, floor(rest / cost), ceil(owed / NS),
        rest < cost and ceil((cost - rest) / NS) or 0
    }
end

local function owed_of(c, u)
    if c.rate == 0 then
        return 0
    end

    return min(span(NOW, u.full) * NS + (u.full >= NOW and u.ns or 0),
               cost_of(c) * c.rate)
end

function quota.rate_view(c)
    return bucket(c, owed_of(c, quota.load(c.id)))
end

function quota.rate(c)
    local u = quota.load(c.id)
    local owed = owed_of(c, u)
    local b = bucket(c, owed)

    if c.rate == 0 then
        return 0, b
    end

    local rc = 1

    if b[4] == 0 then
        owed = owed + cost_of(c)
        b = bucket(c, owed)
        b[4] = 0
        rc = 0
    end

    u.full = NOW + floor(owed / NS)
    u.ns = owed % NS
    touch('u', u.id, u)

    return rc, b
end

local function reap(u)
    for owner in pairs(u.shares) do
        if not lives(tonumber(owner)) then
            u.shares[owner] = nil
            touch('u', u.id, u)
        end
    end
end

-- As jm_quota_view_t: concurrency, running, limit, used, reserved, remaining,
-- reset, and of the budget limit, spent, reserved, remaining, reset.

function quota.look(u, c)
    local v = { c.concurrency, 0, c.images, 0, 0, 0, 0, c.budget, 0, 0, 0, 0 }
    local n, _

    for _, share in pairs(u.shares) do
        v[2] = v[2] + share[1]
        v[5] = v[5] + share[2]
        v[10] = v[10] + share[3]
    end

    if c.images ~= 0 then
        v[4], _, n = sum(u.sums, c.images_period, c.east)
        v[6] = span(v[4] + v[5], c.images)
        v[7] = window_end(c.images_period, n, c.east)
    end

    if c.budget ~= 0 then
        _, v[9], n = sum(u.sums, c.budget_period, c.east)
        v[11] = span(v[9] + v[10], c.budget)
        v[12] = window_end(c.budget_period, n, c.east)
    end

    return v
end

function quota.view(c)
    local u = quota.load(c.id)

    reap(u)

    return quota.look(u, c)
end

local function over(v, most)
    if v[1] ~= 0 and v[2] >= v[1] then
        return QUOTA_REQUESTS
    end

    if v[3] ~= 0 and most.images > v[6] then
        return QUOTA_IMAGES
    end

    if v[8] ~= 0 and most.cost > v[11] then
        return QUOTA_BUDGET
    end

    return QUOTA_OK
end

-- Returns the result of jm_quota_hold(), the view before, and whether there is
-- a hold now.

function quota.hold(c, most, force)
    local u = quota.load(c.id)
    local v = quota.look(u, c)

    if c.concurrency == 0 and c.images == 0 and c.budget == 0 then
        return QUOTA_OK, v, 0
    end

    local rc = over(v, most)

    -- some of what runs may be of processes that are dead

    if rc ~= QUOTA_OK then
        reap(u)

        v = quota.look(u, c)
        rc = over(v, most)
    end

    if rc ~= QUOTA_OK and not force then
        return rc, v, 0
    end

    local owner = number(OWNER)
    local share = u.shares[owner]

    -- where no limit is ever reached those of dead processes would pile up

    if share == nil then
        reap(u)
        share = { 0, 0, 0 }
    end

    u.shares[owner] = { share[1] + 1, share[2] + most.images,
                        share[3] + most.cost }

    touch('u', u.id, u)

    return rc, v, 1
end

-- A hold is a client's id, and what it may bring yet.

function quota.unhold(id, running, images, cost)
    local u = quota.load(id)
    local owner = number(OWNER)
    local share = u.shares[owner]

    if share == nil then
        return
    end

    share[1] = share[1] - running
    share[2] = span(images, share[2])
    share[3] = span(cost, share[3])

    if share[1] <= 0 then
        u.shares[owner] = nil
    end

    touch('u', u.id, u)
end

-- As jm_quota_near_t: which of its limits a client is near, and not told yet.

function quota.near(c)
    local u = quota.load(c.id)
    local near = { 0, 0, 0, 0 }
    local bit_of = TOLD[c.images_period] or 0

    if c.images ~= 0 and bit.band(u.told, bit_of) == 0 then
        near[3] = sum(u.sums, c.images_period, c.east)

        if near[3] >= c.images - floor(c.images / 5) then
            near[1] = 1
            u.told = bit.bor(u.told, bit_of)
            touch('u', u.id, u)
        end
    end

    bit_of = TOLD_BUDGET[c.budget_period] or 0

    if c.budget ~= 0 and bit.band(u.told, bit_of) == 0 then
        local _, spent = sum(u.sums, c.budget_period, c.east)

        near[4] = spent

        if spent >= c.budget - floor(c.budget / 5) then
            near[2] = 1
            u.told = bit.bor(u.told, bit_of)
            touch('u', u.id, u)
        end
    end

    return near
end

-- Day and month, of all models and of each: model, images and cost of each.

function quota.usage(c)
    local u = quota.load(c.id)
    local list = {}

    local function add(model, sums)
        local di, dc = sum(sums, DAY, c.east)
        local mi, mc = sum(sums, MONTH, c.east)

        list[#list + 1] = { model, di, mi, dc, mc }
    end

    add('0', u.sums)

    for model, sums in pairs(u.models) do
        add(model, sums)
    end

    return list
end
