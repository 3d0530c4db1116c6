-- ARGV: the holder, and a time: a place that was requested again after that time is kept.

local holder, as_of = ARGV[1], tonumber(ARGV[2])
local windows = {}
for i = 1, #KEYS / 3 do
  local window, fault = open(i, holder)
  if fault then
    return fault
  end
  if window.place and window.place.at > as_of then
    window.place = nil
  end
  if window.place then
    window.summed, fault = sums_of(window, segment_of(window.place))
    if fault then
      return fault
    end
  end
  windows[i] = window
end

for _, window in ipairs(windows) do
  if window.place then
    local used = math.max(window.used - window.place.units, 0)
    -- Delete first: a server that is out of memory refuses a script whose first write may need memory.
    redis.call('HDEL', window.places, holder)
    redis.call('ZREM', window.seats, holder)
    redis.call('HSET', window.places, 'used', string.format('%.0f', used))
    if window.summed then
      add(window.summed, holder, window.place, -1)
      write_sums(window, window.summed)
    end
  end
end
return { 'done' }
