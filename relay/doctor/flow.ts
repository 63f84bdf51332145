import { dumpFolder } from '../../src/exit-dump/dump-folder.ts'
import { type RecorderStatus, readStatus } from '../telemetry/status.ts'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'
import type { Visit } from './visit/visit.ts'

const minutes = (ms: number) =>
  ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`

const statusOf = (visit: Visit) => visit.as(['relay', 'owner'], readStatus)

/** What waits, for how long, and whether somebody moves it. */
export const waiting: Check = {
  area: 'flow',
  what: 'lag and depth',
  as: 'relay',
  async look(visit) {
    const { depth, lagMs, lastSeq } = await statusOf(visit)
    const { maxLagMs } = visit.limits
    const waits = depth.staging + depth.outbox
    const findings: readonly Finding[] =
      lagMs <= maxLagMs
        ? []
        : [
            {
              kind: 'lag',
              severity: 'error',
              text: `${waits} entries wait, the oldest for ${minutes(lagMs)}: no relay runs, or it cannot move.`,
              remedy: {
                command: 'audit-relay run --once',
                advice: 'Its log says why it cannot. For good: "audit-relay run".',
              },
            },
          ]
    return answer(findings, `${waits} wait, ${lagMs} ms; last seq ${lastSeq}`)
  },
}

export const deadLetters: Check = {
  area: 'flow',
  what: 'dead letters',
  as: 'relay',
  async look(visit) {
    const { deadLetters: count } = await statusOf(visit)
    const findings: readonly Finding[] =
      count === 0
        ? []
        : [
            {
              kind: 'dead-letters',
              severity: 'error',
              text: `Dead letters: ${count}. The log could not take these entries, and they are in no report.`,
              remedy: {
                command: 'audit-relay dead-letters list',
                advice: 'It says why. Then "dead-letters retry --all", or "dead-letters drop".',
              },
            },
          ]
    return answer(findings, 'none')
  },
}

export const recorders: Check = {
  area: 'flow',
  what: 'recorders',
  as: 'relay',
  async look(visit) {
    const { recorders: all, gaps } = await statusOf(visit)
    const folder = dumpFolder(visit.environment['AUDIT_JOURNAL_DIR']?.trim()).path
    const accounts = all.flatMap((recorder) => [...accountOf(recorder, folder)])
    const findings = [...accounts, ...gapsOf(gaps)]
    const live = all.filter(({ state }) => state === 'live').length
    return {
      findings,
      ...(findings.length === 0 ? { said: `${live} live, no entry missing` } : {}),
    }
  },
}

function* accountOf(recorder: RecorderStatus, folder: string): Generator<Finding> {
  const { id, state, missing, declared, dropped, reportedAt } = recorder
  const undeclared = missing - declared
  if (state === 'died' || undeclared > 0) {
    yield {
      kind: state === 'died' ? 'recorder-died' : 'entries-unaccounted',
      severity: undeclared > 0 ? 'error' : 'warning',
      text:
        state === 'died'
          ? `The recorder ${id} died: its last report was at ${reportedAt ?? 'no time'}, ${missing} entries are missing, and what it accepted later is unknown.`
          : `The recorder ${id} closed, and ${undeclared} of its entries are neither logged nor dropped.`,
      remedy: {
        command: `audit-relay recover '${folder}'`,
        advice:
          'On the machine of the application, as its user: it stages what the process left on disk.',
      },
    }
  }
  const drops = Object.entries(dropped).filter(([, count]) => count > 0)
  if (drops.length > 0) {
    const reserved = (dropped['reserved'] ?? 0) > 0
    yield {
      kind: reserved ? 'reserved-drops' : 'drops',
      severity: 'warning',
      text: `The recorder ${id} dropped entries: ${drops.map(([reason, count]) => `${reason} ${count}`).join(', ')}.`,
      remedy: {
        advice: reserved
          ? "An application records actions audit.*, which are the product's own. Rename them."
          : 'See "Dropped entries" in src/README.md for each reason.',
      },
    }
  }
}

function gapsOf(gaps: number): readonly Finding[] {
  if (gaps === 0) return []
  return [
    {
      kind: 'gaps',
      severity: 'note',
      text: `Gaps declared in the log: ${gaps}. A crash or a failover emptied the fast lane.`,
      remedy: { command: 'audit-relay export --action audit.gap --out -' },
    },
  ]
}
