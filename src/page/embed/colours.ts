import { optionInvalid } from '../../errors.ts'

/** The colours that can be changed, each as the page has it: in light, in dark. */
export const COLOURS = {
  ground: ['#f7f7f5', '#14171a'],
  sheet: ['#ffffff', '#1a1e22'],
  text: ['#1b1f23', '#e3e7ea'],
  accent: ['#0b5c70', '#74c7d8'],
} as const

export type ColourName = keyof typeof COLOURS
/** `#rgb` or `#rrggbb`: one for light and dark, or one for each. */
export type Colour = string | readonly [light: string, dark: string]

/** Colours of the page, by what they are for. */
export type Colours = Readonly<Partial<Record<ColourName, Colour>>>

/** What people can read on what: WCAG 2, level AA. */
const MIN_CONTRAST = 4.5
const PAIRS = [
  ['text', 'ground'],
  ['text', 'sheet'],
  ['accent', 'ground'],
  ['accent', 'sheet'],
] as const

/**
 * The stylesheet that changes the colours.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a colour that is none, and for colours that nobody can
 * read on each other
 */
export function coloursCss(given: Colours): string {
  const own = Object.keys(given).map((name) => {
    if (Object.hasOwn(COLOURS, name)) return name as ColourName
    throw optionInvalid(
      `embed.theme has no colour "${name}". It has ${Object.keys(COLOURS).join(', ')}.`,
    )
  })
  for (const name of own) sidesOf(name, given[name])
  for (const [front, back] of PAIRS) {
    if (own.includes(front) || own.includes(back)) refuseUnreadable(front, back, given)
  }
  const rules = own.map((name) => {
    const [light, dark] = sidesOf(name, given[name])
    return `--${name}: light-dark(${light}, ${dark});`
  })
  return `:root {\n${rules.join('\n')}\n}\n`
}

function sidesOf(name: ColourName, given: Colour | undefined): readonly [string, string] {
  if (given === undefined) return COLOURS[name]
  const [light, dark, more]: readonly unknown[] = Array.isArray(given) ? given : [given, given]
  if (isColour(light) && isColour(dark) && more === undefined) return [light, dark]
  throw optionInvalid(
    `embed.theme.${name} must be a colour such as #0b5c70, or one for light and dark.`,
  )
}

function isColour(given: unknown): given is string {
  return typeof given === 'string' && /^#(?:[\da-f]{3}|[\da-f]{6})$/i.test(given)
}

function refuseUnreadable(front: ColourName, back: ColourName, given: Colours): void {
  const [fronts, backs] = [sidesOf(front, given[front]), sidesOf(back, given[back])]
  for (const side of [0, 1] as const) {
    const ratio = contrast(fronts[side], backs[side])
    if (ratio >= MIN_CONTRAST) continue
    throw optionInvalid(
      `embed.theme: ${front} ${fronts[side]} on ${back} ${backs[side]} cannot be read in ` +
        `${side === 0 ? 'light' : 'dark'}: the contrast is ${ratio.toFixed(1)}, and must be ${MIN_CONTRAST}.`,
    )
  }
}

/** The ratio of WCAG 2, from 1 to 21. */
function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

function luminance(colour: string): number {
  const digits = colour.slice(1)
  const long = digits.length === 3 ? digits.replaceAll(/./g, '$&$&') : digits
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const share = Number.parseInt(long.slice(at, at + 2), 16) / 255
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
