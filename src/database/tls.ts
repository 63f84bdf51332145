import { once } from 'node:events'
import net from 'node:net'
import { databaseFault } from '../errors.ts'

/** The modes in which the driver does without TLS; with any other one it speaks TLS or fails. */
const NEEDS_NO_TLS = /^(?:|disable|prefer|false)$/
/** The code of such a failure, in place of that of the broken connection. */
export const TLS_NOT_OFFERED = 'TLS_NOT_OFFERED'
/** How a connection ends on which one side speaks TLS and the other does not. */
const BROKEN = /^(?:ECONNRESET|EPIPE|EPROTO|CONNECTION_CLOSED|CONNECTION_ENDED|ERR_SSL_.*)$/
const PROBE_TIMEOUT_MS = 2_000
/** The first message of a client that wants TLS: its length, and a code in place of a version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const NO = 'N'

/**
 * Finds out whether a connection broke because the URL demands TLS and the server offers none. The
 * driver speaks TLS to such a server all the same, and the server hangs up.
 *
 * @returns undefined where that is not the reason
 */
export async function tlsHint(url: string, error: unknown): Promise<string | undefined> {
  if (!BROKEN.test(databaseFault(error).code)) return undefined
  if (!URL.canParse(url)) return undefined // of several hosts
  const { searchParams, hostname, port } = new URL(url)
  const mode = searchParams.get('sslmode') ?? searchParams.get('ssl') ?? ''
  if (NEEDS_NO_TLS.test(mode)) return undefined
  const answer = await askForTls(hostname.replaceAll(/[[\]]/g, ''), Number(port || 5432))
  if (answer !== NO) return undefined
  return (
    `The database URL demands TLS (sslmode=${mode}), and the server offers none. Turn TLS on at the ` +
    'server, or take sslmode out of the URL.'
  )
}

/** The server's answer, one letter. Undefined where it gives none. */
async function askForTls(host: string, port: number): Promise<string | undefined> {
  const socket = net.connect({ host, port, timeout: PROBE_TIMEOUT_MS })
  socket.on('timeout', () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'connect')
    socket.write(SSL_REQUEST)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    return bytes.toString('latin1', 0, 1)
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}
