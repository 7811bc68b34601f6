-- wrk's script: what is sent, and one line that Bench::Load reads.
--     wrk ... -s load.lua URL -- job|proxy BODY-FILE KEY URI...
-- A job is sent to the gateway; the proxy is asked for each URI in turn.

local requests = {}
local n = 0

function init(args)
    local kind, path = args[1], args[2]
    local f = assert(io.open(path, "rb"))
    local body = f:read("*a")
    local headers = { ["Content-Type"] = "application/json" }

    f:close()

    if kind == "job" then
        headers["Authorization"] = "Bearer " .. args[3]

        -- Equal requests at once would wait for each other.
        for i = 1, 5000 do
            local own = string.format('"prompt":"%04d ', i)
            local text, found = body:gsub('"prompt":"', own, 1)

            assert(found == 1, "a job's body has no prompt")
            requests[i] = wrk.format("POST", "/v1/images/generations",
                                     headers, text)
        end
    else
        for i = 4, #args do
            requests[i - 3] = wrk.format("POST", args[i], headers, body)
        end
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary)
    local e = summary.errors

    io.write(string.format("bench: requests %d failed %d\n", summary.requests,
             e.connect + e.read + e.write + e.status + e.timeout))
end
