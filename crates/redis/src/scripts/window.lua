-- What all scripts share. A budget's window is two keys in one slot:
--   places  a hash: the units taken, under `used`; and each holder's place, as `seat:units:at` (at in Unix microseconds)
--   seats   a sorted set: the holders by seat, from which the lowest free seat is found without looking at each
-- The hash is the truth and the sorted set its index. A window without the hash, or with half an index, is not known.
-- Redis rolls nothing back: each script reads and checks everything before its first write.

local function corrupt(key, fault)
  return { 'corrupt', key, fault }
end

-- The answer to a command that failed. Redis 6 and 7 word it differently, but both begin with the code.
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

-- `at` is the text of the argument: a Lua number would be written with 14 digits.
local function encode(seat, units, at)
  return string.format('%.0f:%.0f:%s', seat, units, at)
end

-- The i-th window of the call, with the holder's place in it; or nothing and the answer to give.
local function open(i, holder)
  local window = { places = KEYS[2 * i - 1], seats = KEYS[2 * i] }
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
  window.known = fields > 0 and fields - 1 == seated
  return window
end

-- Calls a command with any number of pairs of arguments. Lua unpacks some thousands at most.
local function call_with_pairs(command, key, pairs)
  for first = 1, #pairs, 1000 do
    redis.call(command, key, unpack(pairs, first, math.min(first + 999, #pairs)))
  end
end
