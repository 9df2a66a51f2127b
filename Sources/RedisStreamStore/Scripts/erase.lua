-- Erases a topic's history; its numbers go on. Every node finds a note of it in the log, after the last message.
--
-- ARGV: prefix, run id of this server, epoch, topic, most entries of the log.
-- Returns: stale; or erased, the note's id, and, if there is such a topic, its last offset and seq.
local prefix, topic = ARGV[1], ARGV[4]
local meta, record = prefix .. ':meta', prefix .. ':t:' .. topic
local state = redis.call('HMGET', meta, 'run_id', 'epoch', 'head', 'clock')
if state[1] ~= ARGV[2] or state[2] ~= ARGV[3] then return {'stale'} end
local clock = string.format('%.0f', tonumber(state[4]) + 1)
local id = redis.call(
  'XADD', prefix .. ':log', 'MAXLEN', '~', ARGV[5], state[3] .. '-*', 'e', ARGV[3], 'l', clock, 'x', topic)
redis.call('HSET', meta, 'clock', clock)
local known = redis.call('HMGET', record, 'last', 'seq', 'messages')
if not known[1] then return {'erased', id} end
redis.call('DEL', prefix .. ':h:' .. topic)
redis.call('HSET', record, 'erased', known[1], 'lost_at', clock, 'messages', '0', 'bytes', '0')
redis.call('HINCRBY', meta, 'held', 0 - tonumber(known[3]))
return {'erased', id, known[1], known[2]}
