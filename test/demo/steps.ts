import { COLUMNS, cut, dim, green, isLive, overwrite, red, say, took } from './terminal.ts'

const SLOW_MS = 1_000

/** What a step made, the text of its line, and whether that is good news. */
export type StepResult<T> = readonly [made: T, done: string, isFine?: boolean]

let isOver = false

/** Everything is ending: no further step begins, and what fails meanwhile is not worth a line. */
export function endSteps(): void {
  isOver = true
}

/**
 * One step of the demo, with a line for what came of it and how long it took. In a terminal its
 * line is there from the start; elsewhere one is written beforehand where it takes over a second.
 */
export async function step<T>(doing: string, work: () => Promise<StepResult<T>>): Promise<T> {
  if (isOver) return never()
  const startedMs = performance.now()
  const announcement = `  ${dim('·')} ${doing} …`
  if (isLive) overwrite(announcement)
  const sayIt = () => {
    if (!isOver) say(announcement)
  }
  const slow = isLive ? undefined : setTimeout(sayIt, SLOW_MS)
  try {
    const [made, done, isFine = true] = await work()
    if (isOver) return never()
    const time = took(performance.now() - startedMs)
    const mark = isFine ? green('✔') : red('✖')
    const text = cut(done, COLUMNS - 14).padEnd(COLUMNS - 13)
    finish(`  ${mark} ${text}${dim(time.padStart(8))}`)
    return made
  } catch (error) {
    if (isOver) return never()
    finish(`  ${red('✖')} ${doing}`)
    throw error
  } finally {
    clearTimeout(slow)
  }
}

/** Something worth knowing between the steps. */
export function note(text: string): void {
  // Broken where there is a space; a long path stays whole, to be copied.
  const lines = text.match(/\S.{0,94}(?=\s|$)|\S+/g) ?? []
  finish(lines.map((line) => `    ${dim(line)}`).join('\n'))
}

function finish(line: string): void {
  if (isLive) overwrite(`${line}\n`)
  else say(line)
}

function never(): Promise<never> {
  return new Promise(() => {})
}
