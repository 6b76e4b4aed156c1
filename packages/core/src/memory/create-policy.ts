import type { Clock } from '../clock.ts'
import { invalidArgument } from '../errors.ts'
import { Lfu } from './policies/lfu.ts'
import { Lru } from './policies/lru.ts'
import { None } from './policies/none.ts'
import { Random } from './policies/random.ts'
import { Ttl } from './policies/ttl.ts'
import type { EvictionPolicy, PolicyName } from './policy.ts'

/** A new policy of this name, with nothing held. Throws `invalid_argument` for a name there is not. */
export function createPolicy(name: PolicyName, clock: Clock): EvictionPolicy {
  switch (name) {
    case 'lru':
      return new Lru()
    case 'lfu':
      return new Lfu()
    case 'ttl':
      return new Ttl()
    case 'random':
      return new Random(clock)
    case 'none':
      return new None()
    default:
      throw invalidArgument('l1.policy', "'lru', 'lfu', 'ttl', 'random' or 'none'", name)
  }
}
