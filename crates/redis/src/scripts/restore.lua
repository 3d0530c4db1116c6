-- ARGV: as of when the record is true, when the keys expire (Unix ms); then of each recorded place its holder, seat,
-- units and time.

local window, fault = open(1, '')
if fault then
  return fault
end

local as_of, expires = tonumber(ARGV[1]), ARGV[2]
local used, places, seats = 0, {}, {}
local function keep(holder, seat, units, at)
  used = used + units
  table.insert(places, holder)
  table.insert(places, encode(seat, units, at))
  table.insert(seats, seat)
  table.insert(seats, holder)
end

local recorded_holders, recorded_seats = {}, {}
for i = 3, #ARGV, 4 do
  local holder, seat = ARGV[i], tonumber(ARGV[i + 1])
  recorded_holders[holder], recorded_seats[seat] = true, true
  keep(holder, seat, tonumber(ARGV[i + 2]), ARGV[i + 3])
end

local counted = redis.call('HGETALL', window.places)
for i = 1, #counted, 2 do
  local holder, text = counted[i], counted[i + 1]
  if holder ~= 'used' then
    local place = decode(text)
    if not place then
      return corrupt(window.places, 'the place of ' .. holder .. ' is not seat:units:at')
    end
    if place.at >= as_of and not recorded_holders[holder] and not recorded_seats[place.seat] then
      keep(holder, place.seat, place.units, string.match(text, '[^:]+$'))
    end
  end
end

redis.call('DEL', window.places, window.seats)
redis.call('HSET', window.places, 'used', string.format('%.0f', used))
call_with_pairs('HSET', window.places, places)
call_with_pairs('ZADD', window.seats, seats)
redis.call('PEXPIREAT', window.places, expires)
redis.call('PEXPIREAT', window.seats, expires)
return { 'done' }
