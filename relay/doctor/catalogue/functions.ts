import {
  differingFunctions,
  expectedFunctions,
  FUNCTIONS_QUERY,
} from '../../../src/schema/compared/functions.ts'
import { series } from '../../../src/schema/series.ts'
import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'

/** Each function as the migrations have it, and no other one. */
export const functions: Check = {
  area: 'schema',
  what: 'functions',
  as: 'owner',
  async look(visit) {
    const { missing, changed, strange } = differingFunctions(
      await visit.rows(FUNCTIONS_QUERY),
      series(),
    )
    const findings = [
      ...missing.map(
        ({ name }): Finding => ({
          kind: 'function-missing',
          severity: 'error',
          text: `The function audit.${name} is missing.`,
          remedy: { command: 'audit-relay migrate' },
        }),
      ),
      ...changed.map(
        ({ name }): Finding => ({
          kind: 'function-differs',
          severity: 'error',
          text: `The function audit.${name} is not the one of this package: its text or its settings were changed.`,
          remedy: { command: 'audit-relay migrate' },
        }),
      ),
      ...strange.map(
        (signature): Finding => ({
          kind: 'function-strange',
          severity: 'warning',
          text: `The function ${signature} is not of this package.`,
          remedy: { sql: `drop function ${signature};` },
        }),
      ),
    ]
    return answer(findings, `${expectedFunctions(series()).length}, with the text of this package`)
  },
}
