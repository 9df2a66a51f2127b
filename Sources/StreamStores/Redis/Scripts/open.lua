-- Says where the log stands, and opens a new epoch unless it is certain that nothing acknowledged was lost: when
-- another server has the data than the one that opened the epoch, or when a node has seen more than there is.
--
-- ARGV: prefix, run id of this server, a name for a new epoch, most epochs that are remembered; then, of a node that has
--   seen anything: the epoch of the last offset it has seen, that offset, and its lineage as below.
-- Returns: format, head, clock, counters (held, dropped, forgotten, keys, topics), then the lineage: epoch, first offset
--   and, where messages right before it are known to be lost, after which offset and the clock when that was noticed;
--   otherwise two empty strings.
local prefix = ARGV[1]
local meta, lineage = prefix .. ':meta', prefix .. ':lineage'
local function text(number) return string.format('%.0f', number) end
-- Publishes need it: a user who may not is found out now.
redis.call('TIME')

local format = redis.call('HGET', meta, 'format')
if format and format ~= '1' then return {format} end
local state = redis.call('HMGET', meta, 'run_id', 'epoch', 'head', 'clock')
local head, clock = tonumber(state[3] or '0'), tonumber(state[4] or '1')
local seen_epoch, seen = ARGV[5], tonumber(ARGV[6] or '0')

-- Without its log this Redis has forgotten everything: what a node remembers of the epochs is better than nothing.
if not state[2] and seen_epoch then
  for index = 7, #ARGV, 4 do
    redis.call('RPUSH', lineage, table.concat({ARGV[index], ARGV[index + 1], ARGV[index + 2], ARGV[index + 3]}, ' '))
  end
end

-- Where the epoch of what the node has seen ends here; before everything, if this is another log altogether.
local ending = seen_epoch and 0 or head
local entries = redis.call('LRANGE', lineage, 0, -1)
for index, entry in ipairs(entries) do
  if string.match(entry, '^(%S+)') == seen_epoch then
    local next = entries[index + 1]
    ending = next and math.min(head, tonumber(string.match(next, '^%S+ (%d+)')) - 1) or head
  end
end
local is_lost = seen > ending
if not state[2] or state[1] ~= ARGV[2] or is_lost then
  -- After a loss one offset is left out, which nobody can have: so everybody crosses the hole, those too who have the
  -- same offsets of another epoch.
  local first = math.max(head, seen) + (is_lost and 2 or 1)
  local entry = ARGV[3] .. ' ' .. text(first)
  if is_lost then
    clock = clock + 1
    entry = entry .. ' ' .. text(ending) .. ' ' .. text(clock)
  end
  redis.call('RPUSH', lineage, entry)
  redis.call('LTRIM', lineage, -tonumber(ARGV[4]), -1)
  head = first - 1
  redis.call(
    'HSET', meta, 'format', '1', 'run_id', ARGV[2], 'epoch', ARGV[3], 'head', text(head), 'clock', text(clock))
end

local counters = redis.call('HMGET', meta, 'held', 'dropped', 'forgotten')
local answer = {
  '1', text(head), text(clock), counters[1] or '0', counters[2] or '0', counters[3] or '0',
  redis.call('ZCARD', prefix .. ':keys'), redis.call('ZCARD', prefix .. ':topics')}
for _, entry in ipairs(redis.call('LRANGE', lineage, 0, -1)) do
  local epoch, first, after, at = string.match(entry, '^(%S+) (%d+) ?(%d*) ?(%d*)$')
  answer[#answer + 1] = epoch
  answer[#answer + 1] = first
  answer[#answer + 1] = after
  answer[#answer + 1] = at
end
return answer
