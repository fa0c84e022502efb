/* A run as it goes on: what the server pushes, shown. `links` says where from. */
(() => {
  const at = (id) => document.getElementById(id)
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()
  const ms = (value) => value === null || value === undefined ? '–' : value >= 1000 ? (value / 1000).toFixed(2) + ' s' : value.toPrecision(3) + ' ms'
  let plots = []
  let last = null

  function makeCharts() {
    for (const { plot } of plots) plot.destroy()
    const axis = { stroke: color('soft'), grid: { stroke: color('line'), width: 1 }, ticks: { stroke: color('line'), width: 1 } }
    const make = (id, text, series, data) => {
      const options = {
        width: at(id).clientWidth, height: 200, cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false }, y: { range: (_, least, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
        axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => tick + ' s') }, { ...axis, size: 64, values: (_, ticks) => ticks.map(text) }],
        series: [{ label: 'second' }, ...series.map(([label, name]) => ({ label, stroke: color(name), width: 1.5, value: (_, value) => value === null || value === undefined ? '' : String(+value.toPrecision(3)), points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }))],
      }
      return { plot: new uPlot(options, [[], ...series.map(() => [])], at(id)), data }
    }
    plots = [
      make('throughput', (rate) => rate + '/s', [['ok', 'ok'], ['fail', 'fail'], ['info', 'info']], (series) => [series.ok, series.fail, series.info]),
      make('latency', (took) => took >= 1000 ? took / 1000 + ' s' : took + ' ms', [['median', 'ink'], ['99th percentile', 'fault']], (series) => [series.p50Ms, series.p99Ms]),
    ]
    if (last !== null) show(last)
  }

  function show(state) {
    last = state
    at('time').textContent = state.phase === 'starting' ? 'starting' : state.elapsedS.toFixed(1) + ' s'
    at('left').textContent = state.phase === 'ending' ? 'healing, checking' : state.leftS.toFixed(0) + ' s'
    at('rate').textContent = state.perSecond.toFixed(0)
    at('p50').textContent = ms(state.latencyMs?.p50)
    at('p99').textContent = ms(state.latencyMs?.p99)
    for (const name of ['ok', 'fail', 'info']) at(name).textContent = state.counts[name]
    at('leader').textContent = state.leader ?? 'none'
    at('faults').textContent = state.faultsOn.length === 0 ? 'none' : state.faultsOn.join('; ')
    at('progress').value = state.timeLimitS > 0 ? Math.min(1, state.elapsedS / state.timeLimitS) : 1
    // The last second is not over yet.
    const length = Math.max(0, state.series.ok.length - 1)
    const x = Array.from({ length }, (_, i) => state.series.fromS + i)
    for (const { plot, data } of plots) plot.setData([x, ...data(state.series).map((column) => column.slice(0, length))])
  }

  const source = new EventSource(links.events)
  source.addEventListener('state', (event) => show(JSON.parse(event.data)))
  source.addEventListener('end', (event) => {
    const { ended, verdict } = JSON.parse(event.data)
    source.close()
    const link = Object.assign(document.createElement('a'), verdict === null ? { href: links.run, textContent: 'what is left of it' } : { href: links.report, textContent: 'the report' })
    at('ended').replaceChildren(verdict === null ? `Ended: ${ended}. ` : `Verdict: ${verdict}. `, link)
    at('state').textContent = verdict ?? ended
    at('state').className = 'verdict ' + (verdict ?? 'ended')
  })
  source.addEventListener('error', () => { at('time').textContent = 'no connection' })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', makeCharts)
  addEventListener('resize', makeCharts)
  makeCharts()
})()
