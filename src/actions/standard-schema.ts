/**
 * A schema of any library with the interface of https://standardschema.dev, such as Zod, Valibot
 * and ArkType. The application brings the library.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => unknown
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** The type that a schema reads. `undefined` where there is no schema. */
export type InputOf<Schema> =
  Schema extends StandardSchema<infer Input, infer _Output> ? Input : undefined

/** ArkType's schemas are functions. */
export function isSchema(value: unknown): value is StandardSchema {
  const isHolder = (typeof value === 'object' && value !== null) || typeof value === 'function'
  const standard: unknown = isHolder ? Reflect.get(value as object, '~standard') : undefined
  return typeof Reflect.get(Object(standard), 'validate') === 'function'
}
