import type { Status } from '../../relay/index.ts'
import type { Account } from './account.ts'
import type { Logged } from './verify-recorders.ts'

/** What the library says of a recorder is what the recorder's own process wrote down. */
export function compareStatus(
  name: string,
  parts: {
    readonly account: Account
    readonly found: Logged
    readonly missing: number
    readonly status: Status
    readonly wrong: string[]
  },
): void {
  const { account, found, missing, status, wrong } = parts
  const said = status.recorders.find(({ id }) => id === account.recorderId)
  const inLog = found.entries
  if (said === undefined) {
    if (inLog > 0) wrong.push(`${name}: status does not know it, the log has ${inLog} entries`)
    return
  }
  if (said.logged !== inLog) {
    wrong.push(`${name}: status says ${said.logged} logged, the log has ${inLog}`)
  }
  if (said.state !== 'closed') {
    const bound = said.missing + Math.max(0, account.accepted - said.accepted)
    const isBounded = said.state === 'died' ? missing <= bound : true
    if (!isBounded) wrong.push(`${name}: ${missing} missing, status allows for ${bound}`)
    return
  }
  if (said.inFlight > 0) wrong.push(`${name}: status says ${said.inFlight} in flight`)
  const { closed } = account
  if (closed && said.accepted !== closed.recorded) {
    wrong.push(`${name}: status says ${said.accepted} accepted, the recorder ${closed.recorded}`)
  }
  const declared = said.declared + (said.dropped['timeout'] ?? 0)
  if (missing > declared) wrong.push(`${name}: ${missing} missing, only ${declared} declared`)
  if (missing < said.missing) wrong.push(`${name}: ${said.missing} said missing, ${missing} are`)
}
