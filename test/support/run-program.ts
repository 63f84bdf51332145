import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ProgramOptions {
  readonly cwd: string
  /** Folders that come before those of this process's PATH. */
  readonly pathFirst?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** @default 600 000 */
  readonly timeoutMs?: number
}

/** What npm, Node and this checkout set for programs of their own, and not how to reach a registry. */
const OURS = /^(?:npm_|AUDIT_|NODE_(?!EXTRA_CA_CERTS$))/

/**
 * Runs a program to its end, without the variables that npm sets for its scripts.
 *
 * @returns its output, stdout and stderr together
 * @throws {Error} with its output, if it ends with another code than `expectedCode`
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  expectedCode = 0,
): Promise<string> {
  const { cwd, pathFirst = [], environment = {}, timeoutMs = 600_000 } = options
  const theirs = Object.entries(process.env).filter(([name]) => !OURS.test(name))
  const child = spawn(program, args, {
    cwd,
    env: {
      ...Object.fromEntries(theirs),
      NO_COLOR: '1',
      ...environment,
      PATH: [...pathFirst, process.env['PATH'] ?? ''].join(':'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code, signal] = await once(child, 'close')
  if (code === expectedCode) return output
  const how = code === null ? `was ended by ${signal}` : `ended with code ${code}`
  throw new Error(`${program} ${args.join(' ')} ${how}:\n${output}`)
}
