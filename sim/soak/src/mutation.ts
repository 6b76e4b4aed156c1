import { type Mutation, type MutationName, mutations } from '@holdfast/race/mutations'

/** What may be broken on purpose: a rule of the protocol, or a duty that the soak itself checks. */
export type SoakMutation = MutationName | 'Q' | 'leak'

const added: Readonly<Record<'Q' | 'leak', Mutation>> = {
  /** L2 is used while an invalidation is owed to it. */
  Q: { fence: { mayUse: () => true } },
  /** The application keeps every row that it loaded: the leak gate must tell. */
  leak: {},
}

export const soakMutations: Readonly<Record<SoakMutation, Mutation>> = { ...mutations, ...added }

/** The name as it was typed; throws a RangeError that lists those there are. */
export function parseMutation(name: string): SoakMutation {
  if (isMutation(name)) return name
  throw new RangeError(`no mutant is called ${name}; there are ${Object.keys(soakMutations).join(' · ')}`)
}

function isMutation(name: string): name is SoakMutation {
  return Object.hasOwn(soakMutations, name)
}
