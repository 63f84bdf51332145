import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Frame, Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/**
 * What axe finds wrong with what is shown, for people who do not see it as others do.
 *
 * @param place a page, or the page in a frame
 */
export async function findings(place: Page | Frame): Promise<readonly string[]> {
  await place.evaluate(AXE)
  const { violations } = await place.evaluate<{ violations: readonly Violation[] }>('axe.run()')
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
}
