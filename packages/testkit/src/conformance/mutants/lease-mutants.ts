import type { PutReply, PutRequest, Token } from 'holdfast/contracts'
import { MemoryCommands, type RawAcquired, type RawFilled } from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class EveryoneHoldsTheLease extends MemoryCommands {
  protected override holdsLease(): boolean {
    return true
  }
}

class LeaseOutlivesItsConnection extends MemoryCommands {
  protected override holdsLease(at: Place, key: string, token: Token): boolean {
    return this.parts.keyspace.lease.get(at.namespace, key)?.token === token
  }
}

class LeaseNeverExpires extends MemoryCommands {
  protected override grantLease(at: Place, key: string, token: Token): void {
    super.grantLease(at, key, token, Number.POSITIVE_INFINITY)
  }
}

class RenewalIsForgotten extends MemoryCommands {
  override renew(at: Place, key: string, token: Token): boolean {
    return this.holdsLease(at, key, token)
  }
}

class StrangersRelease extends MemoryCommands {
  override release(at: Place, key: string): boolean {
    return this.parts.keyspace.lease.delete(at.namespace, key)
  }
}

class ReleaseKeepsTheLease extends MemoryCommands {
  override release(at: Place, key: string, token: Token): boolean {
    return this.holdsLease(at, key, token)
  }
}

/** Leases survive while `keepsLeases` is set. */
class LeaseKeeper extends MemoryCommands {
  #keeps = false

  protected keepingLeases<T>(command: () => T): T {
    this.#keeps = true
    try {
      return command()
    } finally {
      this.#keeps = false
    }
  }

  protected override voidLease(at: Place, key: string): void {
    if (!this.#keeps) super.voidLease(at, key)
  }
}

class InvalidationKeepsTheLease extends LeaseKeeper {
  override invalidate(at: Place, keys: readonly string[]): void {
    this.keepingLeases(() => super.invalidate(at, keys))
  }
}

class ExpireKeepsTheLease extends LeaseKeeper {
  override expire(at: Place, keys: readonly string[]): void {
    this.keepingLeases(() => super.expire(at, keys))
  }
}

class PutKeepsTheLease extends LeaseKeeper {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    return this.keepingLeases(() => super.put(at, request, deadlineMs))
  }
}

class FillKeepsTheLease extends LeaseKeeper {
  override fill(at: Place, request: Parameters<MemoryCommands['fill']>[1]): RawFilled {
    return this.keepingLeases(() => super.fill(at, request))
  }
}

class QuarantineKeepsTheLease extends LeaseKeeper {
  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.keepingLeases(() => super.quarantine(...args))
  }
}

class AcquireAlwaysWins extends MemoryCommands {
  override acquire(at: Place, request: Parameters<MemoryCommands['acquire']>[1]): RawAcquired {
    this.voidLease(at, request.key)
    return super.acquire(at, request)
  }
}

class AcquireOverlooksValues extends MemoryCommands {
  protected override isSeen(): boolean {
    return true
  }
}

class AcquireForgetsWhatWasSeen extends MemoryCommands {
  protected override isSeen(): boolean {
    return false
  }
}

class FoundTakesTheLease extends MemoryCommands {
  override acquire(at: Place, request: Parameters<MemoryCommands['acquire']>[1]): RawAcquired {
    const acquired = super.acquire(at, request)
    if (acquired.state === 'found') this.grantLease(at, request.key, request.token, request.leaseMs)
    return acquired
  }
}

class LeasesAreNamedAnew extends MemoryCommands {
  #looks = 0

  override acquire(at: Place, request: Parameters<MemoryCommands['acquire']>[1]): RawAcquired {
    const acquired = super.acquire(at, request)
    return acquired.state === 'busy' ? { ...acquired, holder: String(++this.#looks) } : acquired
  }
}

/** Who holds a lease, and what acquire grants. */
export const leaseMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'everyone holds the lease': EveryoneHoldsTheLease,
  'a lease outlives its connection': LeaseOutlivesItsConnection,
  'a lease never expires': LeaseNeverExpires,
  'a renewal is forgotten': RenewalIsForgotten,
  'strangers release': StrangersRelease,
  'a release keeps the lease': ReleaseKeepsTheLease,
  'an invalidation keeps the lease': InvalidationKeepsTheLease,
  'an expire keeps the lease': ExpireKeepsTheLease,
  'a put keeps the lease': PutKeepsTheLease,
  'a fill keeps the lease': FillKeepsTheLease,
  'a quarantine keeps the lease': QuarantineKeepsTheLease,
  'acquire always wins': AcquireAlwaysWins,
  'acquire overlooks values': AcquireOverlooksValues,
  'acquire forgets what was seen': AcquireForgetsWhatWasSeen,
  'found takes the lease': FoundTakesTheLease,
  'a lease has another name for each who finds it': LeasesAreNamedAnew,
}
