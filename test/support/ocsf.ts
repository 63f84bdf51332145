import fs from 'node:fs'

interface Attribute {
  readonly type: string
  readonly requirement: 'required' | 'recommended' | 'optional'
  readonly isArray?: boolean
  readonly enum?: Readonly<Record<string, string>>
}

interface Shape {
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly atLeastOne?: readonly string[]
}

interface Schema {
  readonly version: string
  readonly categoryUid: number
  readonly classUid: number
  readonly types: { readonly ip_t: { readonly maxLength: number; readonly pattern: string } }
  readonly event: Shape
  readonly objects: Readonly<Record<string, Shape>>
}

const file = new URL('../schemas/ocsf-entity-management-1.4.0.json', import.meta.url)
const schema = JSON.parse(fs.readFileSync(file, 'utf8')) as Schema
const IP = new RegExp(schema.types.ip_t.pattern)

/** What the schema of OCSF 1.4.0 has against an event of the class Entity Management. */
export function ocsfProblems(event: Readonly<Record<string, unknown>>): readonly string[] {
  const { metadata, category_uid, class_uid, activity_id, type_uid } = event
  const problems = shapeProblems('event', schema.event, event)
  if (Reflect.get(Object(metadata), 'version') !== schema.version) problems.push('version')
  if (category_uid !== schema.categoryUid) problems.push('category_uid is not that of the class')
  if (class_uid !== schema.classUid) problems.push('class_uid is not that of the class')
  if (type_uid !== schema.classUid * 100 + Number(activity_id)) {
    problems.push('type_uid is not class_uid * 100 + activity_id')
  }
  return problems
}

function shapeProblems(path: string, shape: Shape, given: unknown): string[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return [`${path} is no object`]
  }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  const names = new Set(entries.map(([name]) => name))
  const problems: string[] = []
  for (const [name, { requirement }] of Object.entries(shape.attributes)) {
    if (requirement === 'required' && !names.has(name)) problems.push(`${path} lacks ${name}`)
  }
  if (shape.atLeastOne && !shape.atLeastOne.some((name) => names.has(name))) {
    problems.push(`${path} has none of ${shape.atLeastOne.join(', ')}`)
  }
  for (const [name, value] of entries) {
    const attribute = shape.attributes[name]
    if (attribute === undefined) problems.push(`${path}.${name} is unknown`)
    else problems.push(...valueProblems(`${path}.${name}`, attribute, value))
  }
  return problems
}

function valueProblems(path: string, attribute: Attribute, value: unknown): readonly string[] {
  if (attribute.isArray) {
    if (!Array.isArray(value)) return [`${path} is no array`]
    return value.flatMap((item) => valueProblems(path, { ...attribute, isArray: false }, item))
  }
  if (attribute.enum && !(String(value) in attribute.enum)) return [`${path} is not in the enum`]
  const isText = typeof value === 'string'
  switch (attribute.type) {
    case 'string_t':
    case 'username_t':
      return isText ? [] : [`${path} is no text`]
    case 'integer_t':
    case 'long_t':
    case 'timestamp_t':
      return Number.isSafeInteger(value) ? [] : [`${path} is no integer`]
    case 'ip_t':
      return isText && value.length <= schema.types.ip_t.maxLength && IP.test(value)
        ? []
        : [`${path} is no address`]
    case 'object':
      return typeof value === 'object' && value !== null ? [] : [`${path} is no object`]
    default: {
      const shape = schema.objects[attribute.type]
      return shape ? shapeProblems(path, shape, value) : [`${path} has a type that no test knows`]
    }
  }
}
