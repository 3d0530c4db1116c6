-- ARGV: the number of the restoration, or nothing in a known window; as of when the record is true; when the keys expire
-- (Unix ms); the segment; how many places the record has there, their units and fingerprint; then the pairs
-- that are written: of each place its holder and what is stored of it, and after all of these of each its seat and holder.

-- Lua unpacks some thousands of values at most.
local BATCH = 1000

local function call_with(command, key, values)
  for first = 1, #values, BATCH do
    redis.call(command, key, unpack(values, first, math.min(first + BATCH - 1, #values)))
  end
end

local window, fault = open(1, '')
if fault then
  return fault
end
local number = tonumber(ARGV[1])
if (number and restoration(window) ~= number) or (not number and not window.known) then
  return { 'done', 0 }
end

local as_of, expires, segment = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local sums = {
  segment = segment,
  places = tonumber(ARGV[5]),
  units = tonumber(ARGV[6]),
  fingerprint = tonumber(ARGV[7])
}
local HEAD = 7
local recorded_until = HEAD + (#ARGV - HEAD) / 2
local used = window.used + sums.units

-- What is stored of each holder, as far as they have a place.
local function texts_of(holders, from, to, step)
  local texts, batch = {}, {}
  local function read()
    for i, text in ipairs(redis.call('HMGET', window.places, unpack(batch))) do
      if text then
        texts[batch[i]] = text
      end
    end
    batch = {}
  end
  for i = from, to, step do
    batch[#batch + 1] = holders[i]
    if #batch == BATCH then
      read()
    end
  end
  if #batch > 0 then
    read()
  end
  return texts
end

local function wrong(holder)
  return corrupt(window.places, 'the place of ' .. holder .. ' is not seat:units:at')
end

local recorded, taken = {}, {}
for i = HEAD + 1, recorded_until, 2 do
  recorded[ARGV[i]] = ARGV[i + 1]
end
for i = recorded_until + 1, #ARGV, 2 do
  taken[ARGV[i]] = true
end

-- What the recorded holders have, wherever it is: what stays as it is, and what is replaced.
local same, others = {}, {}
for holder, text in pairs(texts_of(ARGV, HEAD + 1, recorded_until, 2)) do
  local stored, units = string.match(text, '^(%d+:(%d+):)')
  if stored and string.sub(recorded[holder], 1, #stored) == stored then
    same[holder] = true
    used = used - tonumber(units)
  else
    local place = decode(text)
    if not place then
      return wrong(holder)
    end
    used = used - place.units
    local other = segment_of(place)
    if other ~= segment then
      if not others[other] then
        local found, wrong_kind = sums_of(window, other)
        if wrong_kind then
          return wrong_kind
        end
        others[other] = found
      end
      if others[other] then
        add(others[other], holder, place, -1)
      end
    end
  end
end

-- What others have on the segment's seats.
local first_seat = tonumber(segment) * SEGMENT + 1
local seated = redis.call('ZRANGEBYSCORE', window.seats, first_seat, first_seat + SEGMENT - 1)
local unrecorded, gone = {}, {}
for _, holder in ipairs(seated) do
  if not recorded[holder] then
    unrecorded[#unrecorded + 1] = holder
  end
end
for holder, text in pairs(texts_of(unrecorded, 1, #unrecorded, 1)) do
  local place = decode(text)
  if not place then
    return wrong(holder)
  end
  if place.at < as_of or taken[string.format('%.0f', place.seat)] then
    used = used - place.units
    gone[#gone + 1] = holder
  else
    add(sums, holder, place, 1)
  end
end

-- What is written: pairs from the arguments, but for what is there already.
local function write(command, key, from, to, holder_at)
  local values = {}
  for i = from, to, 2 do
    if not same[ARGV[i + holder_at]] then
      values[#values + 1] = ARGV[i]
      values[#values + 1] = ARGV[i + 1]
    end
  end
  call_with(command, key, values)
end

-- Deleting comes first: a server out of memory refuses to begin with a write that may grow.
call_with('HDEL', window.places, gone)
call_with('ZREM', window.seats, gone)
redis.call('HSET', window.places, 'used', string.format('%.0f', math.max(used, 0)))
write('HSET', window.places, HEAD + 1, recorded_until, 0)
write('ZADD', window.seats, recorded_until + 1, #ARGV, 1)
redis.call('HSET', window.sums, 'counted', '1')
write_sums(window, sums)
for _, other in pairs(others) do
  write_sums(window, other)
end
for _, key in ipairs({ window.places, window.seats, window.sums }) do
  redis.call('PEXPIREAT', key, expires)
end
return { 'done', 1 }
