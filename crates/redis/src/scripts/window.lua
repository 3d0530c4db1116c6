-- Functions for all scripts. A budget's window has three keys in one slot:
--   places  a hash: the units taken, under `used`; and each holder's place, as `seat:units:at` (`at` in Unix microseconds).
--           A holder is any text; one that equals the name of another field is prefixed with `=`, here and in `seats`
--   seats   a sorted set: the holders by seat, an index to find the lowest free seat without reading all places
--   sums    a hash: for each segment of 1,024 seats that has places, by its number from 0, `places:units:fingerprint`;
--           and `counted`, which marks that the sums are maintained
-- The first hash is the truth and the sorted set is its index. A window without the hash, or with an incomplete index, is
-- unknown. While a window is restored, the first hash has a field `restoring`, so that no version of the scripts takes the
-- window for known. Older versions count without sums: sums are trusted only if they add up to what is taken.
-- Redis has no rollback: each script reads and checks everything before its first write.

local SEGMENT = 1024
local MODULUS = 281474976710656

local function corrupt(key, fault)
  return { 'corrupt', key, fault }
end

-- The answer for a command that failed. Redis 6 and 7 use different texts, but both begin with the code.
local function failed(key, reply, kind)
  if string.find(reply.err, '^%-?WRONGTYPE') then
    return corrupt(key, 'it is not a ' .. kind)
  end
  return reply
end

local function decode(text)
  local seat, units, at = string.match(text, '^(%d+):(%d+):(%-?%d+)$')
  if seat then
    return { seat = tonumber(seat), units = tonumber(units), at = tonumber(at) }
  end
end

-- `at` is the text of the argument: Lua would format the number with 14 digits.
local function encode(seat, units, at)
  return string.format('%.0f:%.0f:%s', seat, units, at)
end

-- The i-th window of the call, with the holder's place in it; or `nil` and the answer to return.
local function open(i, holder)
  local window = { places = KEYS[3 * i - 2], seats = KEYS[3 * i - 1], sums = KEYS[3 * i] }
  local found = redis.pcall('HMGET', window.places, 'used', holder)
  if found.err then
    return nil, failed(window.places, found, 'hash')
  end
  local seated = redis.pcall('ZCARD', window.seats)
  if type(seated) == 'table' then
    return nil, failed(window.seats, seated, 'sorted set')
  end
  local fields = redis.call('HLEN', window.places)
  if fields > 0 and not string.find(found[1] or '', '^%d+$') then
    return nil, corrupt(window.places, 'the units taken are not a number')
  end
  if found[2] then
    window.place = decode(found[2])
    if not window.place then
      return nil, corrupt(window.places, 'the place of ' .. holder .. ' is not seat:units:at')
    end
  end
  window.used = tonumber(found[1] or 0)
  window.seated = seated
  window.fields = fields
  window.known = fields > 0 and fields - 1 == seated
  return window
end

-- The number of the restoration, if the window is being restored.
local function restoration(window)
  local text = redis.call('HGET', window.places, 'restoring')
  if text and window.fields - 2 == window.seated then
    -- Older versions take it for a place that was reserved long ago.
    return tonumber(string.match(text, '^0:0:%-(%d+)$'))
  end
end

local function fingerprint(holder, place)
  local name = string.match(holder, '^=?(.*)$')
  local text = string.format('%s:%.0f:%.0f', name, place.seat, place.units)
  return tonumber(string.sub(redis.sha1hex(text), 1, 12), 16)
end

local function segment_of(place)
  return string.format('%.0f', math.floor((place.seat - 1) / SEGMENT))
end

-- The sums of a segment, or `nil` if the window has none; or `nil` and the answer to return.
local function sums_of(window, segment)
  local found = redis.pcall('HMGET', window.sums, 'counted', segment)
  if found.err then
    return nil, failed(window.sums, found, 'hash')
  end
  if found[1] then
    local places, units, print = string.match(found[2] or '', '^(%d+):(%d+):(%d+)$')
    return {
      segment = segment,
      places = tonumber(places or 0),
      units = tonumber(units or 0),
      fingerprint = tonumber(print or 0)
    }
  end
end

-- Adds (`sign` is 1) or subtracts (`sign` is -1) a place.
local function add(sums, holder, place, sign)
  sums.places = sums.places + sign
  sums.units = sums.units + sign * place.units
  sums.fingerprint = (sums.fingerprint + sign * fingerprint(holder, place)) % MODULUS
end

local function write_sums(window, sums)
  if sums.places > 0 then
    local text = string.format('%.0f:%.0f:%.0f', sums.places, math.max(sums.units, 0), sums.fingerprint)
    redis.call('HSET', window.sums, sums.segment, text)
  else
    redis.call('HDEL', window.sums, sums.segment)
  end
end
