import type { Token } from 'holdfast/contracts'
import type { Quarantine } from '../../memory-store/keyspace.ts'
import { MemoryCommands } from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class QuarantineIsIgnored extends MemoryCommands {
  protected override isQuarantined(): boolean {
    return false
  }
}

class QuarantineOfTagsIsIgnored extends MemoryCommands {
  protected override isQuarantined(at: Place, key: string): boolean {
    return super.isQuarantined(at, key, [])
  }
}

class QuarantineOfKeysReachesTags extends MemoryCommands {
  protected override isQuarantined(at: Place, key: string, tags: readonly string[]): boolean {
    return [key, ...tags].some((name) => super.isQuarantined(at, name, tags))
  }
}

class QuarantineHoldsEverywhere extends MemoryCommands {
  #isHeld = false

  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.#isHeld = true
    super.quarantine(...args)
  }

  protected override isQuarantined(at: Place, key: string, tags: readonly string[]): boolean {
    return this.#isHeld || super.isQuarantined(at, key, tags)
  }
}

class QuarantineNeverEnds extends MemoryCommands {
  protected override isLive(members: Quarantine | undefined): boolean {
    return members !== undefined && members.size > 0
  }
}

class EndOfQuarantineFreesAll extends MemoryCommands {
  protected override withoutMember(): Quarantine {
    return new Map()
  }
}

class EndOfQuarantineVoidsLeases extends MemoryCommands {
  override unquarantine(...[at, names, token]: Parameters<MemoryCommands['unquarantine']>): void {
    super.unquarantine(at, names, token)
    for (const key of names.keys) this.voidLease(at, key)
  }
}

class QuarantineHasOneMember extends MemoryCommands {
  protected override withMember(_members: Quarantine | undefined, token: Token, lifeMs: number): Quarantine {
    return super.withMember(undefined, token, lifeMs)
  }
}

class QuarantineIsNotRenewed extends MemoryCommands {
  protected override withMember(members: Quarantine | undefined, token: Token, lifeMs: number): Quarantine {
    return members?.has(token) ? members : super.withMember(members, token, lifeMs)
  }
}

class QuarantineLeavesTheOld extends MemoryCommands {
  #isQuiet = false

  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.#isQuiet = true
    super.quarantine(...args)
    this.#isQuiet = false
  }

  override invalidate(at: Place, keys: readonly string[]): void {
    if (!this.#isQuiet) super.invalidate(at, keys)
  }

  override invalidateTags(at: Place, tags: readonly string[]): void {
    if (!this.#isQuiet) super.invalidateTags(at, tags)
  }
}

class QuarantineStopsInvalidation extends MemoryCommands {
  override invalidateTags(at: Place, tags: readonly string[]): void {
    super.invalidateTags(
      at,
      tags.filter((tag) => !this.isQuarantined(at, '', [tag])),
    )
  }
}

/** The two-phase write. */
export const quarantineMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'quarantine is ignored': QuarantineIsIgnored,
  'quarantine of tags is ignored': QuarantineOfTagsIsIgnored,
  'quarantine of keys reaches tags': QuarantineOfKeysReachesTags,
  'quarantine holds everywhere': QuarantineHoldsEverywhere,
  'quarantine never ends': QuarantineNeverEnds,
  'the end of a quarantine frees all': EndOfQuarantineFreesAll,
  'the end of a quarantine voids leases': EndOfQuarantineVoidsLeases,
  'quarantine has one member': QuarantineHasOneMember,
  'quarantine is not renewed': QuarantineIsNotRenewed,
  'quarantine leaves the old': QuarantineLeavesTheOld,
  'quarantine stops invalidation': QuarantineStopsInvalidation,
}
