import { decodeEntry, type PutReply, type PutRequest } from 'holdfast/contracts'
import { MemoryCommands } from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class VersionsAreIgnored extends MemoryCommands {
  protected override isOlder(): boolean {
    return false
  }
}

class VersionsAreDoubles extends MemoryCommands {
  protected override isOlder(
    at: Place,
    key: string,
    version: bigint | undefined,
    command: 'fill' | 'put',
  ): boolean {
    return super.isOlder(
      at,
      key,
      version === undefined ? version : BigInt.asIntN(64, BigInt(Number(version))),
      command,
    )
  }
}

class VersionedPutPlantsItself extends MemoryCommands {
  protected override isOlder(at: Place, key: string, version: bigint | undefined): boolean {
    return super.isOlder(at, key, version, 'fill')
  }
}

class VersionedPutIsNeverStored extends MemoryCommands {
  protected override isOlder(_at: Place, _key: string, version: bigint | undefined): boolean {
    return version !== undefined
  }
}

class OlderPutSaysStored extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    const bytes = this.parts.keyspace.value.get(at.namespace, request.key)
    const held = bytes && decodeEntry(bytes, request.key, this.parts.now())
    const isPlain = held?.readable === true && held.version === undefined
    if (!isPlain || request.entry.version === undefined) return super.put(at, request, deadlineMs)
    return { outcome: 'stored', tokens: this.readTokens(at, request.tags) }
  }
}

class PutKeepsTheVersion extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    const bytes = this.parts.keyspace.value.get(at.namespace, request.key)
    const held = bytes && decodeEntry(bytes, request.key, this.parts.now())
    if (!held?.readable || held.version === undefined) return super.put(at, request, deadlineMs)
    const entry = { ...request.entry, version: request.entry.version ?? held.version }
    return super.put(at, { ...request, entry }, deadlineMs)
  }
}

class PutIgnoresItsDeadline extends MemoryCommands {
  protected override isTooLate(): boolean {
    return false
  }
}

class PutTakesTokensOfItsOwn extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    const reply = super.put(at, request, deadlineMs)
    for (const tag of request.tags) this.parts.keyspace.tag.set(at.namespace, tag, this.newToken(), 60_000)
    return reply
  }
}

class PutDropsItsTags extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    return super.put(at, { ...request, tags: [] }, deadlineMs)
  }
}

/** Puts and their versions. */
export const putMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'versions are ignored': VersionsAreIgnored,
  'versions are doubles': VersionsAreDoubles,
  'a versioned put plants itself': VersionedPutPlantsItself,
  'a versioned put is never stored': VersionedPutIsNeverStored,
  'a put that stored nothing says stored': OlderPutSaysStored,
  'a put keeps the version': PutKeepsTheVersion,
  'a put ignores its deadline': PutIgnoresItsDeadline,
  'a put takes tokens of its own': PutTakesTokensOfItsOwn,
  'a put drops its tags': PutDropsItsTags,
}
