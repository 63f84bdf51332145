/** Runs checks one after the other, says what came of each, and goes on after one that failed. */
export class Checks {
  readonly failed: string[] = []
  readonly #beganMs = performance.now()

  /** @param work may return what is worth saying of it */
  async run(what: string, work: () => Promise<unknown>): Promise<void> {
    const beganMs = performance.now()
    try {
      const said = await work()
      console.log(
        `  ✔ ${what} (${secondsSince(beganMs)} s)${typeof said === 'string' ? `: ${said}` : ''}`,
      )
    } catch (error) {
      this.failed.push(what)
      console.log(`  ✗ ${what} (${secondsSince(beganMs)} s)`)
      const text = error instanceof Error ? error.message : String(error)
      console.log(text.replaceAll(/^/gm, '      '))
    }
  }

  /** @returns the exit code */
  conclude(): number {
    const { length } = this.failed
    const verdict = length === 0 ? 'All is well' : `${length} failed: ${this.failed.join('; ')}`
    console.log(`\n${verdict}, after ${secondsSince(this.#beganMs)} s`)
    return length === 0 ? 0 : 1
  }
}

function secondsSince(beganMs: number): string {
  return ((performance.now() - beganMs) / 1_000).toFixed(1)
}
