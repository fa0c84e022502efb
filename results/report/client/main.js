/* What a reader can do, by mouse or keys; and drawing anew when the page changes its size or its colours. */
const tooltip = document.body.appendChild(Object.assign(document.createElement('div'), { id: 'tooltip' }))
const detail = document.getElementById('detail')
const dark = matchMedia('(prefers-color-scheme: dark)')
const matchDark = () => dark.matches && !document.documentElement.classList.contains('printing')
let moment = -1

function showLanes(name) {
  layout = layouts[name]
  for (const button of document.querySelectorAll('[data-lanes]')) button.setAttribute('aria-pressed', String(button.dataset.lanes === name))
  requestDraw()
}

function goToMoment(number) {
  if (packed.moments.length === 0) return
  moment = (number + packed.moments.length) % packed.moments.length
  const { atMs, title } = packed.moments[moment]
  const span = Math.min(totalMs, Math.max(100, totalMs / 50))
  setView(atMs - span / 2, atMs + span / 2)
  detail.textContent = `${title}, at ${seconds(atMs)}`
}

/* The next or previous operation in the order of their beginnings. */
function select(step) {
  const visible = selected >= 0 && ops.endMs[selected] >= view.fromMs && ops.startMs[selected] <= view.toMs
  const next = visible ? selected + step : step > 0 ? rowAfter(view.fromMs) : rowAfter(view.toMs) - 1
  if (next < 0 || next >= count) return
  selected = next
  detail.textContent = describe(selected)
  const span = view.toMs - view.fromMs
  if (ops.startMs[selected] < view.fromMs || ops.startMs[selected] > view.toMs) setView(ops.startMs[selected] - span / 2, ops.startMs[selected] + span / 2)
  else requestDraw()
}

const keys = {
  ArrowLeft: () => panView(-0.2), ArrowRight: () => panView(0.2),
  PageUp: () => panView(-0.9), PageDown: () => panView(0.9),
  Home: () => setView(0, view.toMs - view.fromMs), End: () => setView(totalMs - (view.toMs - view.fromMs), totalMs),
  '+': () => zoomView(0.7, (view.fromMs + view.toMs) / 2), '=': () => zoomView(0.7, (view.fromMs + view.toMs) / 2),
  '-': () => zoomView(1 / 0.7, (view.fromMs + view.toMs) / 2), 0: () => setView(0, totalMs),
  m: () => showLanes(layout.name === 'members' ? 'workers' : 'members'),
  e: () => goToMoment(moment + 1), n: () => select(1), p: () => select(-1),
  Escape: () => {
    selected = -1
    detail.textContent = ''
    tooltip.style.display = 'none'
    requestDraw()
  },
}
canvas.addEventListener('keydown', (event) => {
  const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key]
  if (act === undefined) return
  event.preventDefault()
  act()
})
// The page can still be scrolled by the wheel: zooming takes Ctrl, or a timeline that has the focus.
canvas.addEventListener('wheel', (event) => {
  if (!event.ctrlKey && document.activeElement !== canvas) return
  event.preventDefault()
  zoomView(event.deltaY > 0 ? 1.25 : 0.8, msAt(event.offsetX))
}, { passive: false })

let drag = null
canvas.addEventListener('pointerdown', (event) => {
  drag = { px: event.offsetX, fromMs: view.fromMs, toMs: view.toMs, moved: false }
  canvas.setPointerCapture(event.pointerId)
})
canvas.addEventListener('pointerup', (event) => {
  if (drag !== null && !drag.moved) {
    selected = rowAt(event.offsetX, event.offsetY)
    detail.textContent = selected < 0 ? '' : describe(selected)
    requestDraw()
  }
  drag = null
})
canvas.addEventListener('pointermove', (event) => {
  if (drag !== null) {
    drag.moved ||= Math.abs(drag.px - event.offsetX) > 3
    const shift = ((drag.px - event.offsetX) / plotWidth()) * (drag.toMs - drag.fromMs)
    return setView(drag.fromMs + shift, drag.toMs + shift)
  }
  const found = rowAt(event.offsetX, event.offsetY)
  tooltip.style.display = found < 0 ? 'none' : 'block'
  if (found < 0) return
  tooltip.textContent = describe(found)
  tooltip.style.left = Math.max(0, Math.min(innerWidth - 470, event.clientX + 12)) + 'px'
  tooltip.style.top = event.clientY + 14 + 'px'
})
canvas.addEventListener('pointerleave', () => { tooltip.style.display = 'none' })

function rowAt(px, py) {
  const lane = layout.lanes.findIndex(({ y, height }) => py >= y - 1 && py <= y + height + 1)
  if (lane < 0 || px < gutter) return -1
  const slackMs = ((view.toMs - view.fromMs) / plotWidth()) * 2
  const ms = msAt(px)
  for (let i = rowAfter(ms + slackMs) - 1; i >= 0; i--) if (layout.lane[i] === lane && ops.endMs[i] + slackMs >= ms) return i
  return -1
}

for (const button of document.querySelectorAll('[data-lanes]')) button.addEventListener('click', () => showLanes(button.dataset.lanes))
for (const button of document.querySelectorAll('[data-at-ms]')) {
  button.addEventListener('click', () => {
    const atMs = Number(button.dataset.atMs)
    const span = Math.min(totalMs, Math.max(50, Number(button.dataset.spanMs) * 1.6))
    setView(atMs - span / 2, atMs + span / 2)
    canvas.focus()
    canvas.scrollIntoView({ block: 'center' })
  })
}

function drawAll() {
  readPalette()
  const legend = document.getElementById('legend')
  const entries = [[palette.ok, 'ok: it happened'], [palette.fail, 'fail: it did not'], [palette.info, 'info: it may have'], [palette.fault, 'fault']]
  legend.replaceChildren(...entries.flatMap(([color, text]) => {
    const swatch = document.createElement('i')
    swatch.style.background = color
    return [swatch, text]
  }))
  drawTimeline()
  makeCharts()
}

view.listeners.push(drawTimeline, drawCharts)
let resizing = 0
addEventListener('resize', () => {
  cancelAnimationFrame(resizing)
  resizing = requestAnimationFrame(drawAll)
})
dark.addEventListener('change', drawAll)
// Ink on paper, whatever the screen shows; and everything unfolded.
const unfolded = []
addEventListener('beforeprint', () => {
  document.documentElement.classList.add('printing')
  for (const fold of document.querySelectorAll('details:not([open])')) {
    fold.open = true
    unfolded.push(fold)
  }
  drawAll()
})
addEventListener('afterprint', () => {
  document.documentElement.classList.remove('printing')
  for (const fold of unfolded.splice(0)) fold.open = false
  drawAll()
})
drawAll()
document.documentElement.dataset.ready = performance.now().toFixed(0)
