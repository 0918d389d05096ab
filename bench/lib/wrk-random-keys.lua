-- GET of uniformly random keys (bench/lib/data.mjs names them) over keep-alive connections.
-- The whole request is built here: wrk.format would cost more than the rest of the generator.
local keys = tonumber(os.getenv("BENCH_KEYS"))
local head = "GET " .. os.getenv("BENCH_PREFIX") .. "key:0000"
local tail = os.getenv("BENCH_SUFFIX") .. " HTTP/1.1\r\nHost: " .. os.getenv("BENCH_HOST") .. "\r\n" .. (os.getenv("BENCH_FIELDS") or "") .. "\r\n"
local random, format = math.random, string.format

function init(args)
  -- LuaJIT starts every run with the same seed: rounds would ask for the same keys.
  math.randomseed(os.time() * 1000 + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000003)
end

function request()
  return head .. format("%012d", random(0, keys - 1)) .. tail
end

function done(summary, latency, requests)
  local e = summary.errors
  print(format('BENCH {"requests":%d,"micros":%d,"bytes":%d,"errors":%d,"p50":%d,"p99":%d,"max":%d}',
    summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
