/** A failure that the user can solve. It is printed without a stack. */
export class DemoFailure extends Error {
  override readonly name: string = 'DemoFailure'
}

/** A wrong option or setting. */
export class Misuse extends DemoFailure {
  override readonly name = 'Misuse'
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
