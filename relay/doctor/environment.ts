import fs from 'node:fs/promises'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'

export const stateDir: Check = {
  area: 'settings',
  what: 'AUDIT_STATE_DIR',
  async look({ environment }) {
    const folder = environment['AUDIT_STATE_DIR']?.trim()
    if (!folder) {
      return {
        findings: [
          {
            kind: 'no-state-dir',
            severity: 'note',
            text: 'AUDIT_STATE_DIR is not set here: a relay remembers the last entry in memory only, and a restore during its restart goes unnoticed.',
            remedy: {
              command: 'export AUDIT_STATE_DIR=/var/lib/audit-relay',
              advice: 'In the environment of the relay; its user must own the folder.',
            },
          },
        ],
      }
    }
    const findings: Finding[] = []
    const problem = await fs.access(folder, fs.constants.R_OK | fs.constants.W_OK).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    if (problem) {
      findings.push({
        kind: 'state-dir',
        severity: 'warning',
        text: `AUDIT_STATE_DIR: ${folder} cannot be read and written by this user (${problem}).`,
        remedy: {
          command: `mkdir -p -m 700 '${folder.replaceAll("'", "'\\''")}'`,
          advice: 'As the user of the relay.',
        },
      })
    }
    return answer(findings, folder)
  },
}
