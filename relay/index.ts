export type { RelayHealth } from './move/health.ts'
export {
  createRelay,
  type DrainOptions,
  type DrainResult,
  type Relay,
} from './move/relay.ts'
export type { RelayOptions } from './move/relay-options.ts'
export type { RelayStats } from './move/relay-counters.ts'
export { readStatus, type RecorderStatus, type Status } from './telemetry/status.ts'
