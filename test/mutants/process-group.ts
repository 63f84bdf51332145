import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { whenWeEnd } from '../support/when-we-end.ts'

const KILL_AFTER_MS = 5_000
/** After the end of a process: what it had printed is read within this time. */
const LAST_WORDS_MS = 1_000

export interface GroupOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** What has not ended by then is told to, and killed when it does not listen. */
  readonly deadlineMs: number
  /** Given all that was printed so far; true ends the group. */
  readonly isEnough?: (output: string) => boolean
}

export interface GroupResult {
  readonly output: string
  readonly isOverdue: boolean
  readonly ms: number
}

/**
 * Runs Node as the first process of a group of its own. When it ends, however it does, so does all
 * that it started; when this process ends, the group does. So nothing that a run leaves behind
 * keeps its caller waiting, or works on unseen.
 */
export async function runGroup(
  args: readonly string[],
  { cwd, env, deadlineMs, isEnough = () => false }: GroupOptions,
): Promise<GroupResult> {
  const beganMs = performance.now()
  const leader = spawn(process.execPath, args, {
    ...{ cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  })
  await once(leader, 'spawn')
  const pid = leader.pid as number
  const callOff = whenWeEnd('kill -KILL -- "-$0"', String(pid))
  const exited = once(leader, 'exit')
  const closed = once(leader, 'close')
  let output = ''
  let isOverdue = false
  let kill: NodeJS.Timeout | undefined
  const stop = () => {
    if (kill !== undefined) return
    signal(pid, 'SIGTERM') // politely at first: a run of tests drops its databases
    kill = setTimeout(() => signal(pid, 'SIGKILL'), KILL_AFTER_MS)
  }
  const overdue = setTimeout(() => {
    isOverdue = true
    stop()
  }, deadlineMs)
  for (const stream of [leader.stdout, leader.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (isEnough(output)) stop()
    })
  }
  // Not `close`: an orphan that holds the other end of a pipe would keep it open without end.
  await exited
  clearTimeout(overdue)
  clearTimeout(kill)
  signal(pid, 'SIGKILL')
  callOff()
  await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })])
  leader.stdout?.destroy()
  leader.stderr?.destroy()
  return { output, isOverdue, ms: performance.now() - beganMs }
}

/** To every process of the group. */
function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name)
  } catch {
    // Nobody is left in it.
  }
}
