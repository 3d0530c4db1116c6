-- ARGV: the segment. Its sums are computed from its places.

local window, fault = open(1, '')
if fault then
  return fault
end
local segment = ARGV[1]
local sums = { segment = segment, places = 0, units = 0, fingerprint = 0 }
local first_seat = tonumber(segment) * SEGMENT + 1
local seated = redis.call('ZRANGEBYSCORE', window.seats, first_seat, first_seat + SEGMENT - 1)
if #seated > 0 then
  for n, text in ipairs(redis.call('HMGET', window.places, unpack(seated))) do
    local place = text and decode(text)
    if not place then
      return corrupt(window.places, 'the place of ' .. seated[n] .. ' is not seat:units:at')
    end
    add(sums, seated[n], place, 1)
  end
end
write_sums(window, sums)
return { 'done' }
