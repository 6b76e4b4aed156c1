import {
  ENTRY_FLAG_STALE,
  encodeEntry,
  type NewEntry,
  type PutReply,
  type PutRequest,
  type TagToken,
  type Token,
} from 'holdfast/contracts'
import { MemoryCommands } from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class InvalidatesTheFirstOnly extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    super.invalidate(at, keys.slice(0, 1))
  }
}

class InvalidatesEveryNamespace extends MemoryCommands {
  readonly #namespaces = new Set<string>()

  override admit(namespace: string, runId: Token): void {
    this.#namespaces.add(namespace)
    super.admit(namespace, runId)
  }

  override invalidate(at: Place, keys: readonly string[]): void {
    for (const namespace of this.#namespaces) super.invalidate({ ...at, namespace }, keys)
  }
}

class InvalidatesEveryLease extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    super.invalidate(at, keys)
    this.parts.keyspace.lease.clear()
  }

  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    this.parts.keyspace.lease.clear()
    return super.put(at, request, deadlineMs)
  }
}

class ExpireRemoves extends MemoryCommands {
  protected override markStale(at: Place, key: string): void {
    this.parts.keyspace.value.delete(at.namespace, key)
  }
}

class ExpireForgetsWhen extends MemoryCommands {
  protected override markStale(at: Place, key: string): void {
    const { value: shelf } = this.parts.keyspace
    const bytes = shelf.get(at.namespace, key)
    if (bytes === undefined) return
    const marked = Buffer.from(bytes)
    marked.writeUInt8(marked.readUInt8(2) | ENTRY_FLAG_STALE, 2)
    shelf.set(at.namespace, key, marked, shelf.lifeMs(at.namespace, key))
  }
}

class ExpireDoesNothing extends MemoryCommands {
  override expire(): void {}

  override expireTags(): void {}
}

class ExpireTagsReplacesTheHardPart extends MemoryCommands {
  protected override softened(): TagToken {
    return this.newToken() + this.newToken()
  }
}

class ExpireTagsKeepsTheSoftPart extends MemoryCommands {
  protected override softened(token: TagToken): TagToken {
    return token.padEnd(16, 's')
  }
}

class ExpireOfAMissingTagDoesNothing extends MemoryCommands {
  override expireTags(at: Place, tags: readonly string[]): void {
    const present = tags.filter((tag) => this.parts.keyspace.tag.get(at.namespace, tag) !== undefined)
    super.expireTags(at, present)
  }
}

class InvalidateTagsIsSoft extends MemoryCommands {
  protected override replaceTag(at: Place, tag: string): void {
    const token = this.parts.keyspace.tag.get(at.namespace, tag)
    if (token?.length !== 16) super.replaceTag(at, tag)
    else this.parts.keyspace.tag.set(at.namespace, tag, this.softened(token), 60_000)
  }
}

class ClearReachesLongerNames extends MemoryCommands {
  readonly #namespaces = new Set<string>()

  override admit(namespace: string, runId: Token): void {
    this.#namespaces.add(namespace)
    super.admit(namespace, runId)
  }

  override clear(at: Place): void {
    for (const namespace of this.#namespaces) {
      if (namespace.startsWith(at.namespace)) super.clear({ ...at, namespace })
    }
  }
}

class ClearDoesNothing extends MemoryCommands {
  override clear(): void {}
}

class NamesAreJoined extends MemoryCommands {
  protected override store(at: Place, key: string, entry: NewEntry): void {
    super.store({ ...at, namespace: '' }, `${at.namespace}:${key}`, entry)
    const bytes = encodeEntry(entry, key, this.parts.now())
    this.parts.keyspace.value.set('', `${at.namespace}:${key}`, bytes, entry.keepMs)
  }

  protected override readValue(at: Place, key: string): Buffer | undefined {
    return super.readValue({ ...at, namespace: '' }, `${at.namespace}:${key}`)
  }
}

/** Invalidate, expire, clear, and names that meet. */
export const removalMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'only the first key is invalidated': InvalidatesTheFirstOnly,
  'keys are invalidated in all namespaces': InvalidatesEveryNamespace,
  'an invalidation or a put voids every lease': InvalidatesEveryLease,
  'an expire removes': ExpireRemoves,
  'an expire forgets when': ExpireForgetsWhen,
  'an expire does nothing': ExpireDoesNothing,
  'expireTags replaces the hard part': ExpireTagsReplacesTheHardPart,
  'expireTags keeps the soft part': ExpireTagsKeepsTheSoftPart,
  'expireTags does nothing to a missing tag': ExpireOfAMissingTagDoesNothing,
  'invalidateTags is soft': InvalidateTagsIsSoft,
  'a clear reaches longer names': ClearReachesLongerNames,
  'a clear does nothing': ClearDoesNothing,
  'names are joined': NamesAreJoined,
}
