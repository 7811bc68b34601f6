-- The job as one would write it in Lua: read the client's JSON, submit, query,
-- reply, with every exchange signed.  The digests are libcrypto's, over FFI;
-- the algorithm is fetched once and the context reused, and the signing key is
-- kept for its day.  Cosockets cost a seventh less than ngx.location.capture.

local cjson = require "cjson.safe"
local ffi = require "ffi"

local C = ffi.C
local ngx = ngx
local byte, find, lower = string.byte, string.find, string.lower
local match, sub = string.match, string.sub
local sleep, tcp, time = ngx.sleep, ngx.socket.tcp, ngx.time
local decode, encode = cjson.decode, cjson.encode

ffi.cdef [[
void *EVP_MD_fetch(void *ctx, const char *algorithm, const char *properties);
void *EVP_MD_CTX_new(void);
int EVP_DigestInit_ex(void *ctx, const void *type, void *impl);
int EVP_DigestUpdate(void *ctx, const void *d, size_t cnt);
int EVP_DigestFinal_ex(void *ctx, unsigned char *md, unsigned int *s);
]]

local HOST = "visual.volcengineapi.com"
local VERSION = "2022-08-31"
local SCOPE = "/cn-north-1/cv/request"
local HEADERS = "content-type;host;x-content-sha256;x-date"
local BLOCK = 64
local LENGTH = 32
local READ = 16384
local POOL = { pool = "upstream" }

local digest = C.EVP_MD_CTX_new()
local sha256 = C.EVP_MD_fetch(nil, "SHA256", nil)
local raw = ffi.new("unsigned char[?]", LENGTH)
local text = ffi.new("char[?]", 2 * LENGTH)
local digits = ffi.new("char[16]", "0123456789abcdef")

local settings
local day, day_inner, day_outer
local date_second, date
local M = {}


local function hex()
    for i = 0, LENGTH - 1 do
        local b = raw[i]
        text[2 * i] = digits[bit.rshift(b, 4)]
        text[2 * i + 1] = digits[bit.band(b, 15)]
    end

    return ffi.string(text, 2 * LENGTH)
end


local function hash(s)
    C.EVP_DigestInit_ex(digest, sha256, nil)
    C.EVP_DigestUpdate(digest, s, #s)
    C.EVP_DigestFinal_ex(digest, raw, nil)
end


local function pads(key)
    local inner = ffi.new("unsigned char[?]", BLOCK)
    local outer = ffi.new("unsigned char[?]", BLOCK)

    if #key > BLOCK then
        hash(key)
        key = ffi.string(raw, LENGTH)
    end

    for i = 0, BLOCK - 1 do
        local b = byte(key, i + 1) or 0
        inner[i] = bit.bxor(b, 0x36)
        outer[i] = bit.bxor(b, 0x5c)
    end

    return inner, outer
end


local function hmac(inner, outer, s)
    C.EVP_DigestInit_ex(digest, sha256, nil)
    C.EVP_DigestUpdate(digest, inner, BLOCK)
    C.EVP_DigestUpdate(digest, s, #s)
    C.EVP_DigestFinal_ex(digest, raw, nil)

    C.EVP_DigestInit_ex(digest, sha256, nil)
    C.EVP_DigestUpdate(digest, outer, BLOCK)
    C.EVP_DigestUpdate(digest, raw, LENGTH)
    C.EVP_DigestFinal_ex(digest, raw, nil)
end


local function step(key, s)
    local inner, outer = pads(key)

    hmac(inner, outer, s)

    return ffi.string(raw, LENGTH)
end


local function day_key(today)
    local key = step(settings.secret_key, today)

    key = step(key, "cn-north-1")
    key = step(key, "cv")
    key = step(key, "request")

    day_inner, day_outer = pads(key)
    day = today
end


-- The body of an answer in chunks, of which the first bytes are there.

local function chunked(socket, data)
    local body, at = "", 1

    while true do
        local _, line_end, size = find(data, "^(%x+)[^\n]*\n", at)
        local last = size and line_end + tonumber(size, 16)

        if last and #data >= last + 2 then
            if last == line_end then
                return body
            end

            body = body .. sub(data, line_end + 1, last)
            at = last + 3

        else
            local more = socket:receiveany(READ)
            if not more then
                return nil
            end

            data = data .. more
        end
    end
end


-- A kept connection that turns out dead is an error like any other: a query is
-- asked again anyway, and a submit must not be.

local function roundtrip(message)
    local socket = tcp()

    if not socket:connect("127.0.0.1", settings.upstream, POOL)
       or not socket:send(message)
    then
        return nil
    end

    local answer, head_end = "", nil

    repeat
        local more = socket:receiveany(READ)
        if not more then
            return nil
        end

        answer = answer .. more
        _, head_end = find(answer, "\r\n\r\n", 1, true)
    until head_end

    if sub(answer, 1, 12) ~= "HTTP/1.1 200" then
        socket:close()
        return nil
    end

    local head = lower(sub(answer, 1, head_end))
    local length = tonumber(match(head, "\ncontent%-length: *(%d+)"))
    local body

    if length then
        body = sub(answer, head_end + 1)

        if #body < length then
            local rest = socket:receive(length - #body)
            if not rest then
                return nil
            end

            body = body .. rest
        end

    elseif find(head, "\ntransfer%-encoding: *chunked") then
        body = chunked(socket, sub(answer, head_end + 1))
    end

    if not body then
        socket:close()
        return nil
    end

    if not find(head, "\nconnection: *close") then
        socket:setkeepalive(600000, 512)
    end

    return decode(body)
end


local function exchange(action, body)
    local now = time()

    if now ~= date_second then
        date_second = now
        date = os.date("!%Y%m%dT%H%M%SZ", now)

        local today = sub(date, 1, 8)
        if today ~= day then
            day_key(today)
        end
    end

    hash(body)
    local body_hash = hex()
    local args = "Action=" .. action .. "&Version=" .. VERSION

    hash("POST\n/\n" .. args
         .. "\ncontent-type:application/json\nhost:" .. HOST
         .. "\nx-content-sha256:" .. body_hash .. "\nx-date:" .. date
         .. "\n\n" .. HEADERS .. "\n" .. body_hash)

    hmac(day_inner, day_outer,
         "HMAC-SHA256\n" .. date .. "\n" .. day .. SCOPE .. "\n" .. hex())

    return roundtrip("POST /?" .. args .. " HTTP/1.1\r\nHost: " .. HOST
                     .. "\r\nContent-Type: application/json\r\nX-Date: "
                     .. date .. "\r\nX-Content-Sha256: " .. body_hash
                     .. "\r\nAuthorization: HMAC-SHA256 Credential="
                     .. settings.access_key .. "/" .. day .. SCOPE
                     .. ", SignedHeaders=" .. HEADERS .. ", Signature="
                     .. hex() .. "\r\nContent-Length: " .. #body
                     .. "\r\n\r\n" .. body)
end


local function reply(status, value)
    local body = encode(value)

    ngx.status = status
    ngx.header.content_type = "application/json"
    ngx.header.content_length = #body
    ngx.header["X-Request-Id"] = ngx.var.request_id
    ngx.print(body)
end


local function refuse(status, kind, code, message)
    reply(status, {
        error = { message = message, type = kind, param = cjson.null,
                  code = code },
        code = code,
        message = message,
    })
end


local function result(task_id)
    local body = encode {
        req_key = "jimeng_t2i_v40",
        task_id = task_id,
        req_json = '{"return_url":true}',
    }

    for _ = 1, settings.attempts do
        sleep(settings.interval)

        local answer = exchange("CVSync2AsyncGetResult", body)

        if answer and answer.code == 10000 then
            local data = answer.data

            if data.status == "done" then
                return data.image_urls
            end

            if data.status == "not_found" or data.status == "expired" then
                return nil
            end
        end
    end
end


function M.setup(t)
    settings = t
end


function M.images()
    ngx.req.read_body()

    local request = decode(ngx.req.get_body_data() or "")

    if type(request) ~= "table" or type(request.prompt) ~= "string"
       or request.prompt == ""
    then
        return refuse(400, "invalid_request_error", "invalid_request",
                      "the body must be JSON with a prompt")
    end

    local width, height = match(request.size or "", "^(%d+)x(%d+)$")

    local answer = exchange("CVSync2AsyncSubmitTask", encode {
        req_key = "jimeng_t2i_v40",
        prompt = request.prompt,
        width = tonumber(width),
        height = tonumber(height),
        force_single = true,
    })

    if not answer or answer.code ~= 10000 then
        return refuse(502, "api_error", "upstream_error",
                      "the upstream did not take the task")
    end

    local task_id = answer.data.task_id
    local urls = result(task_id)

    if not urls then
        return refuse(504, "api_error", "generation_timeout",
                      "the picture was not done in time")
    end

    local data = {}
    for i = 1, #urls do
        data[i] = { url = urls[i] }
    end

    reply(200, {
        created = time(),
        model = "jimeng_t2i_v40",
        task_id = task_id,
        task_status = "succeed",
        data = data,
        size = width and width .. "x" .. height or "auto",
        usage = { generated_images = #urls },
    })
end


return M
