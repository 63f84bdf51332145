import { diagnose } from '../../relay/doctor/doctor.ts'
import { type Finding, findingsOf, type Report } from '../../relay/doctor/visit/finding.ts'
import { RELAY_LIMITS, resolveLimits } from '../../src/options.ts'
import type { ScratchDatabase } from './database.ts'

export type Urls = Readonly<Record<string, string>>

/** A login for each role, as README tells a team to make them. */
export function urlsOf({ urlAs }: ScratchDatabase): Urls {
  return {
    AUDIT_OWNER_DATABASE_URL: urlAs('audit_owner'),
    AUDIT_RELAY_DATABASE_URL: urlAs('audit_relay'),
    AUDIT_APP_DATABASE_URL: urlAs('audit_app'),
    AUDIT_READER_DATABASE_URL: urlAs('audit_reader'),
    AUDIT_KEEPER_DATABASE_URL: urlAs('audit_keeper'),
    AUDIT_ERASER_DATABASE_URL: urlAs('audit_eraser'),
  }
}

export async function examineWith(environment: Urls): Promise<Report> {
  const limits = resolveLimits<keyof typeof RELAY_LIMITS>(RELAY_LIMITS, {}, environment)
  return await diagnose({ environment, limits })
}

/** What the server for tests has on purpose: it is fast, and forgets what a crash of it loses. */
const OF_TEST_SERVER: ReadonlySet<string> = new Set(['fsync-off', 'full-page-writes-off', 'disk'])

/** The findings that are about the database, without notes. */
export async function faultsOf(environment: Urls): Promise<readonly Finding[]> {
  const found = findingsOf(await examineWith(environment))
  return found.filter(({ kind, severity }) => severity !== 'note' && !OF_TEST_SERVER.has(kind))
}
