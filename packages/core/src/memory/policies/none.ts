import { type EvictionPolicy, NO_SLOT } from '../policy.ts'

/** Nothing leaves before its time: when full, the store refuses. */
export class None implements EvictionPolicy {
  reserve(): void {}

  added(): void {}

  used(): void {}

  replaced(): void {}

  removed(): void {}

  victim(): number {
    return NO_SLOT
  }
}
