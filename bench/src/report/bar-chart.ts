import type { RowResult } from '../run-row.ts'
import { formatNumber, metricText } from './row-lines.ts'

const WIDTH = 720
const NAME_WIDTH = 190
const NUMBER_WIDTH = 100
const BAR_HEIGHT = 22
const GAP = 6
const HEAD_HEIGHT = 56

/** A row's first metric as horizontal bars, in SVG. Readable on light and dark ground. */
export function barChart({ row, medians }: RowResult): string {
  const [metric] = row.metrics
  const bars = [...medians].map(([name, numbers]) => ({ name, value: numbers[metric.name] ?? 0 }))
  const longest = Math.max(...bars.map(({ value }) => value))
  const scale = (WIDTH - NAME_WIDTH - NUMBER_WIDTH) / (longest || 1)
  const height = HEAD_HEIGHT + bars.length * (BAR_HEIGHT + GAP)
  const drawn = bars.map(({ name, value }, i) => {
    const y = HEAD_HEIGHT + i * (BAR_HEIGHT + GAP)
    const color = name.startsWith('holdfast') ? '#d97706' : '#94a3b8'
    const width = Math.max(1, value * scale)
    return [
      text(NAME_WIDTH - 10, y + 16, name, 'text-anchor="end"'),
      `<rect x="${NAME_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="3" fill="${color}"/>`,
      text(NAME_WIDTH + width + 8, y + 16, formatNumber(value, metric.digits), ''),
    ].join('\n')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    text(10, 20, row.title, 'font-weight="bold"'),
    text(10, 40, metricText(metric), ''),
    ...drawn,
    '</svg>\n',
  ].join('\n')
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#808080" ${attributes}>${escaped}</text>`
}
