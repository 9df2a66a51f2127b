-- What is known of some topics, and what they hold of a window of the log: as of one moment, with their age applied.
--
-- ARGV: prefix, now in ms ('' for the server's own clock), after, through, most entries of each topic, most bytes of them,
--   from where they are counted: 'first' or 'last'; buckets as one word with commas; then of each topic: name and most
--   age in ms.
-- Returns: head, its epoch, clock, the highest loss of forgotten topics and those of the buckets ('through clock' or ''),
--   a list; then a list of each topic: last, seq, forgotten through, erased through, clock of its last loss, messages, bytes, the oldest
--   held entry (an empty list if there is none), the entries, and 1 if there may be more of them. Of a topic without a
--   record the list is empty.
local prefix = ARGV[1]
local meta = prefix .. ':meta'
local function text(number) return string.format('%.0f', number) end
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local state = redis.call('HMGET', meta, 'head', 'clock', 'time', 'epoch')
now = math.max(now, tonumber(state[3] or '0'))
local clock = tonumber(state[2] or '1')
local answer = {state[1] or '0', state[4] or '', '', {}}

for index = 9, #ARGV, 2 do
  local record, history = prefix .. ':t:' .. ARGV[index], prefix .. ':h:' .. ARGV[index]
  local oldest = now - tonumber(ARGV[index + 1])
  local first = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)
  local dropped, bytes = 0, 0
  while #first > 0 and tonumber(first[1][2][6]) < oldest do
    redis.call('XDEL', history, first[1][1])
    dropped = dropped + 1
    bytes = bytes + first[1][2][14] + 224
    first = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)
  end
  if dropped > 0 then
    clock = clock + 1
    redis.call('HSET', record, 'lost_at', text(clock))
    redis.call('HINCRBY', record, 'messages', -dropped)
    redis.call('HINCRBY', record, 'bytes', -bytes)
    redis.call('HINCRBY', meta, 'held', -dropped)
    redis.call('HINCRBY', meta, 'dropped', dropped)
    redis.call('HSET', meta, 'clock', text(clock))
  end
  local known = redis.call('HMGET', record, 'last', 'seq', 'forgotten', 'erased', 'lost_at', 'messages', 'bytes')
  if known[1] then
    local entries, more, size = {}, 0, 0
    local left, from = tonumber(ARGV[5]), '(' .. ARGV[3] .. '-0'
    if ARGV[7] == 'last' then
      entries = left > 0 and redis.call('XREVRANGE', history, '+', '-', 'COUNT', left) or {}
      left = 0
    end
    while left > 0 do
      local rows = redis.call('XRANGE', history, from, ARGV[4] .. '-0', 'COUNT', math.min(left, 64))
      for _, row in ipairs(rows) do
        entries[#entries + 1] = row
        size = size + row[2][14]
      end
      left = left - #rows
      if #rows < 64 and left > 0 then break end
      more = 1
      if size >= tonumber(ARGV[6]) or left <= 0 then break end
      more = 0
      from = '(' .. rows[#rows][1]
    end
    answer[#answer + 1] = {
      known[1], known[2], known[3] or '0', known[4] or '0', known[5] or '1', known[6], known[7], first[1] or {}, entries, more}
  else
    answer[#answer + 1] = {}
  end
end

answer[3] = text(clock)
local losses = {redis.call('HGET', prefix .. ':forgotten', 'highest') or ''}
for bucket in string.gmatch(ARGV[8], '%d+') do
  losses[#losses + 1] = redis.call('HGET', prefix .. ':forgotten', bucket) or ''
end
answer[4] = losses
return answer
