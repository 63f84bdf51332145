const CENSOR = '[Redacted]'

/** An entry's metadata in a few words, censored values first: `primaryColor #1d4ed8 → #be123c`. */
export function inWords(metadata: Readonly<Record<string, unknown>>): string {
  const said = Object.entries(metadata).flatMap(([key, value]) => phrases(key, value))
  const isCensored = (phrase: string) => phrase.includes(CENSOR)
  return [...said.filter(isCensored), ...said.filter((phrase) => !isCensored(phrase))].join(', ')
}

function phrases(key: string, value: unknown): string[] {
  if (value === null || value === '') return []
  if (typeof value !== 'object') return [`${key} ${String(value)}`]
  if ('from' in value && 'to' in value) {
    return [`${key} ${plain(value.from)} → ${plain(value.to)}`]
  }
  if (Array.isArray(value)) return [`${key} ${JSON.stringify(value)}`]
  return Object.entries(value).flatMap(([inner, its]) => phrases(`${key}.${inner}`, its))
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
