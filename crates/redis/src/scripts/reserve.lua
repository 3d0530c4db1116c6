-- ARGV: the holder, the time; then for each window the limit, the units of the use, and when its keys expire (Unix ms); then
-- further holders, each with its time, who want the same: the answer is then `each` and the answers, in order.

-- Seats 1 to r + 1 are all taken if and only if the holder of rank r, counted from 0, has seat r + 1.
local function lowest_free_seat(window)
  local function seat_of_rank(rank)
    return tonumber(redis.call('ZRANGE', window.seats, rank, rank, 'WITHSCORES')[2])
  end
  local low, high = 0, window.seated
  if high > 0 and seat_of_rank(high - 1) > high then
    high = high - 1
    while low < high do
      local rank = math.floor((low + high) / 2)
      if seat_of_rank(rank) > rank + 1 then
        high = rank
      else
        low = rank + 1
      end
    end
  end
  return high + 1
end

local function reserve(holder, at)
  local windows, exhausted, held = {}, nil, {}
  for i = 1, #KEYS / 3 do
    local window, fault = open(i, holder)
    if fault then
      return fault
    end
    if not window.known then
      return { 'unknown', i }
    end
    window.limit, window.units = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
    window.expires = ARGV[3 * i + 2]
    windows[i] = window
  end
  for i, window in ipairs(windows) do
    if window.place then
      table.insert(held, i)
    elseif not exhausted and window.used + window.units > window.limit then
      exhausted = i
    end
  end
  if exhausted then
    return { 'exhausted', exhausted, windows[exhausted].used, unpack(held) }
  end
  for _, window in ipairs(windows) do
    if not window.place then
      window.new = { seat = lowest_free_seat(window), units = window.units }
      local sums, fault = sums_of(window, segment_of(window.new))
      if fault then
        return fault
      end
      window.summed = sums
    end
  end

  local answer = { 'done' }
  for _, window in ipairs(windows) do
    local place, used = window.place, window.used
    if not place then
      place = window.new
      used = used + place.units
      local text = encode(place.seat, place.units, at)
      redis.call('HSET', window.places, 'used', string.format('%.0f', used), holder, text)
      redis.call('ZADD', window.seats, place.seat, holder)
      if window.seated == 0 then
        redis.call('PEXPIREAT', window.seats, window.expires)
      end
      if window.summed then
        add(window.summed, holder, place, 1)
        write_sums(window, window.summed)
      end
    elseif place.at < tonumber(at) then
      redis.call('HSET', window.places, holder, encode(place.seat, place.units, at))
    end
    table.insert(answer, place.seat)
    table.insert(answer, place.units)
    table.insert(answer, used)
  end
  return answer
end

local further = 3 + #KEYS
local answer = reserve(ARGV[1], ARGV[2])
if #ARGV < further then
  return answer
end
local answers = { 'each', answer }
for i = further, #ARGV, 2 do
  table.insert(answers, reserve(ARGV[i], ARGV[i + 1]))
end
for i = 2, #answers do
  -- An error of the server's is the answer to the whole call.
  if answers[i].err then
    return answers[i]
  end
end
return answers
