// The tables as Drizzle knows them. What it cannot say stands in the migration 0002_log_and_lanes.
export { auditSchema } from './tables/columns.ts'
export * from './tables/log.ts'
export * from './tables/lanes.ts'
export * from './tables/years.ts'
export * from './tables/seal.ts'
export * from './tables/follow.ts'
export * from './tables/tokens.ts'
export * from './tables/labels.ts'
