import { anchorFailed } from './attempts.ts'

export interface WitnessAnswer {
  readonly status: number
  /** The media type, without its parameters. */
  readonly type: string
  readonly text: string
}

/** A few cosignatures, or a number: a longer answer is none of the protocol. */
const MAX_ANSWER_BYTES = 65_536

/**
 * Sends one request of the witness protocol. It ends in time, however slowly the other side answers,
 * reads at most 64 KiB and follows no redirect.
 */
export async function post(url: URL, body: string, timeoutMs: number): Promise<WitnessAnswer> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
    const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
    return { status: answer.status, type: type.trim(), text: await boundedText(answer) }
  } catch (error) {
    if (Reflect.get(Object(error), 'code') === 'AUDIT_ANCHOR_FAILED') throw error
    const isLate = Reflect.get(Object(error), 'name') === 'TimeoutError'
    const what = isLate ? `did not answer within ${timeoutMs / 1_000} s` : 'could not be reached'
    throw anchorFailed(`The witness at ${url.host} ${what}.`)
  }
}

async function boundedText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop closes the connection.
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) {
      throw anchorFailed('The witness answered with more than 64 KiB, which is no answer of one.')
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
