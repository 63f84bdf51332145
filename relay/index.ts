export type { RelayHealth } from './move/health.ts'
export {
  createRelay,
  type DrainOptions,
  type DrainResult,
  type Relay,
  type RelayOptions,
  type RelayStats,
} from './move/relay.ts'
export { readStatus, type RecorderStatus, type Status } from './telemetry/status.ts'
