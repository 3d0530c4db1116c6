-- ARGV: the number of the restoration.

local window, fault = open(1, '')
if fault then
  return fault
end
if restoration(window) ~= tonumber(ARGV[1]) then
  return { 'done', 0 }
end
redis.call('HDEL', window.places, 'restoring')
return { 'done', 1 }
