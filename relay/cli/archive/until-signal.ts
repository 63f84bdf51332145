import { unlessRefused } from '../command/unless-refused.ts'

const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Runs work that ends when a signal comes. The second signal quits at once.
 *
 * @returns the exit code of the signal, or that of the work; 4 where the login lacks the keeper's role
 */
export async function untilSignal(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const halt = new AbortController()
  let signalled: keyof typeof INTERRUPTED | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalled) process.exit(INTERRUPTED[signalled])
    signalled = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    halt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    return await unlessRefused(() => work(halt.signal))
  } catch (error) {
    if (!signalled) throw error
    process.stderr.write('audit-relay: interrupted.\n')
    return INTERRUPTED[signalled]
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}
