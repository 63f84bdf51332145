// What samples use of packages that are not installed in this checkout. `test/apps/catalog` runs the
// real ones.

declare module 'zod' {
  type Schema<T> = import('audit-outbox').StandardSchema<T>
  type InputOf<S> = S extends Schema<infer T> ? T : never
  export const z: {
    string(): Schema<string>
    number(): Schema<number>
    object<S>(shape: S): Schema<{ [Key in keyof S]: InputOf<S[Key]> }>
  }
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: as Vitest declares it
  interface Matchers<T = any> {
    readonly given?: T
  }
  interface Expect {
    <T>(given: T): Matchers<T> & { readonly not: Matchers<T> }
    any(kind: unknown): unknown
    extend(matchers: object): void
  }
  export const expect: Expect
  export function test(name: string, work: () => void | Promise<void>): void
}
