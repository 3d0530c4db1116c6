-- ARGV: when the keys expire (Unix ms).

local window, fault = open(1, '')
if fault then
  return fault
end
if window.known then
  return { 'done' }
end

local number = restoration(window)
if not number then
  local now = redis.call('TIME')
  number = tonumber(now[1]) * 1000000 + tonumber(now[2])
  redis.call('UNLINK', window.places, window.seats, window.sums)
  redis.call('HSET', window.places, 'used', '0', 'restoring', string.format('0:0:-%.0f', number))
  redis.call('HSET', window.sums, 'counted', '1')
  redis.call('PEXPIREAT', window.places, ARGV[1])
  redis.call('PEXPIREAT', window.sums, ARGV[1])
end
return { 'done', number }
