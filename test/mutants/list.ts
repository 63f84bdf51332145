import type { Mutant } from './mutant.ts'
import { RECORDER_MUTANTS } from './recorder-mutants.ts'
import { RELAY_MUTANTS } from './relay-mutants.ts'
import { SCHEMA_MUTANTS } from './schema-mutants.ts'

export const MUTANTS: readonly Mutant[] = [...RELAY_MUTANTS, ...RECORDER_MUTANTS, ...SCHEMA_MUTANTS]
