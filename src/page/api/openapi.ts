import {
  PARAMETER_CHECKS,
  type ParameterCheck,
  type ParameterName,
} from '../query/parameter-checks.ts'
import { ENTRY_SCHEMA } from './entry-json.ts'
import { COMPARISON_SCHEMA, HISTORY_SCHEMA } from './history-json.ts'
import type { JsonSchema } from './json-schema.ts'

const TEXT_OR_NULL: JsonSchema = { type: ['string', 'null'] }
const NUMBER: JsonSchema = { type: 'integer' }
const TIME: JsonSchema = { type: 'string', format: 'date-time' }

/** A part of the query line that was not understood, or can find nothing. */
const PROBLEM: JsonSchema = {
  type: 'object',
  required: ['from', 'to', 'text', 'message', 'near'],
  properties: {
    ...{ from: NUMBER, to: NUMBER, text: { type: 'string' }, message: { type: 'string' } },
    near: { type: 'array', items: { type: 'string' } },
    isUsed: { type: 'boolean' },
  },
}
const NAMES: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } }

/** The answers in JSON, each by its name. */
export const ANSWER_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  List: {
    type: 'object',
    required: ['entries', 'nextCursor', 'prevCursor', 'problems', 'names'],
    properties: {
      entries: { type: 'array', items: ENTRY_SCHEMA },
      ...{ nextCursor: TEXT_OR_NULL, prevCursor: TEXT_OR_NULL, lookedTo: TIME },
      problems: { type: 'array', items: PROBLEM },
      names: NAMES,
    },
  },
  OneEntry: {
    type: 'object',
    required: ['entry', 'names'],
    properties: { entry: ENTRY_SCHEMA, names: NAMES },
  },
  Histogram: {
    type: 'object',
    required: ['bars'],
    properties: {
      bars: {
        type: 'array',
        items: {
          type: 'object',
          required: ['from', 'to', 'count', 'isEstimate'],
          properties: {
            ...{ from: TIME, to: TIME, count: NUMBER, isEstimate: { type: 'boolean' } },
            kinds: { type: 'object', additionalProperties: NUMBER },
          },
        },
      },
    },
  },
  History: HISTORY_SCHEMA,
  Comparison: COMPARISON_SCHEMA,
  Views: {
    type: 'object',
    required: ['views'],
    properties: {
      views: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'name', 'address', 'madeAt'],
          properties: {
            ...{ id: { type: 'string', format: 'uuid' }, name: { type: 'string' } },
            ...{ address: { type: 'string' }, madeBy: { type: 'string' }, madeAt: TIME },
          },
        },
      },
    },
  },
  Refused: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          ...{ code: { type: 'string' }, message: { type: 'string' } },
          problems: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
    },
  },
}

/** Parameters of the page alone. */
const OF_PAGE: readonly ParameterName[] = ['live', 'bars']
const REFUSALS = {
  400: 'A parameter is invalid',
  401: 'Nobody is signed in, or the token is none',
  403: 'You may not have this',
  404: 'There is no such entry',
  429: 'Too many requests, exports or streams',
  503: 'The log cannot be read now',
} as const

/**
 * The page's addresses as OpenAPI 3.1, made from the checks that read its parameters.
 *
 * @param path where the page was asked, as the browser names it
 */
export function openapi(path: string): Readonly<Record<string, unknown>> {
  const { server, own } = placeOf(path)
  const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
  const json = (schema: unknown) => ({ content: { 'application/json': { schema } } })
  const answers = Object.keys(ANSWER_SCHEMAS)
    .filter((name) => name !== 'Refused')
    .map(ref)
  const files = Object.fromEntries(
    ['application/x-ndjson', 'text/csv', 'text/event-stream'].map((type) => [type, {}]),
  )
  return {
    openapi: '3.1.0',
    info: { title: 'Audit log', version: '1' },
    servers: [{ url: server }],
    paths: {
      [own]: {
        get: {
          summary:
            'Reads the log: a list, one entry, a history, a histogram, the shared views, a file or a stream',
          parameters: parameters(),
          responses: {
            200: {
              description: 'What was asked for',
              content: { ...json({ oneOf: answers }).content, ...files },
            },
            ...Object.fromEntries(
              Object.entries(REFUSALS).map(([status, description]) => [
                status,
                { description, ...json(ref('Refused')) },
              ]),
            ),
          },
          security: [{ token: [] }, {}],
        },
      },
    },
    components: {
      schemas: ANSWER_SCHEMAS,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

/** The server's address and the path below it, which OpenAPI puts together. */
function placeOf(path: string): { readonly server: string; readonly own: string } {
  const page = path.replace(/\/openapi\.json$/, '') || '/'
  const at = page.lastIndexOf('/')
  return { server: page.slice(0, at) || '/', own: page.slice(at) }
}

function parameters() {
  return Object.entries(PARAMETER_CHECKS)
    .filter(([name]) => !OF_PAGE.some((own) => own === name))
    .map(([name, check]) => ({
      ...{ name, in: 'query', description: check.says },
      schema: schemaOf(check),
    }))
}

function schemaOf({ words, pattern, maxLength, min, max }: ParameterCheck): JsonSchema {
  if (min !== undefined && max !== undefined) {
    return { type: 'integer', minimum: min, maximum: max }
  }
  return {
    type: 'string',
    ...(words === undefined ? {} : { enum: words }),
    ...(pattern === undefined ? {} : { pattern: pattern.source }),
    ...(maxLength === undefined ? {} : { maxLength }),
  }
}
