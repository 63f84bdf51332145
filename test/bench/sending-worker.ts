import { type MessagePort, workerData } from 'node:worker_threads'
import {
  openRecorderStatements,
  type StatementOptions,
} from '../../src/lanes/recorder-statements.ts'

// A recorder's statements in a thread of their own, for sending-thread.ts.

const { port, settings } = workerData as {
  readonly port: MessagePort
  readonly settings: StatementOptions
}
const statements = openRecorderStatements(settings)

interface Asked {
  readonly id: number
  readonly name: keyof typeof statements
  readonly given: readonly unknown[]
}

port.on('message', async ({ id, name, given }: Asked) => {
  const call = statements[name] as (...given: readonly unknown[]) => Promise<unknown>
  port.postMessage({ id, value: await call(...given) })
})
