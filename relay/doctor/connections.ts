import { explain } from '../../src/database/faults.ts'
import type { DoctorConnection, Identity } from './visit/connection.ts'
import type { Answer, Examined, Finding } from './visit/finding.ts'
import type { Visit } from './visit/visit.ts'

/** The most a clock may differ before somebody has to look, in milliseconds. */
const MOST_SKEW_MS = 2_000

/** Connects with each URL, and says which one leads where. */
export async function connectAll(visit: Visit): Promise<readonly Examined[]> {
  return await Promise.all(
    visit.connections.map(async (connection) => ({
      area: 'connections' as const,
      what: `${connection.roles.join(', ')} (${connection.variables.join(', ')})`,
      ...(await connect(connection)),
    })),
  )
}

async function connect(connection: DoctorConnection): Promise<Answer> {
  try {
    const identity = await connection.open()
    const clock = await skewOf(connection)
    const findings = [...poolerOf(connection, identity), ...clock]
    return { findings, said: `as ${identity.login}` }
  } catch (error) {
    const { fault, hint } = explain(error)
    return {
      findings: [
        {
          kind: 'no-connection',
          severity: 'error',
          text: `${connection.variables.join(', ')} does not connect (${fault.code}).`,
          remedy: {
            advice: hint ?? 'Check the URL, and that the server can be reached from here.',
          },
        },
      ],
    }
  }
}

/** A pooler keeps no setting of a session, and in transaction mode not even the session. */
function poolerOf(connection: DoctorConnection, identity: Identity): readonly Finding[] {
  if (identity.keepsSettings) return []
  const isOwner =
    connection.roles.includes('owner') && connection.variables.includes('AUDIT_OWNER_DATABASE_URL')
  return [
    {
      kind: isOwner ? 'owner-through-pooler' : 'pooler',
      severity: isOwner ? 'warning' : 'note',
      text:
        `${connection.variables.join(', ')} leads through a pooler. Recording, moving, reading and ` +
        'status work in transaction mode; "migrate" and "restored" need a direct connection.',
      remedy: {
        advice:
          'Set AUDIT_OWNER_DATABASE_URL to the server itself, and leave the other URLs as they are.',
      },
    },
  ]
}

/** Compares the clocks of this machine and of the server, less the time that the question took. */
async function skewOf(connection: DoctorConnection): Promise<readonly Finding[]> {
  const before = Date.now()
  const { now } = await connection.row(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
  )
  const after = Date.now()
  const skewMs = Number(now) < before ? Number(now) - before : Math.max(0, Number(now) - after)
  if (Math.abs(skewMs) < MOST_SKEW_MS) return []
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1)
  return [
    {
      kind: 'clock',
      severity: Math.abs(skewMs) > 60_000 ? 'error' : 'warning',
      text:
        `The clock of this machine is ${seconds} s ${skewMs < 0 ? 'ahead of' : 'behind'} the server's. ` +
        'Ids and times of entries come from the clock of the machine that records; an id of more than ' +
        'a day ahead is refused.',
      remedy: { command: 'timedatectl set-ntp true', advice: 'On both machines.' },
    },
  ]
}
