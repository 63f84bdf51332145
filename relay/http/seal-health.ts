import type { LogSealReport } from '../seal/log-seal.ts'

/** Whether this process seals the log, and why not. */
export interface SealHealth {
  readonly sealing: boolean
  /**
   * - `off`: it has no key.
   * - `refused`: the database is not the one that it sealed, until a person has looked.
   * - `forked`: an anchor knows another log under this name.
   *
   * Undefined where it seals.
   */
  readonly reason: 'off' | 'refused' | 'forked' | undefined
  readonly hint: string | undefined
}

const OFF = 'This process has no seal key: set AUDIT_SEAL_KEY_FILE.'

/** An entry that waits to be sealed makes it no redder: `audit_seal_lag_seconds` has its age. */
export function sealHealth(report: LogSealReport | undefined): SealHealth {
  if (report === undefined) return { sealing: false, reason: 'off', hint: OFF }
  if (report.refusal !== null) return { sealing: false, reason: 'refused', hint: report.refusal }
  const forked = report.anchors.find(({ isForked }) => isForked)
  if (forked === undefined) return { sealing: true, reason: undefined, hint: undefined }
  const hint = `The anchor ${forked.name} knows another log under this name: compare its checkpoint with yours.`
  return { sealing: false, reason: 'forked', hint }
}
