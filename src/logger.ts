import { pino } from 'pino'

/**
 * The logger methods that the library calls. pino, Fastify's logger and most others fit unchanged.
 */
export interface AuditLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * Wraps the host's logger, or a new pino logger with this name, so that a logger that throws does
 * not break the library.
 */
export function guardLogger(logger: AuditLogger | undefined, name: string): AuditLogger {
  const target = logger ?? pino({ name })
  const guarded =
    (level: keyof AuditLogger) =>
    (fields: object, message: string): void => {
      try {
        target[level](fields, message)
      } catch {
        // There is nowhere else to report it.
      }
    }
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  }
}
