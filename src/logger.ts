import { pino } from 'pino'

/** What we need of a logger. pino, Fastify's and most others fit as they are. */
export interface AuditLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The host's logger, guarded: a logger that throws must not become our failure. */
export function guardLogger(logger: AuditLogger | undefined, name: string): AuditLogger {
  const target = logger ?? pino({ name })
  const guarded =
    (level: keyof AuditLogger) =>
    (fields: object, message: string): void => {
      try {
        target[level](fields, message)
      } catch {
        // There is nobody left to tell.
      }
    }
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  }
}
