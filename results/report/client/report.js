/* The page's own script: a timeline on a canvas and two charts. Plain JavaScript, no request to anywhere. `report` is ReportData. */
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const colors = () => [css('--ok'), css('--fail'), css('--info'), css('--info')]
  const ops = report.operations
  const count = ops.process.length
  const outcomes = ['ok', 'fail', 'info', 'no answer']
  const highlighted = new Set(report.highlighted)
  const totalMs = Math.max(1, report.endMs)

  // ---- timeline
  const canvas = document.getElementById('timeline')
  const tooltip = document.body.appendChild(Object.assign(document.createElement('div'), { id: 'tooltip' }))
  const laneHeight = Math.max(10, Math.min(26, 520 / report.lanes))
  const top = 22
  const height = top + report.lanes * laneHeight + 22
  let fromMs = 0
  let toMs = totalMs
  const width = () => canvas.clientWidth
  const x = (ms) => ((ms - fromMs) / (toMs - fromMs)) * width()
  const at = (px) => fromMs + (px / width()) * (toMs - fromMs)
  const endOf = (i) => ops.endMs[i] === null ? totalMs : ops.endMs[i]

  function draw() {
    const ratio = devicePixelRatio || 1
    canvas.width = width() * ratio
    canvas.height = height * ratio
    canvas.style.height = height + 'px'
    const g = canvas.getContext('2d')
    g.scale(ratio, ratio)
    g.clearRect(0, 0, width(), height)
    g.font = '11px system-ui, sans-serif'
    let labelEnd = -1
    for (const band of report.bands) {
      const a = x(band.startMs)
      const b = x(band.endMs)
      if (b < 0 || a > width()) continue
      g.fillStyle = css('--fault')
      g.globalAlpha = 0.14
      g.fillRect(a, 0, Math.max(1, b - a), height - 18)
      g.globalAlpha = 1
      const left = Math.max(2, a + 3)
      if (left > labelEnd) {
        g.save()
        g.beginPath()
        g.rect(left - 1, 0, Math.max(0, b - left), top)
        g.clip()
        g.fillText(band.label, left, 14)
        g.restore()
        labelEnd = b
      }
    }
    const palette = colors()
    for (let i = 0; i < count; i++) {
      const a = x(ops.startMs[i])
      const b = x(endOf(i))
      if (b < 0 || a > width()) continue
      const y = top + (ops.process[i] % report.lanes) * laneHeight
      g.fillStyle = palette[ops.outcome[i]]
      g.globalAlpha = ops.outcome[i] >= 2 ? 0.45 : 1
      g.fillRect(a, y + 1, Math.max(1.2, b - a), laneHeight - 3)
      g.globalAlpha = 1
      if (highlighted.has(ops.invokeIndex[i])) {
        g.strokeStyle = css('--ink')
        g.lineWidth = 2
        g.strokeRect(a - 1, y, Math.max(3, b - a + 2), laneHeight - 1)
      }
    }
    g.fillStyle = css('--soft')
    const span = toMs - fromMs
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 3e5].find((s) => span / s <= 10) || 6e5
    for (let ms = Math.ceil(fromMs / step) * step; ms <= toMs; ms += step) {
      g.fillRect(x(ms), height - 18, 1, 4)
      g.fillText(step >= 1000 ? ms / 1000 + ' s' : ms + ' ms', x(ms) + 3, height - 5)
    }
  }

  function clampView(a, b) {
    const span = Math.min(totalMs, Math.max(0.5, b - a))
    fromMs = Math.max(0, Math.min(totalMs - span, a))
    toMs = fromMs + span
    draw()
  }
  const zoom = (factor, centerMs) => clampView(centerMs - (centerMs - fromMs) * factor, centerMs + (toMs - centerMs) * factor)
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault()
    zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event.offsetX))
  }, { passive: false })
  let drag = null
  canvas.addEventListener('pointerdown', (event) => {
    drag = { px: event.offsetX, fromMs, toMs }
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener('pointerup', () => { drag = null })
  canvas.addEventListener('pointermove', (event) => {
    if (drag) {
      const shift = ((drag.px - event.offsetX) / width()) * (drag.toMs - drag.fromMs)
      return clampView(drag.fromMs + shift, drag.toMs + shift)
    }
    const ms = at(event.offsetX)
    const slackMs = ((toMs - fromMs) / width()) * 3
    const lane = Math.floor((event.offsetY - top) / laneHeight)
    let found = -1
    for (let i = 0; i < count; i++) {
      if (ops.process[i] % report.lanes === lane && ops.startMs[i] - slackMs <= ms && endOf(i) + slackMs >= ms) found = i
    }
    if (found < 0) { tooltip.style.display = 'none'; return }
    tooltip.textContent = describe(found)
    tooltip.style.display = 'block'
    tooltip.style.left = Math.min(innerWidth - 320, event.clientX + 12) + 'px'
    tooltip.style.top = event.clientY + 14 + 'px'
  })
  canvas.addEventListener('pointerleave', () => { tooltip.style.display = 'none' })
  canvas.addEventListener('keydown', (event) => {
    const span = toMs - fromMs
    const moves = {
      ArrowLeft: () => clampView(fromMs - span / 5, toMs - span / 5),
      ArrowRight: () => clampView(fromMs + span / 5, toMs + span / 5),
      '+': () => zoom(0.7, (fromMs + toMs) / 2),
      '=': () => zoom(0.7, (fromMs + toMs) / 2),
      '-': () => zoom(1.4, (fromMs + toMs) / 2),
      0: () => clampView(0, totalMs),
    }
    if (!moves[event.key]) return
    event.preventDefault()
    moves[event.key]()
  })
  function describe(i) {
    const node = report.nodes[ops.node[i]]
    const key = report.keys[ops.key[i]]
    return `worker ${ops.process[i]}${node ? ' at ' + node : ''}: ${report.functions[ops.f[i]]} ${key || ''} ${ops.input[i]} → ${outcomes[ops.outcome[i]]} ${ops.output[i]} ${ops.error[i]}`
      + ` (${(ops.startMs[i] / 1e3).toFixed(3)} s, ${ops.endMs[i] === null ? 'open' : (ops.endMs[i] - ops.startMs[i]).toFixed(1) + ' ms'})`
  }

  function legend() {
    const palette = colors()
    document.getElementById('legend').innerHTML = ['ok: it happened', 'fail: it did not', 'info: it may have']
      .map((text, i) => `<i style="background:${palette[i]}"></i>${text}`).join('') + `<i style="background:${css('--fault')};opacity:.4"></i>fault`
  }

  // ---- charts
  const bandsPlugin = {
    hooks: {
      drawClear: (plot) => {
        const g = plot.ctx
        g.save()
        g.fillStyle = css('--fault')
        g.globalAlpha = 0.14
        for (const band of report.bands) {
          const a = Math.max(plot.bbox.left, plot.valToPos(band.startMs / 1e3, 'x', true))
          const b = Math.min(plot.bbox.left + plot.bbox.width, plot.valToPos(band.endMs / 1e3, 'x', true))
          if (b > a) g.fillRect(a, plot.bbox.top, b - a, plot.bbox.height)
        }
        g.restore()
      },
    },
  }
  const axes = (unit) => [
    { stroke: css('--soft'), grid: { stroke: css('--line'), width: 1 }, values: (_, ticks) => ticks.map((t) => t + ' s') },
    { stroke: css('--soft'), grid: { stroke: css('--line'), width: 1 }, size: 64, values: (_, ticks) => ticks.map((t) => t === null ? '' : +t.toPrecision(3) + unit) },
  ]
  const plots = []
  function charts() {
    for (const plot of plots.splice(0)) plot.destroy()
    const palette = colors()
    const answered = []
    for (let i = 0; i < count; i++) if (ops.endMs[i] !== null) answered.push(i)
    answered.sort((a, b) => ops.endMs[a] - ops.endMs[b])
    const latency = [answered.map((i) => ops.endMs[i] / 1e3), ...[0, 1, 2].map((outcome) =>
      answered.map((i) => ops.outcome[i] === outcome ? Math.max(0.01, ops.endMs[i] - ops.startMs[i]) : null))]
    const points = (label, color) => ({ label, stroke: color, paths: () => null, points: { show: true, size: 3.5, fill: color, width: 0 }, value: (_, v) => v === null ? '' : v.toFixed(2) + ' ms' })
    const size = { width: document.getElementById('latency').clientWidth, height: 260 }
    plots.push(new uPlot({
      ...size, plugins: [bandsPlugin], scales: { x: { time: false, range: [0, totalMs / 1e3] }, y: { distr: 3 } }, axes: axes(' ms'),
      series: [{ label: 'time', value: (_, v) => v === null ? '' : v.toFixed(2) + ' s' }, points('ok', palette[0]), points('fail', palette[1]), points('info', palette[2])],
    }, latency, document.getElementById('latency')))
    const seconds = Math.max(1, Math.ceil(totalMs / 1e3))
    const perSecond = [Array.from({ length: seconds }, (_, s) => s), ...[0, 1, 2].map(() => new Array(seconds).fill(0))]
    for (const i of answered) perSecond[1 + ops.outcome[i]][Math.min(seconds - 1, Math.floor(ops.endMs[i] / 1e3))]++
    const line = (label, color) => ({ label, stroke: color, width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } })
    plots.push(new uPlot({
      ...size, height: 200, plugins: [bandsPlugin], scales: { x: { time: false, range: [0, totalMs / 1e3] } }, axes: axes(''),
      series: [{ label: 'second' }, line('ok', palette[0]), line('fail', palette[1]), line('info', palette[2])],
    }, perSecond, document.getElementById('throughput')))
  }

  const render = () => { legend(); draw(); charts() }
  addEventListener('resize', render)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', render)
  render()
})()
