import type { DatabaseOptions } from '../../src/database/connection.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { FollowConsumer } from '../follow/consumer.ts'
import { type FollowStatements, openFollowStatements } from '../follow/follow-statements.ts'
import { Follower } from '../follow/follower.ts'
import { labelConsumer } from '../names/label-consumer.ts'
import { searchConsumer } from '../search/search-consumer.ts'

/** Everything that is made of the log behind the move. Each one is on where its database says so. */
const CONSUMERS: readonly ((statements: FollowStatements) => FollowConsumer)[] = [
  searchConsumer,
  labelConsumer,
]

/** The follower of a log, with all of its consumers, as a login that was granted `audit_relay`. */
export function followerOn(
  options: Pick<DatabaseOptions, 'url' | 'statementTimeoutMs'>,
  logger: AuditLogger,
): Follower {
  const statements = openFollowStatements(options)
  return new Follower({ statements, consumers: CONSUMERS.map((make) => make(statements)), logger })
}
