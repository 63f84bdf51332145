import { AuditError } from '../../src/errors.ts'
import { fileMemory } from '../seal/memory.ts'
import { readSeal, stateDirOf } from '../seal/seal-environment.ts'
import { hasSealKey } from '../seal/seal-keys.ts'
import type { Environment } from '../config.ts'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'

/** Longer than the sealer's lag, and than a pause of it while a backlog is moved. */
const LATE_MS = 120_000

/** The triggers by which the tables of the seal only grow. */
export const sealGuards: Check = {
  area: 'log',
  what: 'guards of the seal',
  async look(visit) {
    const rows = await visit.rows(
      `select c.oid::regclass::text as name
       from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
       cross join unnest(array['audit_seal_row', 'audit_seal_truncate']) as wanted (name)
       where n.nspname = 'audit' and c.relname in (
           'audit_origin', 'audit_tile', 'audit_salt', 'audit_checkpoint', 'audit_cosignature')
         and not exists (
           select from pg_trigger as g where g.tgrelid = c.oid and g.tgname = wanted.name
             and g.tgenabled = 'A' and g.tgfoid = to_regprocedure('audit.guard_seal()'))
       group by c.oid order by 1`,
    )
    const findings = rows.map(
      ({ name }): Finding => ({
        kind: 'seal-guard-off',
        severity: 'error',
        text: `${name} lacks a trigger, or it is disabled: rows of the seal can be changed or deleted.`,
        remedy: { command: 'audit-relay migrate' },
      }),
    )
    return answer(findings, 'all there')
  },
}

/** How far the log is sealed, and whether the sealer's memory fits to it. */
export const seal: Check = {
  area: 'flow',
  what: 'seal',
  as: 'relay',
  async look(visit) {
    const { environment } = visit
    const found = await visit.row(
      `select f.name, f.size::text as size, f.unsealed::text as unsealed, f.lag_ms::text as lag_ms,
         s.origin, s.origin_history is distinct from s.history as is_other_history
       from audit.seal_figures() as f cross join audit.seal_state(0) as s`,
      [],
      ['relay'],
    )
    const isSealed = found['name'] !== null
    const findings: Finding[] = [...(await keyOf(environment))]
    if (isSealed && found['is_other_history'] === true) findings.push(undeclared)
    const lagMs = Number(found['lag_ms'])
    if (isSealed && lagMs > LATE_MS) {
      findings.push({
        kind: 'seal-late',
        severity: 'warning',
        text: `The oldest of ${found['unsealed']} entries has waited ${Math.round(lagMs / 1_000)} s to be sealed.`,
        remedy: {
          command: 'audit-relay seal --once',
          advice: 'It says why not. Then look into the log of what seals.',
        },
      })
    }
    const origin = Number(found['origin'])
    findings.push(...(await memoryOf(environment, { origin, size: Number(found['size']) })))
    const said = isSealed ? `${found['name']}: ${found['size']} entries` : 'off: nothing is sealed'
    return answer(findings, said)
  },
}

async function keyOf(environment: Environment): Promise<readonly Finding[]> {
  if (!hasSealKey(environment)) return []
  const problem = await readSeal(environment).then(
    () => undefined,
    (error: unknown) => (error instanceof AuditError ? error.message : String(error)),
  )
  if (problem === undefined) return []
  return [
    {
      kind: 'seal-key',
      severity: 'error',
      text: `The seal key cannot be used. ${problem}`,
      remedy: { advice: 'See "Seal" in relay/README.md.' },
    },
  ]
}

const undeclared: Finding = {
  kind: 'seal-undeclared',
  severity: 'error',
  text: 'The log has begun a new history, as on another server, and nothing is sealed in it until somebody declares it.',
  remedy: {
    command: 'audit-relay restored',
    advice: 'Once you know that the database is where it should be.',
  },
}

/** Where the memory is ahead, the database is an older copy. */
async function memoryOf(
  environment: Environment,
  tree: { readonly origin: number; readonly size: number },
): Promise<readonly Finding[]> {
  const folder = stateDirOf(environment)
  if (folder === undefined || !hasSealKey(environment)) return []
  const memory = await fileMemory(folder)
    .load()
    .catch(() => undefined) // the check of the key has said it
  if (memory === undefined) return []
  const isBehind =
    memory.origin > tree.origin || (memory.origin === tree.origin && memory.size > tree.size)
  if (!isBehind) return []
  return [
    {
      kind: 'seal-behind',
      severity: 'error',
      text: `The sealer has sealed ${memory.size} entries as ${memory.name}, and the database knows less: it is an older copy, or somebody cut it.`,
      remedy: {
        command: 'audit-relay restored',
        advice:
          'Only where it was restored on purpose. Else compare it with what the anchors have.',
      },
    },
  ]
}
