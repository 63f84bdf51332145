import type { TestContext } from 'node:test'
import { scratchDatabase } from '../support/database.ts'
import { appendToLog, type GivenEntry } from '../support/log-entries.ts'
import { pageOn, readerOn, rowIds } from '../support/pages.ts'
import { ASKED_MS, findByName, type Label, LABELS, NAMES, SMALL_LOG } from './small-log.ts'

type Options = Parameters<typeof pageOn>[1]

/** The small log on a page, as of the moment at which the questions are asked. */
export async function smallLogPage(t: TestContext, options: Options = {}) {
  t.mock.timers.enable({ apis: ['Date'], now: ASKED_MS })
  const scratch = await scratchDatabase(t)
  const ids = await appendToLog(
    scratch.sql,
    LABELS.map((label): GivenEntry => SMALL_LOG[label]),
  )
  const names = async () => NAMES
  const page = pageOn(readerOn(t, scratch), { names, find: findByName, ...options })
  const labels = new Map<string, Label>()
  for (const [at, label] of LABELS.entries()) labels.set(ids[at] ?? '', label)
  const labelOf = (id: string) => labels.get(id)
  const shown = (html: string) => rowIds(html).map(labelOf)
  const ask = async (q: string, more = '') => await page.text(`?q=${encodeURIComponent(q)}${more}`)
  const idOf = (label: Label) => ids[LABELS.indexOf(label)] ?? ''
  return { ...page, scratch, shown, ask, idOf, labelOf }
}
