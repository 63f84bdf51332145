import type { Attack } from './attack.ts'
import { historyPart } from './history.ts'
import { ids } from './ids-and-time.ts'
import { lanes } from './lanes.ts'
import { locks } from './locks.ts'
import { page } from './page.ts'
import { partitions } from './partitions.ts'
import { policies } from './policies.ts'
import { privileges } from './privileges.ts'
import { recorders } from './recorders-and-reports.ts'
import { reserved } from './reserved-entries.ts'
import { resources } from './resources.ts'
import { restore } from './restore.ts'
import { searchPath } from './search-path.ts'
import { tokens } from './tokens.ts'

/** The attacks by kind, in the order in which they are played. */
export const PARTS: Readonly<Record<string, readonly Attack[]>> = {
  privileges,
  'search-path': searchPath,
  lanes,
  'ids-and-time': ids,
  'reserved-entries': reserved,
  'recorders-and-reports': recorders,
  locks,
  partitions,
  page,
  tokens,
  policies,
  history: historyPart,
  restore,
  resources,
}
