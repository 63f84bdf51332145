import { createHash } from 'node:crypto'

// Values for the records of `systems-*.ts`. Each number gives other ones, the same in every run.

const NAMES = [
  'Ada Lovelace',
  'Zoë Müller',
  '佐藤 花子',
  "Sinéad O'Connor",
  'אבי כהן',
  'Emeka "Mek" Byrne',
  'Ana-María Pérez-Ñúñez',
  '👩‍🚀 Sally',
] as const

export function pick<Item>(from: readonly Item[], n: number): Item {
  return from[n % from.length] as Item
}

export const nameOf = (n: number) => pick(NAMES, n)
export const mailOf = (n: number) => `user${n}@example.${pick(['com', 'org', 'co.uk'], n)}`

/** As many hexadecimal digits, up to 64. */
export function hex(n: number, digits: number, what = ''): string {
  return createHash('sha256').update(`${what}${n}`).digest('hex').slice(0, digits)
}

export function uuid(n: number, what = ''): string {
  const digits = hex(n, 32, what)
  const parts = [8, 12, 16, 20, 32].map((to, at, ends) => digits.slice(ends[at - 1] ?? 0, to))
  return parts.join('-').replace(/-(.)(.{3})-(.)/, '-4$2-a')
}

/** A moment of 2025, with as many digits behind the second. */
export function time(n: number, digits = 0): string {
  const ms = Date.UTC(2025, n % 12, (n % 28) + 1, n % 24, (n * 7) % 60, (n * 13) % 60)
  const whole = new Date(ms).toISOString().slice(0, 19)
  return digits === 0 ? `${whole}Z` : `${whole}.${hex(n, 40).replace(/\D/g, '7').slice(0, digits)}Z`
}

export const unixMs = (n: number) => Date.parse(time(n)) + (n % 1_000)

export function address(n: number): string {
  return n % 3 === 0
    ? `2001:db8::${hex(n, 4)}`
    : `${pick(['203.0.113', '198.51.100'], n)}.${n % 250}`
}

const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'aws-cli/2.15.30 Python/3.11.8 Linux/6.1 exe/x86_64.amzn.2023 prompt/off command/s3.cp',
  'kubectl/v1.29.2 (linux/amd64) kubernetes/4b8e819',
  '',
] as const
export const agentOf = (n: number) => pick(AGENTS, n)
