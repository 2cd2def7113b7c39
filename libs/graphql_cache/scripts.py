"""What runs in Valkey, each at once and alone. KEYS[1] is the epoch's key; that of a tag or an answer begins with it.

The epoch's key is a hash: `run`, which process of Valkey it was made in, and `births`, how many tags were born. It has
an expiry, and whoever finds it gone, or made by another process of Valkey (this one came back with old data), finds
nothing. A tag's value is the number of its birth; it dies by a change, or of age, or is evicted, and is born again with
a higher one. So an answer whose tags were all born before it was begun, and live, is not older than any change.
"""

_ALIVE = """
local run = redis.call('HGET', KEYS[1], 'run')
local alive = run and string.find(redis.call('INFO', 'server'), 'run_id:' .. run, 1, true)
local function born(tag, seconds)
    local birth = redis.call('HINCRBY', KEYS[1], 'births', 1)
    redis.call('SET', KEYS[1] .. ':' .. tag, birth, 'EX', seconds)
end
"""

OPEN = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
redis.call('HSET', KEYS[1], 'run', run, 'births', 0)
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return {1}
"""
"""Begin an epoch, until a time in ms."""

LIVES = _ALIVE + "local now = redis.call('TIME') return {alive and 1 or 0, now[1] * 1000 + math.floor(now[2] / 1000)}"
"""Whether the epoch lives, and what time it is in ms."""

RENEW = "return {redis.call('PEXPIREAT', KEYS[1], ARGV[1], 'GT')}"
"""Let it live until a time in ms, unless it does longer."""

LOOK = (
    _ALIVE
    + """
if not alive then return {} end
local found = redis.call('HMGET', KEYS[1] .. '=' .. ARGV[1], 'begun', 'tags', 'points', 'data')
local good = found[1]
if good then
    local tags = cmsgpack.unpack(found[2])
    local keys = {}
    for i, tag in ipairs(tags) do keys[i] = KEYS[1] .. ':' .. tag end
    for i, birth in ipairs(redis.call('MGET', unpack(keys))) do
        if not birth then born(tags[i], ARGV[2]) end
        good = good and birth and tonumber(birth) <= tonumber(found[1])
    end
end
if good then return {tonumber(found[3]), found[4]} end
return {tonumber(redis.call('HGET', KEYS[1], 'births'))}
"""
)
"""An answer: its points and data. If there is none that is good, the births so far: an answer that is begun now may
depend on tags born by then; those of the last answer are. Of an epoch that does not live, nothing.
ARGV: the answer, seconds that a tag lives."""

KEEP = (
    _ALIVE
    + """
if not alive then return {0} end
local good, begun, size = true, tonumber(ARGV[2]), #ARGV[4] + 100 * #ARGV
for i = 8, #ARGV do
    local birth = redis.call('GET', KEYS[1] .. ':' .. ARGV[i])
    if birth then redis.call('EXPIRE', KEYS[1] .. ':' .. ARGV[i], ARGV[6]) else born(ARGV[i], ARGV[6]) end
    good = good and birth and tonumber(birth) <= begun
end
local span = math.floor(redis.call('TIME')[1] / ARGV[5])
local kept = redis.call('HMGET', KEYS[1], 'span', 'size')
if tonumber(kept[1]) == span then size = size + kept[2] end
if not good or size > tonumber(ARGV[7]) then return {0} end
redis.call('HSET', KEYS[1], 'span', span, 'size', size)
local answer = KEYS[1] .. '=' .. ARGV[1]
redis.call('HSET', answer, 'begun', begun, 'tags', cmsgpack.pack({unpack(ARGV, 8)}), 'points', ARGV[3], 'data', ARGV[4])
redis.call('EXPIRE', answer, ARGV[5])
return {1}
"""
)
"""Keep an answer, if all its tags were there when it was begun and there is room; whether it was.
ARGV: the answer, births when it was begun, points, data, seconds that answers and tags live, bytes that may be kept in
the former, tags."""

FORGET = (
    _ALIVE
    + """
if not alive then return {0} end
for _, tag in ipairs(ARGV) do redis.call('UNLINK', KEYS[1] .. ':' .. tag) end
return {1}
"""
)
"""Have these tags die; whether the epoch lives."""
