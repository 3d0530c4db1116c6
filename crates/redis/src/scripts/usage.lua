-- ARGV: nothing.

local answer = { 'done' }
for i = 1, #KEYS / 3 do
  local window, fault = open(i, '')
  if fault then
    return fault
  end
  -- `nil` in the middle of a table would end the answer; `false` does not.
  table.insert(answer, window.known and window.used or false)
end
return answer
