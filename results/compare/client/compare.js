/* The page's own script: a chart for each metric, a point for each median, whiskers to the ends, dots for samples. Plain JavaScript, no request to anywhere. `charts` is Chart[] of page.ts. */
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const color = (at) => css('--s' + at % 6)
  const short = (v) => v === null ? '' : String(Math.abs(v) >= 1000 ? Math.round(v) : +v.toPrecision(3))
  const plots = []

  /** Series stand beside each other around their category. */
  const shift = (chart, at) => (at - (chart.series.length - 1) / 2) * Math.min(0.16, 0.6 / chart.series.length)

  const whiskers = (chart) => ({
    hooks: {
      draw: (plot) => {
        const g = plot.ctx
        const px = devicePixelRatio || 1
        g.save()
        chart.series.forEach((series, at) => {
          if (!plot.series[at + 1].show) return
          g.strokeStyle = g.fillStyle = color(at)
          series.points.forEach((point, category) => {
            if (point === null) return
            const x = plot.valToPos(category + shift(chart, at), 'x', true)
            const y = (v) => plot.valToPos(v, 'y', true)
            g.globalAlpha = 0.3
            for (const sample of point.samples) {
              g.beginPath()
              g.arc(x + 7 * px, y(sample), 2 * px, 0, 2 * Math.PI)
              g.fill()
            }
            g.globalAlpha = 1
            g.lineWidth = 1.5 * px
            g.beginPath()
            g.moveTo(x, y(point.min))
            g.lineTo(x, y(point.max))
            for (const end of [point.min, point.max]) {
              g.moveTo(x - 3 * px, y(end))
              g.lineTo(x + 3 * px, y(end))
            }
            g.stroke()
            g.beginPath()
            g.arc(x, y(point.median), 4.5 * px, 0, 2 * Math.PI)
            g.fill()
          })
        })
        g.restore()
      },
    },
  })

  function draw() {
    for (const plot of plots.splice(0)) plot.destroy()
    charts.forEach((chart, i) => {
      const place = document.getElementById('chart-' + i)
      const values = chart.series.flatMap((series) => series.points.flatMap((point) => point === null ? [] : [point.max, point.min]))
      const top = Math.max(...values, 0) * 1.08 || 1
      const bottom = Math.min(...values, 0) * 1.08
      const lines = Math.max(...chart.categories.map((name) => name.split('\n').length))
      plots.push(new uPlot({
        width: Math.max(place.clientWidth, 84 + chart.categories.length * Math.max(90, chart.series.length * 26)),
        height: 220 + lines * 14,
        plugins: [whiskers(chart)],
        scales: { x: { time: false, range: [-0.6, chart.categories.length - 0.4] }, y: { range: [bottom, top] } },
        axes: [
          { stroke: css('--soft'), grid: { show: false }, ticks: { show: false }, size: 18 + lines * 14, splits: () => chart.categories.map((_, at) => at), values: () => chart.categories },
          { stroke: css('--soft'), grid: { stroke: css('--line'), width: 1 }, size: 72, values: (_, ticks) => ticks.map((v) => short(v) + (chart.unit.startsWith('/') || chart.unit === '' ? chart.unit : ' ' + chart.unit)) },
        ],
        cursor: { points: { show: false }, drag: { x: false, y: false } },
        series: [
          { label: chart.categoryName, value: (_, at) => at === null ? '' : chart.categories[at].replaceAll('\n', ', ') },
          ...chart.series.map((series, at) => ({ label: series.name, stroke: color(at), paths: () => null, points: { show: false }, value: (_, v) => v === null ? '–' : short(v) + ' ' + chart.unit })),
        ],
      }, [chart.categories.map((_, at) => at), ...chart.series.map((series) => series.points.map((point) => point === null ? null : point.median))], place))
    })
  }

  addEventListener('resize', draw)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
  // Paper is white, whatever the screen is.
  for (const [event, on] of [['beforeprint', true], ['afterprint', false]]) {
    addEventListener(event, () => {
      document.documentElement.classList.toggle('printing', on)
      draw()
    })
  }
  draw()
})()
