/* Unpacks what the page carries (PackedReport) into typed arrays, and says it in words. */
const packed = JSON.parse(document.getElementById('report-data').textContent)
const count = packed.process.length
const totalMs = Math.max(1, packed.endMs)
const outcomes = ['ok', 'fail', 'info', 'no answer']
const ops = {
  process: Int32Array.from(packed.process),
  outcome: Uint8Array.from(packed.outcome),
  node: Int16Array.from(packed.node),
  startMs: new Float64Array(count),
  /* Of an operation without an answer: the end of the run. */
  endMs: new Float64Array(count),
  answered: new Uint8Array(count),
}
{
  let us = 0
  for (let i = 0; i < count; i++) {
    us += packed.startUs[i]
    ops.startMs[i] = us / 1e3
    ops.answered[i] = packed.tookUs[i] < 0 ? 0 : 1
    ops.endMs[i] = packed.tookUs[i] < 0 ? totalMs : (us + packed.tookUs[i]) / 1e3
  }
}
const highlighted = new Set(packed.highlighted)

const seconds = (ms, digits = 3) => (ms / 1e3).toFixed(digits) + ' s'

function describe(i) {
  const node = packed.nodes[packed.node[i]]
  const text = (column) => packed.texts[packed[column][i]]
  // A read asks with nothing: what it saw is all there is to tell.
  const input = text('input') === 'null' ? '' : ' ' + text('input')
  return [
    `worker ${packed.process[i]}${node === undefined ? '' : ' at ' + node}: ${packed.functions[packed.f[i]]} ${packed.keys[packed.key[i]] ?? ''}${input}`,
    `→ ${outcomes[packed.outcome[i]]} ${text('output')} ${text('error')}`.trim(),
    `(${seconds(ops.startMs[i])}, ${ops.answered[i] ? (ops.endMs[i] - ops.startMs[i]).toFixed(1) + ' ms' : 'never answered'})`,
  ].join(' ')
}

/* The first row that starts after `ms`. */
function rowAfter(ms) {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (ops.startMs[middle] > ms) high = middle
    else low = middle + 1
  }
  return low
}

/* Colours as the style sheet has them now. */
let palette = {}
function readPalette() {
  const style = getComputedStyle(document.documentElement)
  const names = ['ground', 'ink', 'soft', 'line', 'panel', 'ok', 'fail', 'info', 'fault', 'leader']
  palette = Object.fromEntries(names.map((name) => [name, style.getPropertyValue('--' + name).trim()]))
  palette.outcomes = [palette.ok, palette.fail, palette.info, palette.info]
}
