import type postgres from 'postgres'
import { verifyLog } from '../../relay/seal/verify/verify-log.ts'
import type { AuditDatabase } from '../../src/database/callers-database.ts'
import { disableTriggers, type Scene } from './scene.ts'
import type { Expected, Tampering } from './tampering.ts'

export interface Played {
  readonly anchored: Outcome
  readonly alone: Outcome
}

export interface Outcome {
  readonly code: number
  readonly kinds: readonly string[]
  /** The first words of what was found. */
  readonly text: string
  readonly isExpected: boolean
}

/** No entry of a scene is late for its seal, however slow the machine is. */
const PATIENT_MS = 3_000_000

/** Plays a tampering in a transaction, verifies the log inside of it, and rolls it back. */
export async function play(sql: postgres.Sql, scene: Scene, tampering: Tampering): Promise<Played> {
  const session = await sql.reserve()
  try {
    await session`begin`
    await disableTriggers(session)
    await tampering.play(session, scene)
    const notes = (await tampering.notes?.(scene)) ?? scene.notes
    const policy = tampering.policy?.(scene) ?? scene.policy
    const look = async (anchor: string | undefined, expected: Expected): Promise<Outcome> => {
      const report = await verifyLog(inside(session), { policy, anchor, maxLagMs: PATIENT_MS })
      const kinds = Object.keys(report.counts).sort()
      const isExpected =
        report.code === expected.code && kinds.join(' ') === expected.kinds.join(' ')
      return { code: report.code, kinds, text: report.findings[0]?.text ?? '', isExpected }
    }
    return {
      anchored: await look(notes.join('\n'), tampering.anchored),
      alone: await look(undefined, tampering.alone),
    }
  } finally {
    await session`rollback`
    session.release()
  }
}

/** The session as a database that `verifyLog` reads: it sees the transaction's own changes. */
function inside(session: postgres.ReservedSql): AuditDatabase {
  return {
    query: async (text, params) => ({ rows: await session.unsafe(text, params as never[]) }),
  }
}
