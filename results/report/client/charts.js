/* Latency, throughput and success over time; uPlot draws axes, lines and legends, the points of latency are drawn here. */
const latencyRange = findLatencyRange()
const binnings = new Map()
const plots = []
let shownBinMs = 0

/* The less is shown, the finer it is; and nothing finer than a page can hold. */
function binMsFor(spanMs) {
  const least = Math.max(spanMs / 120, totalMs / 20_000)
  return [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 3e5].find((ms) => ms >= least) ?? least
}

function binned(binMs) {
  const known = binnings.get(binMs)
  if (known !== undefined) return known
  const binCount = Math.max(1, Math.ceil(totalMs / binMs))
  const perSecond = [0, 1, 2].map(() => new Array(binCount).fill(0))
  const took = Array.from({ length: binCount }, () => [])
  for (let i = 0; i < count; i++) {
    if (!ops.answered[i]) continue
    const bin = Math.min(binCount - 1, Math.floor(ops.endMs[i] / binMs))
    const kind = Math.min(2, ops.outcome[i])
    perSecond[kind][bin] += 1e3 / binMs
    if (kind === 0) took[bin].push(latencyOf(i))
  }
  for (const list of took) list.sort((a, b) => a - b)
  const quantile = (q) => took.map((list) => list.length === 0 ? null : list[Math.min(list.length - 1, Math.floor(list.length * q))])
  const start = Array.from({ length: binCount }, (_, bin) => (bin * binMs) / 1e3)
  const succeeded = perSecond[0].map((ok, bin) => {
    const all = ok + perSecond[1][bin] + perSecond[2][bin]
    return all === 0 ? null : (100 * ok) / all
  })
  const made = { latency: [start.map((s) => s + binMs / 2e3), quantile(0.5), quantile(0.99)], throughput: [start, ...perSecond], succeeded: [start, succeeded] }
  binnings.set(binMs, made)
  return made
}

const latencyOf = (i) => Math.max(0.01, ops.endMs[i] - ops.startMs[i])

/* Whole decades around all that was measured. */
function findLatencyRange() {
  let least = Infinity
  let most = 0
  for (let i = 0; i < count; i++) {
    if (!ops.answered[i]) continue
    const ms = Math.max(0.01, ops.endMs[i] - ops.startMs[i])
    least = Math.min(least, ms)
    most = Math.max(most, ms)
  }
  if (most === 0) return [0.1, 1000]
  const from = 10 ** Math.floor(Math.log10(least))
  return [from, Math.max(from * 10, 10 ** Math.ceil(Math.log10(most)))]
}

/* Behind everything: when something was broken. */
function shadeFaults(plot) {
  const { left, top, width, height } = plot.bbox
  const g = plot.ctx
  g.save()
  g.fillStyle = palette.fault
  g.globalAlpha = 0.12
  for (const band of packed.bands) {
    const a = Math.max(left, plot.valToPos(band.startMs / 1e3, 'x', true))
    const b = Math.min(left + width, plot.valToPos(band.endMs / 1e3, 'x', true))
    if (b > a) g.fillRect(a, top, b - a, height)
  }
  g.restore()
}

/* One point a cell of 2 x 2 px, however many operations fell into it: the last of them. */
function drawPoints(plot) {
  const { left, top, width, height } = plot.bbox
  const g = plot.ctx
  const size = 2 * (devicePixelRatio || 1)
  const columns = Math.ceil(width / size) + 1
  const rows = Math.ceil(height / size) + 1
  const [least, most] = latencyRange.map(Math.log10)
  const image = new ImageData(columns, rows)
  const cells = new Uint32Array(image.data.buffer)
  const colors = palette.outcomes.map((color) => pixelOf(color, 170))
  const scale = width / (view.toMs - view.fromMs)
  for (let i = 0; i < count; i++) {
    if (!ops.answered[i] || ops.endMs[i] < view.fromMs || ops.endMs[i] > view.toMs) continue
    const x = Math.floor(((ops.endMs[i] - view.fromMs) * scale) / size)
    const part = (Math.log10(latencyOf(i)) - least) / (most - least)
    const y = Math.floor(((1 - part) * height) / size)
    cells[Math.min(rows - 1, Math.max(0, y)) * columns + x] = colors[Math.min(2, ops.outcome[i])]
  }
  g.save()
  g.beginPath()
  g.rect(left, top, width, height)
  g.clip()
  drawImage(g, image, left, top, columns * size, rows * size)
  g.restore()
}

const latencyText = (ms) => ms >= 1000 ? +(ms / 1000).toPrecision(3) + ' s' : +ms.toPrecision(3) + ' ms'

/* All that the axis of latency names. */
function decades() {
  const ticks = []
  for (let tick = latencyRange[0]; tick <= latencyRange[1] * 1.001; tick *= 10) ticks.push(+tick.toPrecision(1))
  return ticks
}

function makeCharts() {
  for (const plot of plots.splice(0)) plot.destroy()
  const grid = { stroke: palette.line, width: 1 }
  const axis = { stroke: palette.soft, grid, ticks: { stroke: palette.line, width: 1 } }
  shownBinMs = binMsFor(view.toMs - view.fromMs)
  const data = binned(shownBinMs)
  const chart = (id, height, { y, yText, ticks, series, hooks = {} }) => {
    const place = document.getElementById(id)
    plots.push(new uPlot({
      width: place.clientWidth, height,
      scales: { x: { time: false, auto: false, range: () => [view.fromMs / 1e3, view.toMs / 1e3] }, y },
      axes: [
        { ...axis, values: (_, splits) => splits.map((tick) => +tick.toFixed(4) + ' s') },
        { ...axis, size: 64, ...ticks === undefined ? {} : { splits: () => ticks, filter: (_, splits) => splits }, values: (_, splits) => splits.map((tick) => tick === null ? '' : yText(tick)) },
      ],
      cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: 'time' } },
      hooks: {
        drawClear: [shadeFaults], ...hooks,
        setSelect: [(plot) => {
          if (plot.select.width < 4) return
          const from = plot.posToVal(plot.select.left, 'x') * 1e3
          const to = plot.posToVal(plot.select.left + plot.select.width, 'x') * 1e3
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          setView(from, to)
        }],
      },
      series: [{ label: 'time', value: (_, value) => value === null ? '' : value.toFixed(2) + ' s' }, ...series],
    }, data[id], place))
  }
  const line = (label, stroke, unit, stepped) => ({ label, stroke, width: 1.5, points: { show: false }, ...stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}, value: (_, value) => value === null || value === undefined ? '' : unit(value) })
  const rate = (value) => +value.toPrecision(3) + '/s'
  chart('latency', 260, {
    y: { distr: 3, range: () => latencyRange }, yText: latencyText, ticks: decades(), hooks: { drawAxes: [drawPoints] },
    series: [line('median of ok', palette.ink, latencyText), line('99th percentile of ok', palette.fault, latencyText)],
  })
  chart('throughput', 190, {
    y: { range: (_, least, most) => [0, Math.max(1, most * 1.05)] }, yText: (value) => value + '/s',
    series: ['ok', 'fail', 'info'].map((name, kind) => line(name, palette.outcomes[kind], rate, true)),
  })
  chart('succeeded', 140, {
    y: { range: () => [0, 100] }, yText: (value) => value + ' %',
    series: [line('ok, of all that ended', palette.ok, (value) => value.toFixed(1) + ' %', true)],
  })
}

function drawCharts() {
  const binMs = binMsFor(view.toMs - view.fromMs)
  if (binMs !== shownBinMs) {
    shownBinMs = binMs
    const data = binned(binMs)
    for (const plot of plots) plot.setData(data[plot.root.parentElement.id], false)
  }
  for (const plot of plots) plot.setScale('x', { min: view.fromMs / 1e3, max: view.toMs / 1e3 })
}
