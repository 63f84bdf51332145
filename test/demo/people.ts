/** The ids of the users who can sign in to the site, by their name in the header `x-user`. */
export const HOSTS: Readonly<Record<string, string>> = {
  ada: '0b6d9a52-6c1f-4f0e-9a53-3f6d1c1f0a01',
  grace: '4f1c7e88-2d5b-4b1a-8f0e-7a9e5d2c0b02',
  linus: '9c2e5b14-8a7d-4c3f-b6a1-1e4f8d7a0c03',
  margaret: 'd7a3f6c0-5e9b-4d2c-a8f7-6b0c3e9d0d04',
}

const names = new Map(Object.entries(HOSTS).map(([name, id]) => [id, name]))

export function hostName(id: string): string | undefined {
  return names.get(id)
}

const FIRST = ['Noor', 'Emeka', 'Yuki', 'Sofía', 'Liam', 'Aroha', 'Priya', 'Zoë', 'Mateo', 'Inga']
const LAST = ['Haddad', 'Okafor', 'Tanaka', 'Herrera', 'Byrne', 'Ngata', 'Rao', 'Lindqvist']

/** The names of the guests of the event. */
export const GUESTS: readonly string[] = FIRST.flatMap((first) =>
  LAST.map((last) => `${first} ${last}`),
)
