-- Says where the log stands, and opens a new epoch unless it is certain that nothing acknowledged was lost: when
-- another server has the data than the one that opened the epoch, when a node has seen more than there is, or when it
-- knows epochs that are not known here.
--
-- A new epoch begins at the microsecond of its opening, unless offsets are that high already. So what one Redis lost,
-- or another one had, never has the offsets of what comes later, whoever knows of it: nodes and clients only ever go on.
--
-- ARGV: prefix, run id of this server, a name for a new epoch, most epochs that are remembered, now in ms ('' for the
--   server's own clock), the node's loss clock; then, of a node that has seen anything: the epoch of the last offset it
--   has seen, that offset, and its lineage as below.
-- Returns: format, head, clock, counters (held, dropped, forgotten, keys, topics), then the lineage, oldest first:
--   epoch, first offset, the last offset before it that there is, and, where messages before it are known to be lost,
--   after which offset and the clock when that was noticed; otherwise two empty strings.
local prefix = ARGV[1]
local meta, lineage = prefix .. ':meta', prefix .. ':lineage'
local function text(number) return string.format('%.0f', number) end
-- Publishes need it: a user who may not is found out now.
local time = redis.call('TIME')
local microseconds = ARGV[5] == '' and time[1] * 1000000 + time[2] or ARGV[5] * 1000

local format = redis.call('HGET', meta, 'format')
if format and format ~= '1' then return {format} end
local state = redis.call('HMGET', meta, 'run_id', 'epoch', 'head', 'clock')
local head, clock = tonumber(state[3] or '0'), tonumber(state[4] or '1')
local seen_epoch, seen = ARGV[7], tonumber(ARGV[8] or '0')

local entries, places = {}, {}
local function add(epoch, first, follows, after, at)
  entries[#entries + 1] = {epoch, tonumber(first), follows, after, at}
  places[epoch] = #entries
end
for _, entry in ipairs(redis.call('LRANGE', lineage, 0, -1)) do
  add(string.match(entry, '^(%S+) (%d+) (%d+) ?(%d*) ?(%d*)$'))
end

-- Up to where there is here what the node has seen: to the end of the newest epoch that both know.
local ending, is_lost = 0, seen > 0
for index = 9, #ARGV, 5 do
  local epoch = ARGV[index]
  if places[epoch] then
    local next = entries[places[epoch] + 1]
    ending = next and tonumber(next[3]) or head
    -- What was lost between two epochs is told already to everybody who crosses over.
    local is_told = next and next[4] ~= '' and seen < next[2]
    is_lost = epoch ~= seen_epoch or (seen > ending and not is_told)
  end
  if epoch == seen_epoch then break end
end

-- What the node knows of epochs is not forgotten with this Redis.
local is_new = false
for index = 9, #ARGV, 5 do
  if not places[ARGV[index]] then
    is_new = true
    add(ARGV[index], ARGV[index + 1], ARGV[index + 2], ARGV[index + 3], ARGV[index + 4])
  end
end
if is_new then table.sort(entries, function(a, b) return a[2] < b[2] end) end
local last = entries[#entries]

local is_behind = tonumber(ARGV[6]) > clock
if is_behind then clock = tonumber(ARGV[6]) end
local opens = not state[2] or state[1] ~= ARGV[2] or is_lost or last[1] ~= state[2]
if opens then
  local first, after, at = 1, '', ''
  -- One offset is nobody's, so that everybody crosses over.
  if state[2] or last then first = math.max(head, seen, last and last[2] or 0, microseconds) + 2 end
  if is_lost then
    clock = clock + 1
    after, at = text(ending), text(clock)
  end
  add(ARGV[3], first, text(head), after, at)
  head = first - 1
  redis.call(
    'HSET', meta, 'format', '1', 'run_id', ARGV[2], 'epoch', ARGV[3], 'head', text(head), 'clock', text(clock))
elseif is_behind then
  redis.call('HSET', meta, 'clock', text(clock))
end
if opens or is_new then
  redis.call('DEL', lineage)
  for index = math.max(1, #entries - tonumber(ARGV[4]) + 1), #entries do
    local entry = entries[index]
    local line = entry[1] .. ' ' .. text(entry[2]) .. ' ' .. entry[3]
    if entry[4] ~= '' then line = line .. ' ' .. entry[4] .. ' ' .. entry[5] end
    redis.call('RPUSH', lineage, line)
  end
end

local counters = redis.call('HMGET', meta, 'held', 'dropped', 'forgotten')
local answer = {
  '1', text(head), text(clock), counters[1] or '0', counters[2] or '0', counters[3] or '0',
  redis.call('ZCARD', prefix .. ':keys'), redis.call('ZCARD', prefix .. ':topics')}
for _, entry in ipairs(entries) do
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = text(entry[2])
  answer[#answer + 1] = entry[3]
  answer[#answer + 1] = entry[4]
  answer[#answer + 1] = entry[5]
end
return answer
