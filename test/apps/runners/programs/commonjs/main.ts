import type { Recorder } from 'audit-outbox'
import { job } from './job'

// Where the types are not found, a recorder is of any type, and nothing here is an error.
export function misspelt(recorder: Recorder): void {
  // @ts-expect-error
  recorder.recrod({ action: 'runner.misspelt' })
}

job(process.argv[2] ?? '').then(console.log)
