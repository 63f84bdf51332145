const BEFORE_A_SIGN = / (?=[:;?!»])|(?<=«) /g
const NO_BREAK_SPACE = '\u00a0'

/** French has a space in front of `:`, `;`, `?` and `!` and inside of « », at which no line may end. */
export function withFrenchSpaces(text: string): string {
  return text.replaceAll(BEFORE_A_SIGN, NO_BREAK_SPACE)
}
