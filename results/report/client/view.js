/* The stretch of time that timeline and charts show, together. */
const view = { fromMs: 0, toMs: totalMs, listeners: [] }
let frame = 0

function setView(fromMs, toMs) {
  const span = Math.min(totalMs, Math.max(0.2, toMs - fromMs))
  view.fromMs = Math.max(0, Math.min(totalMs - span, fromMs))
  view.toMs = view.fromMs + span
  requestDraw()
}

function requestDraw() {
  if (frame !== 0) return
  frame = requestAnimationFrame(() => {
    frame = 0
    for (const draw of view.listeners) draw()
  })
}

const zoomView = (factor, centerMs) => setView(centerMs - (centerMs - view.fromMs) * factor, centerMs + (view.toMs - centerMs) * factor)
const panView = (part) => {
  const shift = (view.toMs - view.fromMs) * part
  setView(view.fromMs + shift, view.toMs + shift)
}

/* A step of an axis that leaves `room` px between two ticks. */
function tickStep(spanMs, widthPx, room) {
  const wanted = (spanMs * room) / Math.max(1, widthPx)
  const power = 10 ** Math.floor(Math.log10(wanted))
  return power * ([1, 2, 5].find((step) => step * power >= wanted) ?? 10)
}

function tickText(ms, stepMs) {
  if (stepMs >= 1000) return ms / 1000 + ' s'
  const digits = Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(stepMs))))
  return stepMs < 1 ? (ms / 1000).toFixed(digits) + ' s' : (ms / 1000).toFixed(3) + ' s'
}
