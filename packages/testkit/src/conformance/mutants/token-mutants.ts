import type { Token, Tokens } from 'holdfast/contracts'
import { MemoryCommands } from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class NothingIsMinted extends MemoryCommands {
  protected override mintTokens(at: Place, tags: readonly string[]): Tokens {
    return this.readTokens(at, tags)
  }
}

class LooksMint extends MemoryCommands {
  override tokens(at: Place, tags: readonly string[]): Tokens {
    return this.mintTokens(at, tags, 60_000)
  }
}

class MintsOverWhatIsThere extends MemoryCommands {
  protected override mintTag(at: Place, tag: string, lifeMs: number): void {
    this.parts.keyspace.tag.set(at.namespace, tag, this.newToken(), lifeMs)
  }
}

class TokensComeRound extends MemoryCommands {
  #minted = 0

  protected override newToken(): Token {
    this.#minted = (this.#minted + 1) % 5
    return `${this.#minted}`.padStart(8)
  }
}

/** Finding 6: counters that start again where they were evicted. */
class TokensAreCounters extends MemoryCommands {
  protected override replaceTag(at: Place, tag: string): void {
    const count = Number(this.parts.keyspace.tag.get(at.namespace, tag) ?? 0)
    this.parts.keyspace.tag.set(at.namespace, tag, `${count + 1}`.padStart(8), 60_000)
  }

  protected override mintTag(at: Place, tag: string): void {
    if (this.parts.keyspace.tag.get(at.namespace, tag) === undefined) this.replaceTag(at, tag)
  }
}

class NamespaceTokenIsItsName extends MemoryCommands {
  protected override mintTokens(at: Place, tags: readonly string[], lifeMs: number): Tokens {
    const { namespace, epoch } = this.parts.keyspace
    for (const shelf of [namespace, epoch]) {
      if (shelf.get(at.namespace, '') === undefined) shelf.set(at.namespace, '', 'constant', lifeMs)
    }
    return super.mintTokens(at, tags, lifeMs)
  }

  override admit(): void {}
}

class TagsKeepTheEpoch extends MemoryCommands {
  protected override replaceEpoch(): void {}
}

class TagsOfOneNameAreOne extends MemoryCommands {
  readonly #namespaces = new Set<string>()

  override admit(namespace: string, runId: Token): void {
    this.#namespaces.add(namespace)
    super.admit(namespace, runId)
  }

  protected override replaceTag(at: Place, tag: string): void {
    for (const namespace of this.#namespaces) super.replaceTag({ ...at, namespace }, tag)
  }
}

class InvalidatedTagsAreForgotten extends MemoryCommands {
  override invalidateTags(at: Place): void {
    this.replaceEpoch(at)
  }
}

class TagsReplaceTheNamespaceToken extends MemoryCommands {
  override invalidateTags(at: Place, tags: readonly string[]): void {
    super.invalidateTags(at, tags)
    this.clear(at)
  }
}

/** Tokens, tags, and what replaces them. */
export const tokenMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'nothing is minted': NothingIsMinted,
  'looks mint': LooksMint,
  'minting replaces what is there': MintsOverWhatIsThere,
  'tokens come round': TokensComeRound,
  'tokens are counters': TokensAreCounters,
  'a namespace token is the same when minted again': NamespaceTokenIsItsName,
  'tags keep the epoch': TagsKeepTheEpoch,
  'tags of one name are one in all namespaces': TagsOfOneNameAreOne,
  'invalidated tags keep their tokens': InvalidatedTagsAreForgotten,
  'tags replace the namespace token': TagsReplaceTheNamespaceToken,
}
