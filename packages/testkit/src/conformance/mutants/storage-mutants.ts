import { encodeEntry, type NewEntry, type ReadRequest, type Token } from 'holdfast/contracts'
import { MemoryCommands, type RawRead } from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class FullMemoryStoresAnyway extends MemoryCommands {
  protected override refuseIfFull(): void {}
}

class FullMemoryRefusesEverything extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    this.refuseIfFull()
    super.invalidate(at, keys)
  }

  override invalidateTags(at: Place, tags: readonly string[]): void {
    this.refuseIfFull()
    super.invalidateTags(at, tags)
  }

  override expireTags(at: Place, tags: readonly string[]): void {
    this.refuseIfFull()
    super.expireTags(at, tags)
  }

  override clear(at: Place): void {
    this.refuseIfFull()
    super.clear(at)
  }

  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.refuseIfFull()
    super.quarantine(...args)
  }
}

class RestartIsNotNoticed extends MemoryCommands {
  override admit(namespace: string, runId: Token): void {
    if (this.parts.keyspace.marker.get(namespace, '') === undefined) super.admit(namespace, runId)
  }
}

/** Finding 7: NOLOOP, or a fill that only writes. */
class OwnWritesAreUntracked extends MemoryCommands {
  protected override store(at: Place, key: string, entry: NewEntry): void {
    super.store(at, key, entry)
    this.parts.tracking.forget(at.session, { kind: 'value', namespace: at.namespace, name: key })
  }
}

class OwnWritesArePushed extends MemoryCommands {
  protected override store(at: Place, key: string, entry: NewEntry): void {
    super.store(at, key, entry)
    this.parts.keyspace.value.set(at.namespace, key, encodeEntry(entry, key, this.parts.now()), entry.keepMs)
    this.track(at, 'value', key)
  }
}

class TrackedOnce extends MemoryCommands {
  readonly #seen = new Set<string>()

  protected override track(...[at, kind, name]: Parameters<MemoryCommands['track']>): void {
    const id = JSON.stringify([kind, at.namespace, name, this.#sessionId(at)])
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    super.track(at, kind, name)
  }

  readonly #sessions: Place['session'][] = []

  #sessionId({ session }: Place): number {
    if (!this.#sessions.includes(session)) this.#sessions.push(session)
    return this.#sessions.indexOf(session)
  }
}

class TokensAreUntracked extends MemoryCommands {
  protected override track(...[at, kind, name]: Parameters<MemoryCommands['track']>): void {
    if (kind === 'value' || kind === 'lease') super.track(at, kind, name)
  }
}

class ReadsAreUntracked extends MemoryCommands {
  override read(at: Place, request: ReadRequest): RawRead {
    const value = this.parts.keyspace.value.get(at.namespace, request.key)
    return { ...super.read(at, { ...request, key: '' }), value }
  }
}

/** Stores something else than it was given. */
function storing(change: (entry: NewEntry) => NewEntry): typeof MemoryCommands {
  return class extends MemoryCommands {
    protected override store(at: Place, key: string, entry: NewEntry): void {
      super.store(at, key, change(entry))
    }
  }
}

/** What is kept of a value, and who is told. */
export const storageMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'full memory stores anyway': FullMemoryStoresAnyway,
  'full memory refuses everything': FullMemoryRefusesEverything,
  'a restart is not noticed': RestartIsNotNoticed,
  'own writes are untracked': OwnWritesAreUntracked,
  'own writes are pushed': OwnWritesArePushed,
  'a key is tracked once': TrackedOnce,
  'tokens are untracked': TokensAreUntracked,
  'reads are untracked': ReadsAreUntracked,
  'payloads are cut at 64 KB': storing((entry) => ({ ...entry, payload: entry.payload.subarray(0, 65_535) })),
  'at most 64 tags are kept': storing((entry) => ({ ...entry, tags: entry.tags.slice(0, 64) })),
  'soft parts are dropped': storing((entry) => ({
    ...entry,
    tags: entry.tags.map((tag) => ({ ...tag, token: tag.token.slice(0, 8) })),
  })),
  'lives are 31 bits': storing((entry) => ({ ...entry, ttlMs: entry.ttlMs % 2 ** 31 })),
  'values are kept for long': storing((entry) => ({ ...entry, keepMs: entry.keepMs * 10 })),
  'values are fresh while they are kept': storing((entry) => ({ ...entry, ttlMs: entry.keepMs })),
  'codecs are 7 bits': storing((entry) => ({ ...entry, codec: entry.codec & 0x7f })),
  'namespace tokens are lost': storing((entry) => ({ ...entry, namespaceToken: 'no token' })),
  'load times are lost': storing((entry) => ({ ...entry, loadMs: 0 })),
}
