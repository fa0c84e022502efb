/* The page's own script: filters, trends, and the tables they choose from. Plain JavaScript, no request to anywhere. `all` is NightsData. */
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name)
    for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value)
    made.append(...children)
    return made
  }
  const byId = (id) => document.getElementById(id)
  const when = (night) => all.nights[night].startedAt.slice(0, 16).replace('T', ' ')
  const rowsAtOnce = 200

  // ---- filters; they stand in the address, so that a view can be passed on
  const fields = {
    night: (run) => when(run.night), workload: (run) => run.workload, nemesis: (run) => run.nemesis, members: (run) => String(run.members),
    system: (run) => run.system, environment: (run) => run.env, verdict: (run) => run.outcome,
  }
  const selects = {}
  function choices(name) {
    const values = [...new Set(all.runs.map(fields[name]))]
    return name === 'night' ? values.reverse() : values.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
  }
  for (const name of Object.keys(fields)) {
    const select = element('select', { name }, element('option', { value: '' }, 'all'), ...choices(name).map((value) => element('option', { value }, value)))
    selects[name] = select
    byId('filters').append(element('label', {}, name, select))
  }
  byId('filters').append(element('button', { type: 'reset' }, 'All'))
  const asked = new URLSearchParams(location.hash.slice(1))
  for (const [name, select] of Object.entries(selects)) {
    const value = asked.get(name)
    if (value !== null && [...select.options].some((option) => option.value === value)) select.value = value
  }
  const chosen = () => all.runs.filter((run) => Object.entries(selects).every(([name, { value }]) => value === '' || fields[name](run) === value))

  // ---- numbers of some runs
  const median = (values) => {
    const sorted = values.slice().sort((a, b) => a - b)
    return sorted.length === 0 ? null : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
  }
  const mean = (values) => values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
  const known = (values) => values.filter((value) => value !== null)
  const measures = {
    throughput: { of: (runs) => median(known(runs.map((run) => run.throughputPerS))), show: (v) => v.toFixed(v < 10 ? 1 : 0) + ' /s' },
    election: { of: (runs) => median(runs.flatMap((run) => run.electionMs)), show: (v) => v.toFixed(v < 10 ? 1 : 0) + ' ms' },
    answered: { of: (runs) => { const share = mean(known(runs.map((run) => run.answered))); return share === null ? null : share * 100 }, show: (v) => v.toFixed(1) + ' %' },
  }
  const shown = (name, runs) => { const value = measures[name].of(runs); return value === null ? '' : measures[name].show(value) }

  // ---- trends: a line each environment, for they cannot be held against each other
  let plots = []
  function drawTrends(runs) {
    for (const plot of plots) plot.destroy()
    plots = []
    const groups = ['simulated', 'local', 'docker'].map((env) => ({ env, runs: runs.filter((run) => run.env === env) })).filter((group) => group.runs.length > 0)
    const nights = [...new Set(runs.map((run) => run.night))].sort((a, b) => a - b)
    for (const [name, { of, show }] of Object.entries(measures)) {
      const place = byId(name)
      place.replaceChildren()
      const lines = groups.map((group) => nights.map((night) => of(group.runs.filter((run) => run.night === night))))
      if (lines.every((line) => line.every((value) => value === null))) {
        place.append(element('div', { class: 'none' }, 'not measured in these runs'))
        continue
      }
      // Around a single point the library would draw a hundred years.
      const times = nights.map((night) => Date.parse(all.nights[night].startedAt) / 1e3)
      const alone = times.length === 1 ? times[0] : null
      const axis = { stroke: css('--soft'), grid: { stroke: css('--line'), width: 1 }, ticks: { stroke: css('--line') } }
      plots.push(new uPlot({
        width: Math.max(280, place.clientWidth), height: 220,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), 'Etc/UTC'),
        scales: { x: { range: (_, from, to) => alone === null ? [from, to] : [alone - 43_200, alone + 43_200] }, y: { range: (_, min, max) => name === 'answered' ? [Math.min(90, Math.floor(min - 1)), 100.5] : [0, max === 0 ? 1 : max * 1.1] } },
        axes: [{ ...axis, space: 70, values: (_, ticks, __, ___, step) => ticks.map((seconds) => { const text = new Date(seconds * 1e3).toISOString(); return step >= 86400 ? text.slice(5, 10) : text.slice(11, 16) }) }, { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => tick > 100 && name === 'answered' ? '' : tick) }],
        series: [
          { label: 'night', value: (_, seconds) => seconds === null ? '' : new Date(seconds * 1e3).toISOString().slice(0, 16).replace('T', ' ') },
          ...groups.map(({ env }) => ({ label: env, stroke: css('--' + env), width: 2, spanGaps: true, points: { show: true, size: 6, fill: css('--' + env) }, value: (_, value) => value === null || value === undefined ? '' : show(value) })),
        ],
      }, [times, ...lines], place))
    }
  }

  // ---- tables
  const cell = (text, attributes = {}) => element('td', attributes, text)
  const head = (names) => element('tr', {}, ...names.map((name) => element('th', name.startsWith('#') ? { class: 'number', scope: 'col' } : { scope: 'col' }, name.replace('#', ''))))
  const pill = (outcome) => element('span', { class: 'verdict ' + outcome }, outcome)
  const number = { class: 'number' }
  const duration = (seconds) => seconds < 60 ? seconds.toFixed(1) + ' s' : Math.floor(seconds / 60) + ' min' + (Math.floor(seconds % 60) === 0 ? '' : ' ' + Math.floor(seconds % 60) + ' s')

  function drawNights(runs) {
    const outcomes = ['valid', 'invalid', 'unknown', 'failed', 'skipped']
    const nights = [...new Set(runs.map((run) => run.night))].sort((a, b) => b - a)
    byId('nights').replaceChildren(head(['night', 'verdict', ...outcomes.map((outcome) => '#' + outcome), '#throughput', '#election', '#answered', '#took', '#of', 'commit', '']), ...nights.map((at) => {
      const night = all.nights[at]
      const own = runs.filter((run) => run.night === at)
      return element('tr', {}, cell(when(at)), cell(pill(night.verdict)), ...outcomes.map((outcome) => cell(String(own.filter((run) => run.outcome === outcome).length || ''), number)),
        ...Object.keys(measures).map((name) => cell(shown(name, own), number)), cell(duration(night.tookS), number), cell(duration(night.budgetS), number), cell(night.commit || ''),
        cell(element('a', { href: night.directory + '/night.json' }, 'record')))
    }))
  }

  let rows = rowsAtOnce
  function drawRuns(runs) {
    const newest = runs.slice().reverse()
    byId('runs').replaceChildren(head(['night', 'verdict', 'workload', 'nemesis', '#members', 'system', 'environment', '#seed', '#took', '#throughput', '#election', '#answered', '']), ...newest.slice(0, rows).flatMap((run) => {
      const report = run.report === null ? '' : element('a', { href: run.report }, 'report')
      const row = element('tr', run.what === '' ? {} : { class: 'explained' }, cell(when(run.night)), cell(pill(run.outcome)), cell(run.workload), cell(run.nemesis), cell(String(run.members), number), cell(run.system), cell(run.env), cell(String(run.seed), number),
        cell(run.tookS === 0 ? '' : duration(run.tookS), number), ...Object.keys(measures).map((name) => cell(shown(name, [run]), number)), cell(report))
      if (run.what === '') return [row]
      const more = [...run.evidence.length === 0 ? [] : [element('pre', {}, run.evidence.join('\n'))], ...run.replay === null ? [] : [element('pre', { class: 'command' }, run.replay)]]
      const what = more.length === 0 ? run.what : element('details', {}, element('summary', {}, run.what), ...more)
      return [row, element('tr', {}, cell(''), element('td', { class: 'what', colspan: 12 }, what))]
    }))
    byId('more').hidden = newest.length <= rows
  }

  function draw() {
    const runs = chosen()
    byId('count').textContent = runs.length + ' of ' + all.runs.length + ' runs in ' + new Set(runs.map((run) => run.night)).size + ' of ' + all.nights.length + ' nights'
    drawTrends(runs)
    drawNights(runs)
    drawRuns(runs)
  }
  byId('filters').addEventListener('change', () => {
    rows = rowsAtOnce
    const said = Object.entries(selects).filter(([, { value }]) => value !== '').map(([name, { value }]) => [name, value])
    history.replaceState(null, '', said.length === 0 ? location.pathname : '#' + new URLSearchParams(said))
    draw()
  })
  byId('filters').addEventListener('reset', () => setTimeout(() => byId('filters').dispatchEvent(new Event('change'))))
  byId('filters').addEventListener('submit', (event) => event.preventDefault())
  byId('more').addEventListener('click', () => {
    rows += rowsAtOnce
    drawRuns(chosen())
  })
  addEventListener('resize', () => drawTrends(chosen()))
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => drawTrends(chosen()))
  draw()
})()
