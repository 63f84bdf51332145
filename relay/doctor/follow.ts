import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'

/** Longer than a consumer takes to begin, and to make again what was erased. */
const LATE_MS = 300_000
/** More entries than a consumer leaves waiting. */
const MANY = 16_384

/** How far what is made of the log behind the move is, such as the search. */
export const follow: Check = {
  area: 'flow',
  what: 'behind the move',
  as: 'relay',
  async look(visit) {
    const rows = await visit.rows(
      `select f.consumer, (f.head - f.seq)::text as waiting,
         (extract(epoch from clock_timestamp() - coalesce(f.moved_at, f.begun_at)) * 1000)::text as idle_ms
       from audit.follow_state() as f`,
      [],
      ['relay'],
    )
    const findings = rows
      .filter(({ waiting, idle_ms }) => Number(waiting) > MANY && Number(idle_ms) > LATE_MS)
      .map(
        ({ consumer, waiting, idle_ms }): Finding => ({
          kind: 'follow-late',
          severity: 'warning',
          text: `What the relay makes for "${String(consumer)}" lacks ${String(waiting)} entries, and has come no further for ${Math.round(Number(idle_ms) / 60_000)} minutes.`,
          remedy: { advice: 'A relay of this version has to run. Look into its log.' },
        }),
      )
    const said = rows.map(({ consumer, waiting }) => `${String(consumer)}: ${String(waiting)} wait`)
    return answer(findings, said.length === 0 ? 'off: nothing is made of the log' : said.join(', '))
  },
}
