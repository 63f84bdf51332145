import type { Mutant } from './mutant.ts'
import { EXPORT_MUTANTS } from './export-mutants.ts'
import { EXIT_DUMP_MUTANTS } from './exit-dump-mutants.ts'
import { FRAMEWORK_MUTANTS } from './framework-mutants.ts'
import { PAGE_MUTANTS } from './page-mutants.ts'
import { READ_MUTANTS } from './read-mutants.ts'
import { RECORDER_MUTANTS } from './recorder-mutants.ts'
import { REDACT_MUTANTS } from './redact-mutants.ts'
import { RELAY_MUTANTS } from './relay-mutants.ts'
import { SCHEMA_MUTANTS } from './schema-mutants.ts'

/** By area, in the order of an entry's way. */
export const AREAS: Readonly<Record<string, readonly Mutant[]>> = {
  recorder: RECORDER_MUTANTS,
  redact: REDACT_MUTANTS,
  'exit-dump': EXIT_DUMP_MUTANTS,
  schema: SCHEMA_MUTANTS,
  relay: RELAY_MUTANTS,
  ...READ_MUTANTS,
  export: EXPORT_MUTANTS,
  frameworks: FRAMEWORK_MUTANTS,
  page: PAGE_MUTANTS,
}

export const MUTANTS: readonly Mutant[] = Object.values(AREAS).flat()
