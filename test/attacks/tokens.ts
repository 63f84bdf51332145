import net from 'node:net'
import { once } from 'node:events'
import { readHttpConfig } from '../../relay/http/config.ts'
import { serveHttp } from '../../relay/http/server.ts'
import { silentLogger } from '../support/lanes.ts'
import { appendToLog } from '../support/log-entries.ts'
import type { Arena } from './arena.ts'
import { type Attack, held, type Outcome, succeeded, unless } from './attack.ts'

const TOKEN = 'an-oak-and-two-owls'

async function serve(arena: Arena) {
  await appendToLog(arena.sql, [{ action: 'secret.do' }])
  const config = readHttpConfig({
    ...{ AUDIT_HTTP_PORT: '0', AUDIT_PAGE_TOKEN: `ada:${TOKEN}, grace:three-stones-a-river` },
    AUDIT_READER_DATABASE_URL: arena.urlAs('audit_reader'),
  })
  if (config === undefined) throw new Error('nothing to serve')
  const server = await serveHttp(config, silentLogger())
  let isStopped = false
  const stop = async () => {
    if (!isStopped) await server.stop()
    isStopped = true
  }
  arena.t.after(stop)
  return { url: server.url, stop }
}

async function guesses(arena: Arena): Promise<Outcome> {
  const { url, stop } = await serve(arena)
  const problems: string[] = []
  const untilMs = performance.now() + arena.seconds * 1_000
  const first = await fetch(`${url}?token=${TOKEN}`, { redirect: 'manual' })
  const cookie = (first.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const [name = '', value = ''] = cookie.split('=')
  const [until = '', signature = ''] = value.split('.')
  const cookies = [
    `${name}=${Number(until) + 1}.${signature}`,
    `${name}=${until}.${signature.slice(0, -1)}A`,
    `${name}=${until}.${signature}x`,
    `${name}=0${until}.${signature}`,
    `${name}=.${signature}`,
    `${name}=99999999999.${'A'.repeat(43)}`,
    `${name}=`,
    `__Host-${name}=${value}`,
    `${name}x=${value}`,
  ]
  let tries = 0
  do {
    const tokens = [
      '',
      TOKEN.slice(0, -1),
      `${TOKEN}%00`,
      TOKEN.toUpperCase(),
      `ada:${TOKEN}`,
      'x'.repeat(5_000),
      `guess-${tries}`,
      '__proto__',
    ]
    for (const token of tokens) {
      const { status } = await fetch(`${url}?token=${token}`, { redirect: 'manual' })
      if (status < 400) problems.push(`${status} for the token ${token.slice(0, 40)}`)
      tries += 1
    }
    for (const forged of cookies) {
      const response = await fetch(url, { headers: { cookie: forged }, redirect: 'manual' })
      if (response.status < 400) problems.push(`${response.status} for the cookie ${forged}`)
      tries += 1
    }
  } while (performance.now() < untilMs)
  await stop()
  await arena.moveAll()
  const rows = await arena.sql`
    select metadata::text || context::text as text from audit.audit_log where action = 'audit.read_denied'`
  if (rows.length === 0) problems.push('nothing of it is in the log')
  if (rows.length > 10) problems.push(`${rows.length} entries about it`)
  if (rows.some(({ text }) => /guess-|an-oak/.test(text))) problems.push('a token is in the log')
  return unless(problems, `${tries} tries: 401, ${rows.length} audit.read_denied`)
}

const WEAK = [
  ...['', 'short', 'a'.repeat(16), 'a'.repeat(64), 'abcdefghijklmnop', '0123456789012345'],
  ...[
    '1234567812345678',
    'passwordpassword',
    'changemechangeme',
    'abababababababab',
    'ponmlkjihgfedcba',
  ],
  ...[
    'tokentokentokent',
    'with a space in it',
    'näither-äscii-oñly',
    'zyxwvutsrqponmlkj',
    'secretsecretsecr',
  ],
]

/** Requests that no browser sends. */
const RAW = [
  'GET //evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'GET /?action=%0d%0aSet-Cookie:%20mine=1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /\\evil.example HTTP/1.1\r\nHost: x\r\n\r\n',
  'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /mine HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
  'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /assets/..%2f..%2fpackage.json HTTP/1.1\r\nHost: x\r\n\r\n',
  `GET /?action=${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'audit_page=x; '.repeat(800)}\r\n\r\n`,
  'GET /?token=x&token=y HTTP/1.1\r\nHost: ]\r\n\r\n',
  'GET /%ff%fe?%= HTTP/1.1\r\nHost: x\r\n\r\n',
  '\x00\x01\x02\x03',
  '\x16\x03\x01\x02\x00\x01',
]

async function raw(arena: Arena): Promise<Outcome> {
  const { url } = await serve(arena)
  const { port } = new URL(url)
  const problems: string[] = []
  for (const request of RAW) {
    const socket = net.connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.write(request, 'latin1')
    socket.setTimeout(1_000, () => socket.destroy())
    await once(socket, 'close')
    if (/^HTTP\/1\.1 5/m.test(answer))
      problems.push(`${answer.slice(9, 12)} for ${request.slice(0, 60)}`)
    if (/^set-cookie: mine|secret\.do|^location: (https?:)?\/\//im.test(answer))
      problems.push(request.slice(0, 60))
  }
  const alive = await fetch(url)
  if (alive.status !== 401) problems.push('it does not live')
  return unless(problems, `${RAW.length} requests: 4xx or harmless, it lives`)
}

export const tokens: readonly Attack[] = [
  {
    name: 'tokens and cookies that are guessed or forged',
    by: 'visitor',
    lasts: true,
    play: guesses,
  },
  {
    name: `${WEAK.length} tokens that can be guessed`,
    by: 'viewer',
    async play({ urlAs }) {
      const taken = WEAK.filter((token) => {
        try {
          readHttpConfig({
            ...{ AUDIT_HTTP_PORT: '0', AUDIT_PAGE_TOKEN: `ada:${token}` },
            AUDIT_READER_DATABASE_URL: urlAs('audit_reader'),
          })
          return true
        } catch {
          return false
        }
      })
      return taken.length === 0
        ? held('refused at the start')
        : succeeded(`taken: ${taken.join(' ')}`)
    },
  },
  { name: 'requests that no browser sends', by: 'visitor', play: raw },
]
