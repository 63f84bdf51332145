import fs from 'node:fs'
import os from 'node:os'

/**
 * The logger methods that the library calls. pino, Fastify's logger and most others fit unchanged.
 */
export interface AuditLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

type Level = keyof AuditLogger

/** pino's numbers. Like pino, the plain logger leaves `debug` out. */
const LEVELS = { info: 30, warn: 40, error: 50 } as const

/** How many lines wait for pino at most. The others are written plainly at once. */
const MAX_WAITING = 100

const waiting: (() => void)[] = []
let makePino: ((options: { name: string }) => AuditLogger) | undefined
let loading: Promise<void> | undefined
/** Lines are written at once: pino is loaded, cannot be loaded, or would come too late. */
let isSettled = false

/**
 * Wraps the host's logger, or a pino logger with this name, so that a logger that throws does
 * not break the library.
 */
export function guardLogger(logger: AuditLogger | undefined, name: string): AuditLogger {
  const target = logger ?? defaultLogger(name)
  const guarded =
    (level: Level) =>
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

/**
 * A pino logger. Pino is loaded with the first line, because a process that logs nothing does not
 * need it, and because a bundle of ES modules cannot run it: it calls `require()`. Where it does not
 * load, the lines are the same JSON without it.
 */
function defaultLogger(name: string): AuditLogger {
  const plain = plainLogger(name)
  let own: AuditLogger | undefined
  const write =
    (level: Level) =>
    (fields: object, message: string): void => {
      const now = () => {
        if (makePino) own ??= makePino({ name })
        const target = own ?? plain
        target[level](fields, message)
      }
      if (isSettled || waiting.length >= MAX_WAITING) {
        now()
      } else {
        waiting.push(now)
        load()
      }
    }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

function load(): void {
  if (loading) return
  process.once('exit', writeWaiting)
  loading = import('pino')
    .then(({ pino }) => {
      pino({ level: 'silent' }) // where a bundler has broken it, this throws
      makePino = pino
    })
    .catch(() => {})
    .then(writeWaiting)
}

function writeWaiting(): void {
  process.off('exit', writeWaiting)
  isSettled = true
  for (const write of waiting.splice(0)) {
    try {
      write()
    } catch {
      // There is nowhere else to report it.
    }
  }
}

function plainLogger(name: string): AuditLogger {
  const write =
    (level: keyof typeof LEVELS) =>
    (fields: object, msg: string): void => {
      const { pid } = process
      const hostname = os.hostname()
      const line = { level: LEVELS[level], time: Date.now(), pid, hostname, name, ...fields, msg }
      fs.writeSync(process.stdout.fd, `${JSON.stringify(line)}\n`)
    }
  return { debug() {}, info: write('info'), warn: write('warn'), error: write('error') }
}
