export type { RelayHealth } from './move/health.ts'
export {
  createRelay,
  type DrainOptions,
  type DrainResult,
  type Relay,
} from './move/relay.ts'
export type { RelayOptions } from './move/relay-options.ts'
export type { Anchor } from './seal/anchors/anchor.ts'
export type { LogSealReport } from './seal/log-seal.ts'
export type { SealOptions } from './seal/seal-options.ts'
export type { RelayStats } from './move/relay-counters.ts'
export type { Finding, FindingKind } from './seal/verify/finding.ts'
export { verifyLog } from './seal/verify/verify-log.ts'
export type {
  VerifyOptions,
  VerifyProgress,
  VerifyReport,
} from './seal/verify/verify-report.ts'
export { readStatus, type RecorderStatus, type Status } from './telemetry/status.ts'
