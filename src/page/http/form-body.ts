const FORM = 'application/x-www-form-urlencoded'
/** An address has at most 6,000 characters, of which a form may write each as three. */
const MAX_BYTES = 24_000

/** Whether a request says that it brings the fields of a form. */
export function isFormBody(request: Request): boolean {
  const type = request.headers.get('content-type') ?? ''
  return type.split(';')[0]?.trim().toLowerCase() === FORM
}

/**
 * The fields of a form that was sent by POST.
 *
 * @param parsed what a framework has made of the body before, if it has read it
 * @returns undefined where they are too long
 */
export async function readForm(
  request: Request,
  parsed: unknown,
): Promise<URLSearchParams | undefined> {
  const texts = Object.entries(Object(parsed)).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  )
  if (texts.length > 0) return new URLSearchParams(texts)
  if (request.body === null) return new URLSearchParams()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) return undefined
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}
