import type {
  Acquired,
  Filled,
  NamespaceStore,
  ReadRequest,
  StoreDefinition,
  StoreEnvironment,
  StoreWatcher,
  Tag,
  Token,
  Tokens,
} from 'holdfast/contracts'
import { changedRead } from './changed-read.ts'
import { decorateStore } from './decorate-store.ts'

/** Wraps any store into one that breaks one rule. */
export type StoreMutant = (definition: StoreDefinition) => StoreDefinition

// No clock makes this token: it stands for "the same as before" where a rule wants a unique one.
const CONSTANT_TOKEN: Token = 'constant'
// Longer than a reply takes on a loopback, much shorter than Δ.
const PUSH_DELAY_MS = 5
const LIVES_PER_TAG = 4
// These mutants are of stores without parts: any key stands for all.
const ANY_KEY = 'k'
const MINTED_LIFE_MS = 60_000

/**
 * The rules of the protocol that a store upholds, each broken, over any store: a checker (a conformance case, a
 * race workload) that cannot tell a mutant from the store itself has no teeth.
 *
 * - F: a fill is an unconditional put, whoever holds the lease.
 * - T: a fill rewrites its tags and namespace token with those of the moment, not those captured before the load.
 * - T': the epoch never changes. Workload: a load that finds out its tags.
 * - P: pushes arrive `PUSH_DELAY_MS` late, behind the replies that the server sent after them.
 * - U: a missing tag has a token, always the same, and only an invalidation mints one. Workload: invalidate a tag,
 *   evict it, read what was loaded before. Quarantines of tags do not hold for acquire.
 */
export const storeMutants: Readonly<Record<'F' | 'T' | "T'" | 'P' | 'U', StoreMutant>> = {
  F: (definition) =>
    decorateStore(definition, { namespace: (inner) => ({ fill: unconditionalFill(inner) }) }),
  T: (definition) => decorateStore(definition, { namespace: (inner) => ({ fill: retaggedFill(inner) }) }),
  "T'": (definition) => decorateStore(definition, { namespace: (inner) => withTokens(inner, constantEpoch) }),
  P: (definition) => decorateStore(definition, { watcher: latePushes }),
  U: (definition) => decorateStore(definition, { namespace: (inner) => withUnmintedTags(inner) }),
}

function unconditionalFill(inner: NamespaceStore): NamespaceStore['fill'] {
  return async ({ key, entry }, by) => {
    const { namespaceToken: _namespaceToken, version: _version, tags, ...rest } = entry
    const request = {
      key,
      entry: rest,
      tags: tags.map((tag) => tag.name),
      tagLifeMs: entry.keepMs * LIVES_PER_TAG,
    }
    const { outcome, tokens } = await inner.put(request, by)
    return { stored: outcome === 'stored', tokens }
  }
}

function retaggedFill(inner: NamespaceStore): NamespaceStore['fill'] {
  return async ({ key, token, entry }, by) => {
    const names = entry.tags.map((tag) => tag.name)
    const now = await inner.tokens(key, names, entry.keepMs * LIVES_PER_TAG, by)
    const tags: Tag[] = entry.tags.map((tag) => ({ ...tag, token: now.tags.get(tag.name) ?? tag.token }))
    const namespaceToken = now.namespace ?? entry.namespaceToken
    return inner.fill({ key, token, entry: { ...entry, namespaceToken, tags } }, by)
  }
}

type Rewrite = (tokens: Tokens, tags: readonly string[]) => Tokens

function constantEpoch(tokens: Tokens): Tokens {
  return { ...tokens, epoch: CONSTANT_TOKEN }
}

function constantWhereMissing(tokens: Tokens, tags: readonly string[]): Tokens {
  return { ...tokens, tags: new Map(tags.map((tag) => [tag, tokens.tags.get(tag) ?? CONSTANT_TOKEN])) }
}

/** Every operation that answers tokens answers rewritten ones. */
function withTokens(
  inner: NamespaceStore,
  rewrite: Rewrite,
): Pick<NamespaceStore, 'read' | 'tokens' | 'acquire' | 'fill' | 'put'> {
  return {
    read: (request, by) => {
      const answered: ReadRequest['answered'] = (found, tokens) =>
        request.answered(found, rewrite(tokens, request.tags))
      inner.read(changedRead(request, { answered }), by)
    },
    tokens: async (key, tags, mintLifeMs, by) => rewrite(await inner.tokens(key, tags, mintLifeMs, by), tags),
    acquire: async (request, by): Promise<Acquired> => {
      const acquired = await inner.acquire(request, by)
      return { ...acquired, tokens: rewrite(acquired.tokens, request.tags) }
    },
    fill: async (request, by): Promise<Filled> => {
      const filled = await inner.fill(request, by)
      const names = request.entry.tags.map((tag) => tag.name)
      return { ...filled, tokens: rewrite(filled.tokens, names) }
    },
    put: async (request, by) => {
      const reply = await inner.put(request, by)
      return { ...reply, tokens: rewrite(reply.tokens, request.tags) }
    },
  }
}

/** Counters with "missing is zero": an entry loaded while its tag is missing matches whenever it is missing again. */
function withUnmintedTags(inner: NamespaceStore): Partial<NamespaceStore> {
  return {
    ...withTokens(inner, constantWhereMissing),
    // A counter counts up where a store may as well remove: only eviction makes a tag missing again.
    invalidateTags: async (tags, by) => {
      const reached = await inner.invalidateTags(tags, by)
      await inner.tokens(ANY_KEY, tags, MINTED_LIFE_MS, by)
      return reached
    },
    tokens: async (key, tags, _mintLifeMs, by) =>
      constantWhereMissing(await inner.tokens(key, tags, undefined, by), tags),
    acquire: async (request, by) => {
      // The namespace token and the epoch are minted as ever; the tags are looked up after the lease.
      const acquired = await inner.acquire({ ...request, tags: [] }, by)
      const { tags } = await inner.tokens(request.key, request.tags, undefined, by)
      return { ...acquired, tokens: constantWhereMissing({ ...acquired.tokens, tags }, request.tags) }
    },
  }
}

function latePushes(inner: StoreWatcher, { clock }: StoreEnvironment): Partial<StoreWatcher> {
  const later = (push: () => void): void => {
    clock.after(PUSH_DELAY_MS, push)
  }
  return {
    keyChanged: (key) => later(() => inner.keyChanged(key)),
    leaseChanged: (key) => later(() => inner.leaseChanged(key)),
    tagChanged: (tag) => later(() => inner.tagChanged(tag)),
    namespaceChanged: () => later(() => inner.namespaceChanged()),
    everythingChanged: () => later(() => inner.everythingChanged()),
  }
}
