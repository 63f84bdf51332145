import { AuditError } from '../../src/errors.ts'
import { databaseUrlFor } from '../../src/options.ts'
import { SqlNames } from '../names/sql-names.ts'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'

/** The statements by which the page of the relay looks up names. */
export const nameSettings: Check = {
  area: 'settings',
  what: 'AUDIT_NAMES_SQL, AUDIT_FIND_SQL',
  as: 'reader',
  async look({ environment }) {
    const namesSql = environment['AUDIT_NAMES_SQL']?.trim() || undefined
    const findSql = environment['AUDIT_FIND_SQL']?.trim() || undefined
    const url = databaseUrlFor('reader', undefined, environment)
    if ((namesSql === undefined && findSql === undefined) || url === undefined) {
      return answer([], 'not set')
    }
    const names = new SqlNames({ url, namesSql, findSql })
    try {
      await names.check()
      return answer([], 'they can be run')
    } catch (error) {
      if (!(error instanceof AuditError) || error.code !== 'AUDIT_OPTION_INVALID') throw error
      const finding: Finding = {
        kind: 'names-sql',
        severity: 'error',
        text: error.message,
        remedy: { advice: 'Change the setting: until then the relay does not serve its page.' },
      }
      return { findings: [finding] }
    } finally {
      await names.close()
    }
  },
}
