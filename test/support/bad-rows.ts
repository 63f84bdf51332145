/** A row that the library never writes, but that another program may insert into a lane. */
export interface BadRow {
  readonly name: string
  /** SQL by column. The other columns are those of a good row. */
  readonly columns: Readonly<Record<string, string>>
  /** Whether it has the id of a good row of the same batch. */
  readonly isTwin?: boolean
  /**
   * `logged`, or the SQLSTATE of its dead letter. `nothing`: the log already holds the same entry.
   */
  readonly becomes: 'logged' | 'nothing' | '23505' | '23514'
}

/** The id of a good row without a request id that is in the log before. */
export const KNOWN_ID = '01900000-0000-7000-8000-0000000000aa'
/** An action that a custom constraint on the log refuses. */
export const REFUSED_BY_THEM = 'bad.by_their_rule'

const GOOD = { action: `'good.one'` }

const logged = (name: string, columns: BadRow['columns']): BadRow => ({
  name,
  columns,
  becomes: 'logged',
})

const dead = (name: string, columns: BadRow['columns']): BadRow => ({
  name,
  columns,
  becomes: '23514',
})

/** 20,000 characters that cannot be compressed, so that no index could take them. */
const RANDOM_TEXT = `(select string_agg(md5(n::text), '') from generate_series(1, 625) as n)`

export const BAD_ROWS: readonly BadRow[] = [
  dead('no action', { action: 'null' }),
  dead('an empty action', { action: `''` }),
  dead('an action of 129 characters', { action: `repeat('é', 129)` }),
  dead('an action of 9,000 characters', { action: `repeat('x', 9000)` }),
  logged('an action of 128 wide characters', { action: `repeat('😀', 128)` }),
  ...['entity_type', 'request_id'].flatMap((column) => [
    dead(`an empty ${column}`, { [column]: `''` }),
    dead(`a ${column} of 257 characters`, { [column]: `repeat('x', 257)` }),
    dead(`a ${column} of 20,000 random characters`, { [column]: RANDOM_TEXT }),
    logged(`a ${column} of 256 wide characters`, { [column]: `repeat('😀', 256)` }),
    logged(`a ${column} of control characters`, { [column]: `E'\\r\\n\\t\\x01'` }),
  ]),
  ...['metadata', 'context'].flatMap((column) => [
    logged(`${column} of NULL`, { [column]: 'null' }),
    dead(`${column} of jsonb null`, { [column]: `'null'` }),
    dead(`${column} that is a list`, { [column]: `'[{"a": 1}]'` }),
    dead(`${column} that is a text`, { [column]: `'"text"'` }),
    dead(`${column} that is a number`, { [column]: `'1e400'` }),
    dead(`${column} that is true`, { [column]: `'true'` }),
    logged(`${column} with a number that JavaScript has none for`, { [column]: `'{"n": 1e400}'` }),
    logged(`${column} that is 5,000 deep`, {
      [column]: `(repeat('{"a":', 5000) || '1' || repeat('}', 5000))::jsonb`,
    }),
    logged(`${column} of a megabyte`, {
      [column]: `jsonb_build_object('a', repeat('x', 1000000))`,
    }),
  ]),
  logged('a time that never comes', { occurred_at: `'infinity'` }),
  logged('a time before all time', { occurred_at: `'-infinity'` }),
  logged('a time before our era', { occurred_at: `'4714-11-24 00:00:00+00 BC'` }),
  logged('a time in the year 294276', { occurred_at: `'294276-12-31 23:59:59+00'` }),
  logged('an id that holds no time', { id: 'gen_random_uuid()' }),
  logged('an id of zeroes', { id: `'00000000-0000-0000-0000-000000000000'` }),
  logged('an id of the last moment', { id: `'ffffffff-ffff-ffff-ffff-ffffffffffff'` }),
  logged('a recorder without a number', { recorder_id: 'gen_random_uuid()' }),
  logged('a number without a recorder', { recorder_seq: '7' }),
  logged('a number below all others', {
    recorder_id: 'gen_random_uuid()',
    recorder_seq: '-9223372036854775808',
  }),
  logged('a number above all others', {
    recorder_id: 'gen_random_uuid()',
    recorder_seq: '9223372036854775807',
  }),
  { name: "another row's id", columns: {}, isTwin: true, becomes: '23505' },
  { name: 'another row again', columns: GOOD, isTwin: true, becomes: 'nothing' },
  { name: 'an id that is in the log', columns: { id: `'${KNOWN_ID}'` }, becomes: '23505' },
  {
    name: 'an entry that is in the log',
    columns: { ...GOOD, id: `'${KNOWN_ID}'`, request_id: 'null' },
    becomes: 'nothing',
  },
  // Only this row is unknown to the move before. It halves the batch until it finds the row.
  dead('what their own constraint refuses', { action: `'${REFUSED_BY_THEM}'` }),
]
