/**
 * The type of a value as the log holds it: what has a `toJSON`, such as a `Date`, is what that
 * returns, and a bigint is its digits.
 */
export type Stored<Value> = Value extends { toJSON(...args: never): infer Json }
  ? Json
  : Value extends bigint
    ? string
    : Value extends object
      ? { readonly [Key in keyof Value]: Stored<Value[Key]> }
      : Value
