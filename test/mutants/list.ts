import type { Mutant } from './mutant.ts'
import { API_MUTANTS } from './api-mutants.ts'
import { ARCHIVE_MUTANTS } from './archive-mutants.ts'
import { EMBED_MUTANTS } from './embed-mutants.ts'
import { ERASE_MUTANTS } from './erase-mutants.ts'
import { EXPORT_MUTANTS } from './export-mutants.ts'
import { EXIT_DUMP_MUTANTS } from './exit-dump-mutants.ts'
import { FRAMEWORK_MUTANTS } from './framework-mutants.ts'
import { HISTORY_MUTANTS } from './history-mutants.ts'
import { IMPORT_MUTANTS } from './import-mutants.ts'
import { LIFE_MUTANTS } from './life-mutants.ts'
import { NAMES_MUTANTS } from './names-mutants.ts'
import { PAGE_MUTANTS } from './page-mutants.ts'
import { PROJECTION_MUTANTS } from './projection-mutants.ts'
import { QUERY_MUTANTS } from './query-mutants.ts'
import { POLICY_MUTANTS } from './policy-mutants.ts'
import { PROOF_MUTANTS } from './proof-mutants.ts'
import { READ_MUTANTS } from './read-mutants.ts'
import { RECORDER_MUTANTS } from './recorder-mutants.ts'
import { REDACT_MUTANTS } from './redact-mutants.ts'
import { RELAY_MUTANTS } from './relay-mutants.ts'
import { RETENTION_MUTANTS } from './retention-mutants.ts'
import { SEARCH_MUTANTS } from './search-mutants.ts'
import { SEAL_MUTANTS } from './seal-mutants.ts'
import { SEALER_MUTANTS } from './sealer-mutants.ts'
import { SCHEMA_MUTANTS } from './schema-mutants.ts'
import { VERIFY_MUTANTS } from './verify-mutants.ts'
import { VIEWS_MUTANTS } from './views-mutants.ts'

/** By area, in the order of an entry's way. */
export const AREAS: Readonly<Record<string, readonly Mutant[]>> = {
  recorder: RECORDER_MUTANTS,
  redact: REDACT_MUTANTS,
  'exit-dump': EXIT_DUMP_MUTANTS,
  schema: SCHEMA_MUTANTS,
  relay: RELAY_MUTANTS,
  life: LIFE_MUTANTS,
  policies: POLICY_MUTANTS,
  retention: RETENTION_MUTANTS,
  erase: ERASE_MUTANTS,
  archive: ARCHIVE_MUTANTS,
  verify: VERIFY_MUTANTS,
  import: IMPORT_MUTANTS,
  ...READ_MUTANTS,
  names: NAMES_MUTANTS,
  query: QUERY_MUTANTS,
  history: HISTORY_MUTANTS,
  search: SEARCH_MUTANTS,
  export: EXPORT_MUTANTS,
  seal: [...SEAL_MUTANTS, ...SEALER_MUTANTS],
  proof: PROOF_MUTANTS,
  frameworks: FRAMEWORK_MUTANTS,
  projection: PROJECTION_MUTANTS,
  page: PAGE_MUTANTS,
  views: VIEWS_MUTANTS,
  api: API_MUTANTS,
  embed: EMBED_MUTANTS,
}

export const MUTANTS: readonly Mutant[] = Object.values(AREAS).flat()
