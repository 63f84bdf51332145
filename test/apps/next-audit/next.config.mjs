export default {
  // pino and the driver of Postgres are not bundled.
  serverExternalPackages: ['audit-outbox'],
  outputFileTracingRoot: import.meta.dirname,
}
