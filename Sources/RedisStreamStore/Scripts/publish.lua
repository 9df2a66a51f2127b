-- Commits one message to one or more topics, or nothing: every check comes before the first write.
--
-- ARGV: prefix, run id of this server, epoch, now in ms ('' for the server's own clock), kind, event, content type,
--   data, key ('' for none), its window in ms, most keys, the offset that must be the last of the first topic ('' for
--   whatever, 0 for none ever, -1 for one that it cannot be), most entries of the log, most topics; then of each topic:
--   name, bytes of its encoding without the numbers in it, bucket, most messages, most age in ms, most bytes.
-- Returns: what happened, and then
--   ok, repeated: offset and seq of each topic; then, after false: the counters
--   stale: this epoch is over, or was opened on another server: open again
--   reused, refused: the number of the topic; for refused the last offset, too
--   full: the limit
local prefix = ARGV[1]
local meta, log, topics = prefix .. ':meta', prefix .. ':log', prefix .. ':topics'
local keys, results = prefix .. ':keys', prefix .. ':results'
local state = redis.call('HMGET', meta, 'run_id', 'epoch', 'head', 'clock', 'time')
if state[1] ~= ARGV[2] or state[2] ~= ARGV[3] then return {'stale'} end

local function text(number) return string.format('%.0f', number) end

local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Time stands still rather than go back: with another primary it may be another clock.
now = math.max(now, tonumber(state[5] or '0'))

local first = 15
local each = 6
local count = (#ARGV - first + 1) / each

-- What an equal key committed before.
local key = ARGV[9]
if key ~= '' then
  while true do
    local old = redis.call('ZRANGEBYSCORE', keys, '-inf', text(now), 'LIMIT', 0, 100)
    if #old == 0 then break end
    redis.call('ZREM', keys, unpack(old))
    redis.call('HDEL', results, unpack(old))
  end
  local known, missing = {'repeated'}, nil
  local used = nil
  for index = 0, count - 1 do
    local result = redis.call('HGET', results, ARGV[first + index * each] .. ' ' .. key)
    if result then
      used = used or index
      local offset, seq = string.match(result, '^(%d+) (%d+)$')
      known[#known + 1] = offset
      known[#known + 1] = seq
    else
      missing = true
    end
  end
  if used and not missing then return known end
  if used then return {'reused', used} end
  if redis.call('ZCARD', keys) + count > tonumber(ARGV[11]) then return {'full', ARGV[11]} end
end

local condition = ARGV[12]
if condition ~= '' then
  local last = tonumber(redis.call('HGET', prefix .. ':t:' .. ARGV[first], 'last') or '0')
  if last ~= tonumber(condition) then return {'refused', 0, text(last)} end
end

-- From here on it is written.
local head, clock = tonumber(state[3]), tonumber(state[4])
local held, dropped, forgotten = 0, 0, 0
local published = {'ok'}

for index = 0, count - 1 do
  local at = first + index * each
  local topic, size, bucket = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local most_messages, most_age, most_bytes = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local record, history = prefix .. ':t:' .. topic, prefix .. ':h:' .. topic
  local known = redis.call('HMGET', record, 'last', 'seq', 'forgotten', 'messages', 'bytes')
  local last, seq = tonumber(known[1] or '0'), tonumber(known[2] or '0') + 1
  local forgotten_through = tonumber(known[3] or '0')
  if not known[1] then
    local loss = redis.call('HGET', prefix .. ':forgotten', bucket)
    if loss then
      local through, at_clock = string.match(loss, '^(%d+) (%d+)$')
      forgotten_through = tonumber(through)
      redis.call('HSET', record, 'forgotten', through, 'lost_at', at_clock)
    end
    redis.call('HSET', record, 'bucket', bucket)
  end
  head = head + 1
  local offset, number = text(head), text(seq)
  local predecessor = math.max(last, forgotten_through)
  size = size + #offset + #number + #text(now) + #ARGV[3]
  local id = offset .. '-0'
  local fields = {
    'p', text(predecessor), 's', number, 'm', text(now), 'k', ARGV[5], 'v', ARGV[6], 'c', ARGV[7], 'z', size,
    'd', ARGV[8]}
  local bytes = tonumber(known[5] or '0') + size + 224
  local messages = tonumber(known[4] or '0') + 1
  -- What its rule no longer keeps, this one counted; a few at a time, the rest goes with the next ones.
  local oldest = now - most_age
  local lost, is_kept = false, true
  for _ = 1, 256 do
    local rows = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)
    if #rows == 0 then
      is_kept = messages <= most_messages and bytes <= most_bytes
      break
    end
    local is_old = tonumber(rows[1][2][6]) < oldest
    if messages <= most_messages and bytes <= most_bytes and not is_old then break end
    redis.call('XDEL', history, rows[1][1])
    bytes = bytes - rows[1][2][14] - 224
    messages = messages - 1
    held, dropped = held - 1, dropped + 1
    lost = true
  end
  if is_kept then
    held = held + 1
    redis.call('XADD', history, id, unpack(fields))
  else
    messages, bytes = 0, 0
    dropped = dropped + 1
    lost = true
  end
  if lost then
    clock = clock + 1
    redis.call('HSET', record, 'lost_at', text(clock))
  end
  redis.call('HSET', record, 'last', offset, 'seq', number, 'bytes', text(bytes), 'messages', text(messages))
  redis.call('ZADD', topics, offset, topic)
  redis.call('XADD', log, 'MAXLEN', '~', ARGV[13], id, 'e', ARGV[3], 'l', text(clock), 't', topic, unpack(fields))
  published[#published + 1] = offset
  published[#published + 1] = number
  if key ~= '' then
    local name = topic .. ' ' .. key
    redis.call('ZADD', keys, text(now + tonumber(ARGV[10])), name)
    redis.call('HSET', results, name, offset .. ' ' .. number)
  end
end

-- The topics longest without a message are forgotten, and their buckets remember them.
while redis.call('ZCARD', topics) > tonumber(ARGV[14]) do
  local topic = redis.call('ZPOPMIN', topics)[1]
  local record = prefix .. ':t:' .. topic
  local known = redis.call('HMGET', record, 'last', 'forgotten', 'bucket', 'messages')
  clock = clock + 1
  local loss = redis.call('HGET', prefix .. ':forgotten', known[3])
  local through = math.max(
    tonumber(known[1]), tonumber(known[2] or '0'), tonumber(loss and string.match(loss, '^(%d+)') or '0'))
  redis.call('HSET', prefix .. ':forgotten', known[3], text(through) .. ' ' .. text(clock))
  local highest = redis.call('HGET', prefix .. ':forgotten', 'highest')
  through = math.max(through, tonumber(highest and string.match(highest, '^(%d+)') or '0'))
  redis.call('HSET', prefix .. ':forgotten', 'highest', text(through) .. ' ' .. text(clock))
  redis.call('DEL', record, prefix .. ':h:' .. topic)
  held = held - tonumber(known[4])
  forgotten = forgotten + 1
end

redis.call('HSET', meta, 'head', text(head), 'clock', text(clock), 'time', text(now))
published[#published + 1] = ''
published[#published + 1] = redis.call('HINCRBY', meta, 'held', held)
published[#published + 1] = redis.call('HINCRBY', meta, 'dropped', dropped)
published[#published + 1] = redis.call('HINCRBY', meta, 'forgotten', forgotten)
published[#published + 1] = redis.call('ZCARD', keys)
published[#published + 1] = redis.call('ZCARD', topics)
return published
