import { textResponse, wholeFile } from './responses.ts'

/** Whether a program asks, and wants JSON. A browser names HTML as well. */
export function wantsJson(request: Request): boolean {
  const types = (request.headers.get('accept') ?? '').split(',').map((one) => {
    const [type = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase())
    return parameters.some((part) => /^q=0(?:\.0*)?$/.test(part)) ? '' : type
  })
  return types.includes('application/json') && !types.includes('text/html')
}

const JSON_TYPE = {
  'content-type': 'application/json; charset=utf-8',
  vary: 'Accept, Authorization',
}

export function jsonResponse(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { body: text, headers: safe } = wholeFile(`${JSON.stringify(body)}\n`, JSON_TYPE)
  for (const [name, value] of Object.entries(headers)) safe.set(name, value)
  return new Response(text, { status, headers: safe })
}

/** What an answer in JSON says in the place of what was asked for. */
export interface Refusal {
  readonly status: number
  /** One of the page's own, or of an `AuditError`. */
  readonly code: string
  readonly message: string
  /** Messages by parameter. One about no single parameter has the empty name. */
  readonly problems?: ReadonlyMap<string, string>
  readonly headers?: Readonly<Record<string, string>>
}

export function jsonRefusal({ status, code, message, problems, headers }: Refusal): Response {
  const found = problems === undefined ? {} : { problems: Object.fromEntries(problems) }
  return jsonResponse({ error: { code, message, ...found } }, status, headers)
}

/** As JSON to those who want it, else as text. */
export function refuse(request: Request, refusal: Refusal): Response {
  const { status, message, headers } = refusal
  return wantsJson(request) ? jsonRefusal(refusal) : textResponse(message, status, headers)
}
