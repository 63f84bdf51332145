import type { AuditMatchers } from './matchers.ts'

// The matchers' types for the test runner that is installed. A project without the runner has no
// such module, so the compiler has to ignore that, in this project and in those that use it.

// biome-ignore lint/suspicious/noTsIgnore: an error is expected only where the runner is missing
/** @ts-ignore */
declare module 'vitest' {
  // With another result it would not agree with the types of Jest, which Vitest extends.
  // biome-ignore lint/suspicious/noExplicitAny: as Vitest declares it
  interface Matchers<T = any> extends AuditMatchers<void> {}
}

// biome-ignore lint/suspicious/noTsIgnore: an error is expected only where the runner is missing
/** @ts-ignore */
declare module 'expect' {
  interface Matchers<R> extends AuditMatchers<R> {}
}

declare global {
  // Without `@types/jest` this has no effect.
  namespace jest {
    interface Matchers<R> extends AuditMatchers<R> {}
  }
}
