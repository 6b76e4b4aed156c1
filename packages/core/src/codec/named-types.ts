import { heedRejection } from '../call-hook.ts'
import { CacheError, invalidArgument, show } from '../errors.ts'
import type { NamedType } from '../options.ts'

const NAME_CHARS_MAX = 64

/** The registered types of one cache: user code that is asked only where a value is neither plain nor built in. */
export class NamedTypes {
  readonly #types: readonly NamedType[]
  readonly #byName = new Map<string, NamedType>()

  /** Throws `invalid_argument` where a type lacks a part or shares its name with another. */
  constructor(types: readonly NamedType[]) {
    if (!Array.isArray(types)) throw invalidArgument('types', 'an array', types)
    types.forEach((type, at) => {
      assertNamedType(type, `types[${at}]`)
      if (this.#byName.has(type.name)) {
        throw invalidArgument(`types[${at}].name`, 'a name of its own', type.name)
      }
      this.#byName.set(type.name, type)
    })
    this.#types = [...types]
  }

  /** The first type that takes this value for its own. Throws `unsupported_value` where an `is` throws. */
  typeOf(value: object): NamedType | undefined {
    for (const type of this.#types) {
      try {
        if (type.is(value)) return type
      } catch (cause) {
        throw new CacheError('unsupported_value', `the is() of type ${show(type.name)} threw`, { cause })
      }
    }
    return undefined
  }

  byName(name: string): NamedType | undefined {
    return this.#byName.get(name)
  }
}

/** No registered types. */
export const noTypes: NamedTypes = new NamedTypes([])

/** What the type's owner says stands for the value. Throws `unsupported_value` where that fails. */
export function encodeNamed(type: NamedType, value: unknown): unknown {
  try {
    const plain = type.encode(value)
    heedRejection(plain)
    return plain
  } catch (cause) {
    throw new CacheError('unsupported_value', `the type ${show(type.name)} failed to encode its value`, {
      cause,
    })
  }
}

/** The value again. Throws `decode_failed` where the type is not registered, throws, or answers a stranger. */
export function decodeNamed(types: NamedTypes, name: unknown, plain: unknown): object {
  const type = typeof name === 'string' ? types.byName(name) : undefined
  if (type === undefined) throw new CacheError('decode_failed', `the type ${show(name)} is not registered`)
  try {
    const value = type.decode(plain)
    if (typeof value === 'object' && value !== null && type.is(value)) return value
  } catch (cause) {
    throw new CacheError('decode_failed', `the type ${show(name)} failed to decode its value`, { cause })
  }
  throw new CacheError('decode_failed', `the type ${show(name)} decoded a value that its own is() refuses`)
}

function assertNamedType(type: unknown, argument: string): void {
  if (typeof type !== 'object' || type === null) {
    throw invalidArgument(argument, '{ name, is, encode, decode }', type)
  }
  const name: unknown = Reflect.get(type, 'name')
  if (typeof name !== 'string' || name === '' || name.length > NAME_CHARS_MAX) {
    throw invalidArgument(`${argument}.name`, `a string of 1 to ${NAME_CHARS_MAX} characters`, name)
  }
  for (const part of ['is', 'encode', 'decode']) {
    const given: unknown = Reflect.get(type, part)
    if (typeof given !== 'function') throw invalidArgument(`${argument}.${part}`, 'a function', given)
  }
}

/** Gives `encode` and `decode` of an inline type the type that its `is` names: `types: [namedType({ … })]`. */
export function namedType<T>(type: NamedType<T>): NamedType {
  return type
}
