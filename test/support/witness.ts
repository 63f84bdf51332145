import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { keyId, vkeyOf, WITNESS_KEY } from '../../src/seal/key.ts'
import { type Checkpoint, openCheckpoint, openNote } from '../../src/seal/note.ts'
import { verifyConsistency } from '../../src/seal/tree.ts'

export interface TestWitness {
  readonly url: string
  readonly vkey: string
  /** How many requests came. */
  requests(): number
  /** The newest checkpoint that it cosigned. */
  newest(): Checkpoint | undefined
  /** Cosigns a note without looking at it. */
  cosign(note: string): string
}

const NAME = 'witness.example/w1'

/** A small witness (c2sp.org/tlog-witness) for one log. Stopped after the test. */
export async function startWitness(t: TestContext, logKey: string): Promise<TestWitness> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(12))
  let newest: Checkpoint | undefined
  let requests = 0

  const cosign = (note: string) => {
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1_000)))
    const message = `cosignature/v1\ntime ${time.readBigUInt64BE()}\n${openNote(note).text}`
    const signature = sign(null, Buffer.from(message), privateKey)
    const id = Buffer.from(keyId(NAME, WITNESS_KEY, raw), 'hex')
    return `— ${NAME} ${Buffer.concat([id, time, signature]).toString('base64')}\n`
  }

  const answer = (body: string): readonly [status: number, text: string, type?: string] => {
    const [head = '', ...rest] = body.split('\n\n')
    const [old = '', ...hashes] = head.split('\n')
    const note = rest.join('\n\n')
    const from = Number(/^old (0|[1-9]\d*)$/.exec(old)?.[1] ?? Number.NaN)
    if (!Number.isSafeInteger(from)) return [400, 'no old size']
    let checkpoint: Checkpoint
    try {
      checkpoint = openCheckpoint(note, [logKey])
    } catch {
      return [403, 'not signed by the log']
    }
    if (from > checkpoint.size) return [400, 'smaller']
    const seen = newest?.size ?? 0
    if (from !== seen) return [409, `${seen}\n`, 'text/x.tlog.size']
    if (from === checkpoint.size && newest && !newest.root.equals(checkpoint.root)) return [409, '']
    const path = hashes.map((one) => Buffer.from(one, 'base64'))
    const isConsistent =
      newest === undefined ||
      verifyConsistency({
        ...{ from, to: checkpoint.size, fromRoot: newest.root, toRoot: checkpoint.root, path },
      })
    if (!isConsistent) return [422, 'not consistent']
    newest = checkpoint
    return [200, cosign(note)]
  }

  const server = http.createServer((request, response) => {
    requests += 1
    void text(request).then((body) => {
      const isKnown = request.method === 'POST' && request.url === '/submit/add-checkpoint'
      const [status, found, type = 'text/plain'] = isKnown ? answer(body) : [404, 'no such log']
      response.writeHead(status, { 'content-type': type }).end(found)
    })
  })
  return {
    url: `${await listening(t, server)}/submit`,
    vkey: vkeyOf(NAME, raw, WITNESS_KEY),
    requests: () => requests,
    newest: () => newest,
    cosign,
  }
}

/** Starts a server on a free port of the loopback. @returns its URL; stopped after the test */
export async function listening(t: TestContext, server: http.Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
