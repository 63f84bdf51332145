import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { Health } from '../relay/move/health.ts'
import { VARIABLES } from '../relay/cli/command/variables.ts'
import { RELAY_LIMITS } from '../src/options.ts'
import { membersOf } from './support/documents.ts'

const FOLDER = fileURLToPath(new URL('../relay/deploy', import.meta.url))
const ROOT = path.join(FOLDER, '../..')

const samples = readdirSync(FOLDER).map((name) => ({
  name,
  text: readFileSync(path.join(FOLDER, name), 'utf8'),
}))

/** What the samples set for the application's recorders, and what only the Dockerfile knows. */
const OF_OTHERS = ['AUDIT_APP_DATABASE_URL', 'AUDIT_JOURNAL_DIR', 'AUDIT_OUTBOX_VERSION']

/** The samples that start the relay. */
const STARTERS = ['Dockerfile', 'audit-relay.service', 'compose.yaml', 'kubernetes.yaml']

test('the deployment samples set nothing that nobody knows', () => {
  const names = samples.map(({ name }) => name)
  for (const name of STARTERS) assert.ok(names.includes(name), name)
  const codes = membersOf('src/errors.ts', 'AuditErrorCode')
  for (const { name, text } of samples) {
    for (const [variable] of text.matchAll(/\bAUDIT_[A-Z_]+\b/g)) {
      const isKnown = variable in VARIABLES || [...OF_OTHERS, ...codes].includes(variable)
      assert.ok(isKnown, `${name}: ${variable}`)
    }
  }
})

test('they start the file that the package has', () => {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const program = path.posix.join('node_modules', manifest.name, manifest.bin['audit-relay'])
  for (const name of STARTERS) assert.ok(textOf(name).includes(program), name)
})

test('they leave longer for the end than the relay takes', () => {
  const stopSeconds = RELAY_LIMITS.stopTimeoutMs.default / 1_000
  const graces = samples.flatMap(({ text }) =>
    Array.from(
      text.matchAll(
        /(?:TimeoutStopSec=|stop_grace_period: |GracePeriodSeconds: |stop-timeout )(\d+)/g,
      ),
    ),
  )
  assert.equal(graces.length, 5)
  for (const [line, seconds] of graces) assert.ok(Number(seconds) > stopSeconds, line)
})

const textOf = (name: string) => samples.find((sample) => sample.name === name)?.text ?? ''

/** The parts of a pod that matter here. */
interface Security {
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly seccompProfile?: { readonly type: string }
  readonly readOnlyRootFilesystem?: boolean
  readonly allowPrivilegeEscalation?: boolean
  readonly capabilities?: { readonly drop: readonly string[]; readonly add?: unknown }
}
interface Container {
  readonly name: string
  readonly command?: readonly string[]
  readonly securityContext?: Security
  readonly resources?: { readonly limits?: { readonly memory?: string } }
}
interface PodSpec {
  readonly automountServiceAccountToken?: boolean
  readonly securityContext?: Security
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
}

// Goal: a sample that is copied makes containers that can do nothing but their work.
// Method: every container of ours in the parsed sample, with what its pod says for it.
test('each container of the Kubernetes sample is shut in', () => {
  const documents = parseAllDocuments(textOf('kubernetes.yaml')).map((document) => document.toJS())
  assert.deepEqual(
    documents.map(({ kind }) => kind),
    ['Deployment', 'NetworkPolicy', 'Pod', 'Job'],
  )
  const pods: PodSpec[] = documents.flatMap(({ kind, spec }) => {
    if (kind === 'NetworkPolicy') return []
    return [kind === 'Pod' ? spec : spec.template.spec]
  })
  const ours = pods.flatMap((pod) =>
    [...pod.containers, ...(pod.initContainers ?? [])]
      .filter(({ command }) => command?.includes('node_modules/audit-outbox/dist/relay/main.js'))
      .map((container) => ({ pod, container })),
  )
  assert.deepEqual(
    ours.map(({ container }) => container.name),
    ['relay', 'audit-relay', 'migrate'],
  )
  for (const { pod, container } of ours) {
    const security = { ...pod.securityContext, ...container.securityContext }
    const { name } = container
    assert.equal(pod.automountServiceAccountToken, false, name)
    assert.equal(security.runAsNonRoot, true, name)
    assert.ok((security.runAsUser ?? 0) > 0, name)
    assert.deepEqual(security.seccompProfile, { type: 'RuntimeDefault' }, name)
    assert.equal(security.readOnlyRootFilesystem, true, name)
    assert.equal(security.allowPrivilegeEscalation, false, name)
    assert.deepEqual(security.capabilities, { drop: ['ALL'] }, name)
    assert.ok(container.resources?.limits?.memory, name)
  }
  const [deployment, policy, , job] = documents
  assert.deepEqual(policy.spec.podSelector.matchLabels, deployment.spec.template.metadata.labels)
  assert.deepEqual(policy.spec.policyTypes, ['Ingress'])
  assert.ok(job.spec.ttlSecondsAfterFinished > 0, 'the pod with the owner’s secret goes away')
  assert.ok(job.spec.activeDeadlineSeconds > 0)
})

test('each service of the Compose sample is shut in', () => {
  const { services } = parse(textOf('compose.yaml'))
  assert.deepEqual(Object.keys(services), ['audit-migrate', 'audit-relay'])
  for (const [name, service] of Object.entries<Record<string, unknown>>(services)) {
    assert.equal(service['read_only'], true, name)
    assert.deepEqual(service['cap_drop'], ['ALL'], name)
    assert.deepEqual(service['security_opt'], ['no-new-privileges:true'], name)
    assert.match(String(service['user']), /^[1-9]\d*:[1-9]\d*$/, name)
    assert.ok(service['mem_limit'], name)
    assert.ok(Number(service['pids_limit']) > 0, name)
    assert.equal(service['ports'], undefined, `${name} is not published to the host`)
    assert.equal(service['privileged'], undefined, name)
  }
})

/** The instructions of a Dockerfile, without comments, a line each. */
function instructionsOf(text: string): readonly string[] {
  return text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter(Boolean)
}

// Goal: an image that can do nothing but the relay's work, of this version, ended by a signal.
// Method: its instructions are read, because no test machine has a Docker daemon.
test('the image holds this version, runs as nobody special and gets signals itself', () => {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const instructions = instructionsOf(textOf('Dockerfile'))
  const base = `FROM node:\${NODE_VERSION}-slim`
  const stages = instructions.filter((line) => line.startsWith('FROM '))
  assert.deepEqual(stages, [`${base} AS packages`, base])
  assert.ok(instructions.includes(`ARG AUDIT_OUTBOX_VERSION=${manifest.version}`))
  const [, node = ''] = /^ARG NODE_VERSION=(\d+)$/m.exec(textOf('Dockerfile')) ?? []
  assert.ok(Number(node) >= Number.parseFloat(manifest.engines.node.slice('>='.length)))
  const last = instructions.slice(instructions.lastIndexOf(base))
  assert.ok(last.includes('USER 10001:10001'))
  assert.ok(last.includes('STOPSIGNAL SIGTERM'))
  const program = path.posix.join('node_modules', manifest.name, manifest.bin['audit-relay'])
  assert.ok(last.includes(`ENTRYPOINT ["node", "${program}"]`), 'without a shell or npm')
  assert.ok(last.includes('CMD ["run"]'))
  // After USER nothing is changed in the image any more, and nothing is copied for that user.
  const afterUser = last.slice(last.indexOf('USER 10001:10001'))
  for (const line of afterUser) assert.doesNotMatch(line, /^(?:RUN|COPY|ADD|VOLUME) /)
  assert.ok(!last.some((line) => line.includes('--chown')))
  // A secret in ARG or ENV would stay in the image.
  for (const line of instructions.filter((one) => /^(?:ARG|ENV) /.test(one))) {
    assert.doesNotMatch(line, /URL|TOKEN|PASSWORD|SECRET/)
  }
})

test('each health check is green for 200, and red for 503 and for no answer', async (t) => {
  const [health = ''] = instructionsOf(textOf('Dockerfile')).filter((line) =>
    line.startsWith('HEALTHCHECK '),
  )
  const ofImage: readonly string[] = JSON.parse(
    health.slice(health.indexOf(' CMD ') + ' CMD '.length),
  )
  const { services } = parse(textOf('compose.yaml'))
  const ofCompose: readonly string[] = services['audit-relay'].healthcheck.test
  let status = 200
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/readyz' ? status : 404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const check = async ([program, ...args]: readonly string[]) => {
    assert.equal(program, 'node')
    const env = { AUDIT_HTTP_PORT: String(port) }
    const child = spawn(
      process.execPath,
      args.map((arg) => arg.replace('9464', String(port))),
      { env },
    )
    const [code] = await once(child, 'exit')
    return code
  }
  for (const command of [ofImage, ofCompose.slice(1)]) {
    status = 200
    assert.equal(await check(command), 0)
    status = 503
    assert.equal(await check(command), 1)
  }
  server.closeAllConnections()
  server.close()
  for (const command of [ofImage, ofCompose.slice(1)]) assert.equal(await check(command), 1)
})

/** What shuts the unit in: each line as it stands there. */
const UNIT_LINES = [
  ...['DynamicUser=yes', 'NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'AmbientCapabilities='],
  ...['ProtectSystem=strict', 'ProtectHome=yes', 'ProtectKernelTunables=yes', 'ProtectClock=yes'],
  ...['ProtectKernelModules=yes', 'ProtectKernelLogs=yes', 'ProtectControlGroups=yes'],
  ...['ProtectHostname=yes', 'ProtectProc=invisible', 'PrivateTmp=yes', 'PrivateDevices=yes'],
  ...['PrivateUsers=yes', 'RestrictNamespaces=yes', 'RestrictSUIDSGID=yes', 'LockPersonality=yes'],
  ...['RestrictRealtime=yes', 'RemoveIPC=yes', 'UMask=0077', 'SystemCallArchitectures=native'],
  ...['RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX', 'SystemCallErrorNumber=EPERM'],
  ...['SystemCallFilter=@system-service', 'SystemCallFilter=~@privileged @resources'],
] as const

test('the systemd unit is shut in', () => {
  const lines = textOf('audit-relay.service').split('\n')
  assert.deepEqual(
    UNIT_LINES.filter((line) => !lines.includes(line)),
    [],
  )
  assert.deepEqual(
    lines.filter((line) => line.startsWith('SystemCallFilter=')),
    ['SystemCallFilter=@system-service', 'SystemCallFilter=~@privileged @resources'],
  )
})

const noSystemd =
  spawnSync('systemd-analyze', ['--version']).status !== 0 && 'this machine has no systemd-analyze'

test('systemd finds the unit little exposed', { skip: noSystemd }, () => {
  const unit = path.join(FOLDER, 'audit-relay.service')
  const options = ['security', '--offline=true', '--threshold=20', '--no-pager', unit]
  const { status, stdout } = spawnSync('systemd-analyze', options, { encoding: 'utf8' })
  assert.equal(status, 0, stdout.split('\n').slice(-3).join('\n'))
})

test('the page for operators names every metric, and no other', async () => {
  const notes = readFileSync(path.join(ROOT, 'relay/README.md'), 'utf8')
  const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 1_000 }).read()
  const text = await new RelayMetrics().expose(health, undefined)
  const known = new Set(
    Array.from(text.matchAll(/^# TYPE (audit_relay_\w+)/gm), ([, name]) => name),
  )
  const named = new Set(Array.from(notes.matchAll(/\baudit_relay_\w+/g), ([name]) => name))
  assert.deepEqual([...named].sort(), [...known].sort())
})
