-- ARGV: 1 the number of the restoration, empty for a known window; 2 the time as of which the record is valid; 3 when the
-- keys expire (Unix ms); 4 the segment; 5, 6 the first and the last of its seats that this call corrects; 7, 8, 9 the
-- number of places that the record has there, their units and their fingerprint. Then two lists of pairs: for each place
-- its holder and its stored text; and after all of these, for each place its seat and its holder.
-- Answers whether the window is in that state, how many unrecorded places remain on these seats, the sums of the segment
-- (correct if they were correct before), and the last of its seats that is taken, or 0.

local window, fault = open(1, '')
if fault then
  return fault
end
local number = tonumber(ARGV[1])
if (number and restoration(window) ~= number) or (not number and not window.known) then
  return { 'done', 0 }
end

local HEAD = 9
local as_of, expires, segment = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local record = { places = tonumber(ARGV[7]), units = tonumber(ARGV[8]), fingerprint = tonumber(ARGV[9]) }
local recorded_until = HEAD + 2 * record.places
local used = window.used

local function wrong(holder)
  return corrupt(window.places, 'the place of ' .. holder .. ' is not seat:units:at')
end

local function texts_of(holders)
  return #holders > 0 and redis.call('HMGET', window.places, unpack(holders)) or {}
end

-- The sums of the segments that change, as far as the window has sums.
local changed = {}
local function sums_in(name)
  if changed[name] == nil then
    local found, wrong_kind = sums_of(window, name)
    if wrong_kind then
      return nil, wrong_kind
    end
    changed[name] = found or false
  end
  return changed[name]
end
local sums, wrong_kind = sums_in(segment)
if wrong_kind then
  return wrong_kind
end
if not sums then
  sums = { segment = segment, places = 0, units = 0, fingerprint = 0 }
  changed[segment] = sums
end

-- The places of the recorded holders, on any seat: those that stay as they are, and those that are replaced.
local holders, same, some_stay = {}, {}, false
for i = HEAD + 1, recorded_until, 2 do
  holders[#holders + 1] = ARGV[i]
end
for n, text in ipairs(texts_of(holders)) do
  local stored = text and string.match(text, '^(%d+:%d+:)')
  if stored and string.sub(ARGV[HEAD + 2 * n], 1, #stored) == stored then
    same[n], some_stay = true, true
  elseif text then
    local place = decode(text)
    if not place then
      return wrong(holders[n])
    end
    local other, wrong_kind = sums_in(segment_of(place))
    if wrong_kind then
      return wrong_kind
    end
    if other then
      add(other, holders[n], place, -1)
    end
    used = used - place.units
  end
end

-- The places of other holders on these seats.
local gone, unrecorded, recorded, taken = {}, {}, {}, {}
local seated = redis.call('ZRANGEBYSCORE', window.seats, ARGV[5], ARGV[6])
if #seated > 0 then
  for n, holder in ipairs(holders) do
    recorded[holder] = true
    taken[ARGV[recorded_until + 2 * n - 1]] = true
  end
end
for _, holder in ipairs(seated) do
  if not recorded[holder] then
    unrecorded[#unrecorded + 1] = holder
  end
end
for n, text in ipairs(texts_of(unrecorded)) do
  local place = text and decode(text)
  if not place then
    return wrong(unrecorded[n])
  end
  if place.at < as_of or taken[string.format('%.0f', place.seat)] then
    used = used - place.units
    add(sums, unrecorded[n], place, -1)
    gone[#gone + 1] = unrecorded[n]
  end
end

-- The places of the record that must be written: all arguments, if no recorded place exists already.
local places, seats = {}, {}
if some_stay then
  for n, holder in ipairs(holders) do
    if not same[n] then
      local i = HEAD + 2 * n
      local place = decode(ARGV[i])
      used = used + place.units
      add(sums, holder, place, 1)
      places[#places + 1], places[#places + 2] = holder, ARGV[i]
      seats[#seats + 1], seats[#seats + 2] = ARGV[recorded_until + 2 * n - 1], holder
    end
  end
else
  used = used + record.units
  sums.places = sums.places + record.places
  sums.units = sums.units + record.units
  sums.fingerprint = (sums.fingerprint + record.fingerprint) % MODULUS
  places = { unpack(ARGV, HEAD + 1, recorded_until) }
  seats = { unpack(ARGV, recorded_until + 1, #ARGV) }
end

-- Delete first: a server that is out of memory refuses a script whose first write may need memory.
if #gone > 0 then
  redis.call('HDEL', window.places, unpack(gone))
  redis.call('ZREM', window.seats, unpack(gone))
end
redis.call('HSET', window.places, 'used', string.format('%.0f', math.max(used, 0)), unpack(places))
if #seats > 0 then
  redis.call('ZADD', window.seats, unpack(seats))
end
redis.call('HSET', window.sums, 'counted', '1')
for _, other in pairs(changed) do
  if other then
    write_sums(window, other)
  end
end
for _, key in ipairs({ window.places, window.seats, window.sums }) do
  redis.call('PEXPIREAT', key, expires)
end

local first = tonumber(segment) * SEGMENT + 1
local last = redis.call('ZREVRANGEBYSCORE', window.seats, first + SEGMENT - 1, first, 'WITHSCORES', 'LIMIT', 0, 1)
return {
  'done', 1, #unrecorded - #gone, math.max(sums.places, 0), math.max(sums.units, 0), sums.fingerprint,
  tonumber(last[2] or 0),
}
