/* Which lane each operation stands in: by worker, or by the member that was asked. */
const gutter = 58
const axisHeight = 20
const stripHeight = 16
const bandRowsMax = 4
const slotsMax = 12
const memberNames = [...new Set([...packed.members.map(({ member }) => member), ...packed.nodes])].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))

/* Faults that are on at once get rows of their own; so each can be named. */
const bandRow = []
{
  const until = []
  for (const band of packed.bands) {
    let row = until.findIndex((ms) => ms <= band.startMs)
    if (row < 0) row = until.length
    until[row] = band.endMs
    bandRow.push(row)
  }
}
const bandRows = Math.min(bandRowsMax, Math.max(0, ...bandRow.map((row) => row + 1)))
const lanesTop = bandRows * stripHeight + (packed.leaders.length > 0 ? stripHeight : 0) + 6

function workerLayout() {
  const height = Math.max(9, Math.min(26, 520 / packed.workers))
  const lanes = Array.from({ length: packed.workers }, (_, i) => ({ y: lanesTop + i * height, height: height - 2 }))
  const groups = lanes.map(({ y, height: laneHeight }, i) => ({ label: 'worker ' + i, y, height: laneHeight, member: null }))
  return { name: 'workers', lane: Int16Array.from(ops.process, (process) => process % packed.workers), lanes, groups, height: Math.ceil(lanesTop + packed.workers * height + axisHeight) }
}

/* Operations at one member overlap: each takes the first slot that is free. */
function memberLayout() {
  const numbers = new Map(memberNames.map((name, i) => [name, i]))
  const until = memberNames.map(() => [])
  const slot = new Int16Array(count)
  for (let i = 0; i < count; i++) {
    const member = numbers.get(packed.nodes[ops.node[i]])
    if (member === undefined) continue
    const slots = until[member]
    let free = slots.findIndex((ms) => ms <= ops.startMs[i])
    if (free < 0) free = Math.min(slots.length, slotsMax - 1)
    slots[free] = ops.endMs[i]
    slot[i] = free
  }
  const slotCount = until.reduce((sum, slots) => sum + Math.max(1, slots.length), 0)
  const height = Math.max(6, Math.min(18, 420 / slotCount))
  const lanes = []
  const first = []
  const groups = []
  let y = lanesTop
  memberNames.forEach((label, member) => {
    const top = y
    y += stripHeight
    first.push(lanes.length)
    for (let i = 0; i < Math.max(1, until[member].length); i++, y += height) lanes.push({ y, height: height - 1.5 })
    groups.push({ label, y: top, height: y - top, member: label })
    y += 7
  })
  const lane = Int16Array.from(slot, (_, i) => {
    const member = numbers.get(packed.nodes[ops.node[i]])
    return member === undefined ? -1 : first[member] + slot[i]
  })
  return { name: 'members', lane, lanes, groups, height: Math.ceil(y + axisHeight) }
}

const layouts = { workers: workerLayout(), members: memberLayout() }
let layout = layouts.workers
