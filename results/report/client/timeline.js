/* The timeline on its canvas. Where many operations share a pixel they are drawn as one column, split by how they ended. */
const canvas = document.getElementById('timeline')
const plotWidth = () => canvas.clientWidth - gutter
const xOf = (ms) => gutter + ((ms - view.fromMs) / (view.toMs - view.fromMs)) * plotWidth()
const msAt = (px) => view.fromMs + ((px - gutter) / plotWidth()) * (view.toMs - view.fromMs)
let selected = -1

function drawTimeline() {
  const beganMs = performance.now()
  const ratio = devicePixelRatio || 1
  const width = canvas.clientWidth
  canvas.style.height = layout.height + 'px'
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(layout.height * ratio)
  const g = canvas.getContext('2d')
  g.scale(ratio, ratio)
  g.font = '11px system-ui, sans-serif'
  g.save()
  g.beginPath()
  g.rect(gutter, 0, width - gutter, layout.height)
  g.clip()
  drawBands(g)
  drawLeaders(g)
  if (layout.name === 'members') for (const group of layout.groups) drawRoles(g, group)
  const drawn = drawOperations(g, width)
  drawAxis(g)
  g.restore()
  g.fillStyle = palette.soft
  for (const { label, y, height } of layout.groups) g.fillText(label, 2, layout.name === 'members' ? y + 12 : y + height / 2 + 4, gutter - 6)
  if (packed.leaders.length > 0) g.fillText('leader', 2, bandRows * stripHeight + 12)
  if (bandRows > 0) g.fillText('faults', 2, 12)
  Object.assign(canvas.dataset, { fromMs: view.fromMs, toMs: view.toMs, lanes: layout.name, drawn, drawMs: (performance.now() - beganMs).toFixed(1) })
}

function drawBands(g) {
  packed.bands.forEach((band, i) => {
    const a = xOf(band.startMs)
    const b = Math.max(a + 1, xOf(band.endMs))
    if (b < gutter || a > canvas.clientWidth) return
    g.fillStyle = palette.fault
    g.globalAlpha = 0.1
    g.fillRect(a, 0, b - a, layout.height - axisHeight)
    if (bandRow[i] < bandRowsMax) {
      g.globalAlpha = 0.35
      g.fillRect(a, bandRow[i] * stripHeight + 1, b - a, stripHeight - 2)
    }
    // Whom it strikes, where that can be seen.
    g.globalAlpha = 0.16
    for (const group of layout.groups) if (group.member !== null && band.members.includes(group.member)) g.fillRect(a, group.y, b - a, group.height)
    g.globalAlpha = 1
    if (bandRow[i] < bandRowsMax) label(g, band.label, a, b, bandRow[i] * stripHeight + 12, palette.ink)
  })
}

/* Text inside its box, and only as much as fits. */
function label(g, text, a, b, y, color) {
  const left = Math.max(gutter, a) + 3
  if (Math.min(b, canvas.clientWidth) - left < 12) return
  g.save()
  g.beginPath()
  g.rect(left, y - 12, Math.min(b, canvas.clientWidth) - left, stripHeight)
  g.clip()
  g.fillStyle = color
  g.fillText(text, left, y)
  g.restore()
}

const memberColor = (name) => `hsl(${(memberNames.indexOf(name) * 137 + 205) % 360} 42% ${matchDark() ? 62 : 45}%)`

function drawLeaders(g) {
  const y = bandRows * stripHeight
  for (const { member, term, fromMs, toMs } of packed.leaders) {
    const a = xOf(fromMs)
    const b = xOf(toMs)
    if (b < gutter || a > canvas.clientWidth) continue
    g.fillStyle = memberColor(member)
    g.fillRect(a, y + 1, Math.max(1, b - a - 1), stripHeight - 3)
    label(g, term === null ? member : `${member}, term ${term}`, a, b, y + 12, palette.ground)
  }
}

function drawRoles(g, group) {
  const record = packed.members.find(({ member }) => member === group.member)
  for (const { role, term, fromMs, toMs } of record?.roles ?? []) {
    const a = xOf(fromMs)
    const b = xOf(toMs)
    if (b < gutter || a > canvas.clientWidth) continue
    g.fillStyle = role === 'leader' ? memberColor(group.member) : role === 'candidate' ? palette.fail : palette.line
    g.fillRect(a, group.y + 2, Math.max(1, b - a), stripHeight - 4)
    label(g, `${role} ${term}`, a, b, group.y + 12, role === 'follower' ? palette.soft : palette.ground)
  }
}

/* Columns of pixels, each split by how its operations ended. As one image: a call for each column would take ten times as long. */
function drawShared(g, shared, columns) {
  const image = new ImageData(columns, layout.height)
  const pixels = new Uint32Array(image.data.buffer)
  const colors = palette.outcomes.map((color) => pixelOf(color))
  let drawn = 0
  layout.lanes.forEach(({ y, height }, lane) => {
    const top = Math.round(y)
    const rows = Math.max(1, Math.round(height))
    for (let x = 0; x < columns; x++) {
      const at = (lane * columns + x) * 3
      const all = shared[at] + shared[at + 1] + shared[at + 2]
      if (all === 0) continue
      drawn++
      const failFrom = Math.round((rows * shared[at]) / all)
      const infoFrom = Math.round((rows * (shared[at] + shared[at + 1])) / all)
      for (let row = 0; row < rows; row++) pixels[(top + row) * columns + x] = colors[row < failFrom ? 0 : row < infoFrom ? 1 : 2]
    }
  })
  drawImage(g, image, 0, 0, columns, layout.height)
  return drawn
}

/* Over what is there already, without blurring it. */
function drawImage(g, image, x, y, width, height) {
  const place = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
  place.getContext('2d').putImageData(image, 0, 0)
  g.imageSmoothingEnabled = false
  g.drawImage(place, x, y, width, height)
}

/* `#rrggbb` as it lies in an image. */
const pixelOf = (color, alpha = 255) => {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0
}

/* Returns how many shapes it took. */
function drawOperations(g, width) {
  const columns = Math.ceil(width) + 1
  const shared = new Uint16Array(layout.lanes.length * columns * 3)
  const wide = [[], [], []]
  const marked = []
  const scale = plotWidth() / (view.toMs - view.fromMs)
  const end = rowAfter(view.toMs)
  for (let i = 0; i < end; i++) {
    if (ops.endMs[i] < view.fromMs || layout.lane[i] < 0) continue
    const a = gutter + (ops.startMs[i] - view.fromMs) * scale
    const b = gutter + (ops.endMs[i] - view.fromMs) * scale
    const kind = Math.min(2, ops.outcome[i])
    if (highlighted.has(i) || i === selected) marked.push(i)
    if (b - a < 2) {
      const at = (layout.lane[i] * columns + Math.max(0, Math.floor(a))) * 3 + kind
      if (shared[at] < 65535) shared[at]++
    } else wide[kind].push(i)
  }
  let drawn = drawShared(g, shared, columns)
  for (let kind = 0; kind < 3; kind++) {
    g.fillStyle = palette.outcomes[kind]
    g.globalAlpha = kind === 2 ? 0.5 : 1
    for (const i of wide[kind]) {
      const { y, height } = layout.lanes[layout.lane[i]]
      const a = Math.max(gutter - 2, xOf(ops.startMs[i]))
      g.fillRect(a, y, Math.min(width + 2, xOf(ops.endMs[i])) - a - 0.4, height)
      drawn++
    }
  }
  g.globalAlpha = 1
  for (const i of marked) {
    const { y, height } = layout.lanes[layout.lane[i]]
    g.strokeStyle = i === selected ? palette.fault : palette.ink
    g.lineWidth = 2
    g.strokeRect(xOf(ops.startMs[i]) - 1, y - 1, Math.max(3, xOf(ops.endMs[i]) - xOf(ops.startMs[i]) + 2), height + 2)
  }
  return drawn
}

function drawAxis(g) {
  const y = layout.height - axisHeight
  const step = tickStep(view.toMs - view.fromMs, plotWidth(), 90)
  g.fillStyle = palette.soft
  for (let n = Math.ceil(view.fromMs / step); n * step <= view.toMs; n++) {
    const x = xOf(n * step)
    g.fillRect(x, y, 1, 5)
    g.fillText(tickText(n * step, step), x + 3, y + 15)
  }
  for (const { atMs } of packed.moments) {
    g.fillStyle = palette.info
    g.fillRect(xOf(atMs) - 1, lanesTop - 4, 2, y - lanesTop + 8)
  }
}
