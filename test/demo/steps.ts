import { COLUMNS, cut, dim, green, isLive, overwrite, red, say, took } from './terminal.ts'

const SLOW_MS = 1_000

/** What a step made, the text of its line, and whether the step succeeded. */
export type StepResult<T> = readonly [made: T, done: string, isFine?: boolean]

let isOver = false

/** Stops the steps: no further step begins, and failures are no longer printed. */
export function endSteps(): void {
  isOver = true
}

/**
 * Runs one step of the demo and prints a line with its result and duration. A terminal shows a line
 * from the start. Other outputs get an extra line if the step takes over a second.
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

/** Prints a note between the steps. */
export function note(text: string): void {
  // Broken only at spaces, so that a long path stays whole and can be copied.
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
