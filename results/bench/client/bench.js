// Draws `charts` (see bench-charts.ts): places on a line, medians, whiskers and samples.
(() => {
  const palettes = {
    light: ['#2563a8', '#c2571a', '#2f8f5b', '#8a4bb5', '#b0892b', '#b93463'],
    dark: ['#6aa9ee', '#f0955a', '#5cc48b', '#c08ae6', '#dcbb5e', '#ee7aa2'],
  }
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const print = matchMedia('print')
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const median = (samples) => [...samples].sort((a, b) => a - b)[Math.max(0, Math.ceil(samples.length / 2) - 1)]
  const short = (value) => value >= 1e6 ? `${+(value / 1e6).toPrecision(3)} M` : value >= 1e4 ? `${+(value / 1e3).toPrecision(3)} k` : String(+value.toPrecision(3))
  let plots = []

  function draw() {
    for (const plot of plots) plot.destroy()
    const palette = palettes[dark.matches && !print.matches ? 'dark' : 'light']
    plots = [...document.querySelectorAll('figure[data-chart]')].map((figure) => plot(charts[figure.dataset.chart], figure.querySelector('.plot'), palette))
  }

  function plot(chart, place, palette) {
    const { lines, places, unit, xName } = chart
    // Lines stand a little beside each other, so that one's whiskers do not hide another's.
    const shift = (line) => (line - (lines.length - 1) / 2) * 0.07
    const largest = Math.max(...lines.flatMap(({ samples }) => samples.flatMap((some) => some ?? [])), 0)
    // All zero: an axis from 0 to 1 says so.
    const top = largest === 0 ? 1 : largest
    const axis = (more) => ({ stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line') }, font: '12px system-ui', ...more })
    return new uPlot({
      width: place.clientWidth, height: 240,
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: false, range: [-0.5, places.length - 0.5] }, y: { range: [0, top * 1.06] } },
      axes: [
        axis({ size: 26, label: xName || undefined, labelFont: '12px system-ui', labelSize: 18, splits: () => places.map((_, at) => at), values: () => places, grid: { show: false } }),
        axis({ size: 64, values: (_, ticks) => ticks.map(short), label: unit, labelFont: '12px system-ui', labelSize: 16 }),
      ],
      series: [
        { label: xName || 'case', value: (_, at) => at === null ? '' : places[at] },
        ...lines.map(({ name, samples }, line) => ({
          label: name, stroke: palette[line % palette.length], width: places.length > 1 ? 1.5 : 0, points: { show: false }, spanGaps: false,
          // The line goes through the shifted points, and is drawn with them below.
          paths: () => null,
          value: (_, value, __, at) => at === null || samples[at] == null ? '' : `${short(value)} (${short(Math.min(...samples[at]))} to ${short(Math.max(...samples[at]))}, n ${samples[at].length})`,
        })),
      ],
      hooks: { draw: [(u) => lines.forEach(({ samples }, line) => { if (u.series[line + 1].show) spread(u, samples, shift(line), palette[line % palette.length]) })] },
    }, [places.map((_, at) => at), ...lines.map(({ samples }) => samples.map((some) => some === null ? null : median(some)))], place)
  }

  function spread(u, samples, shift, stroke) {
    const { ctx } = u
    const ratio = devicePixelRatio
    ctx.save()
    ctx.strokeStyle = ctx.fillStyle = stroke
    ctx.lineWidth = 1.4 * ratio
    let before = null
    samples.forEach((some, at) => {
      if (some === null) { before = null; return }
      const x = u.valToPos(at + shift, 'x', true)
      const y = (value) => u.valToPos(value, 'y', true)
      const middle = y(median(some))
      if (before !== null) line(ctx, before, [x, middle])
      before = [x, middle]
      const low = y(Math.min(...some)), high = y(Math.max(...some)), half = 4 * ratio
      line(ctx, [x, low], [x, high])
      line(ctx, [x - half, low], [x + half, low])
      line(ctx, [x - half, high], [x + half, high])
      ctx.globalAlpha = 0.45
      // Many of them stand a little beside each other.
      some.forEach((value, i) => dot(ctx, x + (some.length < 5 ? 0 : ((i * 3) % 7 - 3) * 2.4 * ratio), y(value), 1.8 * ratio))
      ctx.globalAlpha = 1
      dot(ctx, x, middle, 3.6 * ratio)
    })
    ctx.restore()
  }

  function line(ctx, [x1, y1], [x2, y2]) {
    ctx.beginPath()
    ctx.moveTo(x1, y1)
    ctx.lineTo(x2, y2)
    ctx.stroke()
  }

  function dot(ctx, x, y, radius) {
    ctx.beginPath()
    ctx.arc(x, y, radius, 0, 2 * Math.PI)
    ctx.fill()
  }

  let later
  addEventListener('resize', () => { clearTimeout(later); later = setTimeout(draw, 100) })
  for (const mode of [dark, print]) mode.addEventListener('change', draw)
  draw()
})()
