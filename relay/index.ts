export type { RelayHealth } from './health.ts'
export {
  createRelay,
  type DrainOptions,
  type DrainResult,
  type Relay,
  type RelayOptions,
  type RelayStats,
} from './relay.ts'
export { readStatus, type RecorderStatus, type Status } from './status.ts'
