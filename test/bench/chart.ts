import { showNumber } from './rounds.ts'

export interface Bar {
  readonly label: string
  readonly value: number
  readonly min?: number
  readonly max?: number
  /** Ours are drawn in a stronger colour. */
  readonly isOurs?: boolean
}

export interface Chart {
  /** Of its file: `NAME.svg`. */
  readonly name: string
  readonly title: string
  /** Whether less is better, and in what it is measured. */
  readonly subtitle: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

const WIDTH = 760
const MARGIN = 16
/** Of a bold letter, about. */
const LETTER_WIDTH = 7
const VALUE_WIDTH = 130
const TOP = 66
const BAR_HEIGHT = 18
const BAR_STEP = 28

// Each of these can be told from white as well as from GitHub's dark page.
const TEXT = '#7d8590'
const STRONG = '#1f883d'
const WEAK = '#8b949e'

/** Horizontal bars from zero, with a thin line from the smallest to the largest round. */
export function drawChart({ title, subtitle, unit, bars }: Chart): string {
  const height = TOP + bars.length * BAR_STEP + 8
  const most = Math.max(...bars.map(({ value, max }) => Math.max(value, max ?? value)))
  const labelWidth = 10 + LETTER_WIDTH * Math.max(...bars.map(({ label }) => label.length))
  const scale = (WIDTH - 2 * MARGIN - labelWidth - VALUE_WIDTH) / most
  const rows = bars.flatMap(({ label, value, min, max, isOurs = false }, at) => {
    const y = TOP + at * BAR_STEP
    const middle = y + BAR_HEIGHT / 2
    const x = MARGIN + labelWidth
    const end = x + Math.max(value, max ?? value) * scale
    const weight = isOurs ? ' font-weight="600"' : ''
    const row = [
      `<text x="${x - 10}" y="${middle + 4}" text-anchor="end"${weight}>${escapeXml(label)}</text>`,
      `<rect x="${x}" y="${y}" width="${Math.max(1, value * scale).toFixed(1)}"` +
        ` height="${BAR_HEIGHT}" rx="2" fill="${isOurs ? STRONG : WEAK}"/>`,
    ]
    if (min !== undefined && max !== undefined) {
      const from = (x + min * scale).toFixed(1)
      const to = (x + max * scale).toFixed(1)
      row.push(
        `<path d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8"` +
          ` stroke="${TEXT}" stroke-width="1.5"/>`,
      )
    }
    row.push(
      `<text x="${(end + 8).toFixed(1)}" y="${middle + 4}"${weight}>` +
        `${escapeXml(`${showNumber(value)} ${unit}`.trim())}</text>`,
    )
    return row
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}"` +
      ` viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}"` +
      ` font-family="-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"` +
      ` font-size="13" fill="${TEXT}">`,
    `<title>${escapeXml(title)}</title>`,
    `<text x="${MARGIN}" y="26" font-size="16" font-weight="600">${escapeXml(title)}</text>`,
    `<text x="${MARGIN}" y="46" font-size="12">${escapeXml(subtitle)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
