import type {
  Acquired,
  NamespaceStore,
  ReadReply,
  ReadRequest,
  Store,
  StoreDefinition,
  StoredEntry,
  StoreEnvironment,
  StoreWatcher,
  Tokens,
} from 'holdfast/contracts'
import { decorateStore, type StoreDecoration } from '../decorate-store.ts'
import { type StoreMutant, storeMutants } from '../store-mutants.ts'

const nothing = (): void => {}

function decorated(decoration: StoreDecoration): StoreMutant {
  return (definition) => decorateStore(definition, decoration)
}

function reading(
  read: (inner: NamespaceStore, request: ReadRequest, by: number) => Promise<ReadReply>,
): StoreMutant {
  return decorated({ namespace: (inner) => ({ read: (request, by) => read(inner, request, by) }) })
}

function watching(
  change: (inner: StoreWatcher, environment: StoreEnvironment) => Partial<StoreWatcher>,
): StoreMutant {
  return decorated({ watcher: change })
}

function ofStore(change: (store: Store) => Partial<Store>): StoreMutant {
  return (definition) => ({
    open: (environment) => {
      const store = definition.open(environment)
      const whole = decorateStore({ open: () => store }, {}).open(environment)
      return Object.defineProperties(whole, Object.getOwnPropertyDescriptors(change(store)))
    },
  })
}

function withEntries(reply: ReadReply, change: (entry: StoredEntry) => StoredEntry): ReadReply {
  return { ...reply, entries: reply.entries.map((entry) => (entry?.readable ? change(entry) : entry)) }
}

/** Keys go through `fold` on their way in: two keys that fold alike are one. */
function foldingKeys(fold: (key: string) => string): StoreMutant {
  return decorated({
    namespace: (inner) => ({
      read: (request, by) => inner.read({ ...request, keys: request.keys.map(fold) }, by),
      acquire: (request, by): Promise<Acquired> => inner.acquire({ ...request, key: fold(request.key) }, by),
      fill: (request, by) => inner.fill({ ...request, key: fold(request.key) }, by),
      put: (request, by) => inner.put({ ...request, key: fold(request.key) }, by),
    }),
  })
}

/** Deadlines are counted on a clock that is ten seconds behind. */
function lateDeadlines(definition: StoreDefinition): StoreDefinition {
  return {
    open: (environment) => {
      const { clock } = environment
      const slow = {
        now: () => clock.now() - 10_000,
        wallNow: () => clock.wallNow(),
        after: clock.after.bind(clock),
        random: () => clock.random(),
        token: () => clock.token(),
      }
      return definition.open({ ...environment, clock: slow })
    },
  }
}

/** The reply of a read that timed out is handed to the next read. */
function shiftedReplies(inner: NamespaceStore): Partial<NamespaceStore> {
  let late: ReadRequest | undefined
  return {
    read: async (request, by) => {
      const asked = late ?? request
      late = undefined
      try {
        return await inner.read({ ...asked, written: false }, by)
      } catch (error) {
        late = asked
        throw error
      }
    },
  }
}

/** Reads of the same turn all get the reply of the last. */
function mixedReplies(inner: NamespaceStore): Partial<NamespaceStore> {
  let last: ReadRequest | undefined
  return {
    read: async (request, by) => {
      last = request
      await Promise.resolve()
      return inner.read(last, by)
    },
  }
}

function toAllNamespaces(definition: StoreDefinition): StoreDefinition {
  const watchers = new Set<StoreWatcher>()
  return decorateStore(definition, {
    watcher: (inner) => {
      watchers.add(inner)
      return {
        keyChanged: (key) => {
          for (const watcher of watchers) watcher.keyChanged(key)
        },
      }
    },
  })
}

function firstNamespaceOnly(definition: StoreDefinition): StoreDefinition {
  let opened = 0
  return decorateStore(definition, { watcher: () => (opened++ === 0 ? {} : { connected: nothing }) })
}

const withoutEpoch = (tokens: Tokens): Tokens => ({ ...tokens, epoch: undefined })

/** What a store shows to its users, broken over any store. The key is the defect. */
export const surfaceMutants: Readonly<Record<string, StoreMutant>> = {
  'F: a fill is an unconditional put': storeMutants.F,
  'T: a fill takes the tags of the moment': storeMutants.T,
  "T': the epoch is constant": storeMutants["T'"],
  'P: pushes come behind later replies': storeMutants.P,
  'U: a missing tag has a token': storeMutants.U,
  'absent keys are left out of a read': reading(async (inner, request, by) => {
    const reply = await inner.read(request, by)
    return { ...reply, entries: reply.entries.filter((entry) => entry !== undefined) }
  }),
  'repeated keys are read once': reading(async (inner, request, by) => {
    const reply = await inner.read({ ...request, keys: [...new Set(request.keys)] }, by)
    return { ...reply, entries: request.keys.map((_, i) => reply.entries[i]) }
  }),
  'a read answers 512 keys': reading(async (inner, request, by) => {
    const reply = await inner.read(request, by)
    return { ...reply, entries: reply.entries.map((entry, i) => (i < 512 ? entry : undefined)) }
  }),
  'a read of no keys asks nothing': reading(async (inner, request, by) =>
    request.keys.length > 0
      ? inner.read(request, by)
      : { entries: [], tokens: { namespace: undefined, epoch: undefined, tags: new Map() } },
  ),
  'a read mints': reading(async (inner, request, by) => {
    await inner.tokens(request.tags, 60_000, by)
    return inner.read(request, by)
  }),
  'ages stand still': reading(async (inner, request, by) =>
    withEntries(await inner.read(request, by), (entry) => ({ ...entry, ageMs: 0 })),
  ),
  'unreadable bytes are absent': reading(async (inner, request, by) => {
    const reply = await inner.read(request, by)
    return { ...reply, entries: reply.entries.map((entry) => (entry?.readable ? entry : undefined)) }
  }),
  'tokens hide the epoch': decorated({
    namespace: (inner) => ({
      tokens: async (tags, lifeMs, by) => withoutEpoch(await inner.tokens(tags, lifeMs, by)),
    }),
  }),
  'a fill hides the epoch': decorated({
    namespace: (inner) => ({
      fill: async (request, by) => {
        const filled = await inner.fill(request, by)
        return { ...filled, tokens: withoutEpoch(filled.tokens) }
      },
    }),
  }),
  'a request is never marked as written': reading((inner, request, by) => inner.read({ ...request }, by)),
  'replies shift after a timeout': decorated({ namespace: shiftedReplies }),
  'replies are mixed up': decorated({ namespace: mixedReplies }),
  'keys are made well-formed': foldingKeys((key) => key.toWellFormed()),
  'keys are trimmed': foldingKeys((key) => key.trim() || '-'),
  'a lease holds all keys': decorated({
    namespace: (inner) => ({ acquire: (request, by) => inner.acquire({ ...request, key: 'k' }, by) }),
  }),
  'changes of keys are not told': watching(() => ({ keyChanged: nothing })),
  'changes of leases are not told': watching(() => ({ leaseChanged: nothing })),
  'changes of tags are not told': watching(() => ({ tagChanged: nothing })),
  'clears are not told': watching(() => ({ namespaceChanged: nothing })),
  'changes of everything are not told': watching(() => ({ everythingChanged: nothing })),
  'changes of keys are told to all namespaces': toAllNamespaces,
  'names are told in ASCII': watching((inner) => ({
    keyChanged: (key) => inner.keyChanged(Buffer.from(key, 'ascii').toString('ascii')),
  })),
  'every other change is told': watching((inner) => {
    let count = 0
    return { keyChanged: (key) => (count++ % 2 === 0 ? inner.keyChanged(key) : undefined) }
  }),
  'nothing is verified': watching(() => ({ verified: nothing })),
  'what comes is verified': watching((inner) => ({
    verified: (sentAtMs) => inner.verified(sentAtMs + 1000),
  })),
  'silence is verified': watching((inner, { clock }) => {
    let beats = 100
    const beat = (): void => {
      inner.verified(clock.now())
      if (beats-- > 0) clock.after(2, beat)
    }
    beat()
    return {}
  }),
  'a second namespace is not told of the connection': firstNamespaceOnly,
  'a lost connection is not told': watching(() => ({ lost: nothing })),
  'a new connection is not told': watching((inner) => {
    let isFirst = true
    return {
      connected: (facts) => {
        if (isFirst) inner.connected(facts)
        isFirst = false
      },
    }
  }),
  'generations stand still': watching((inner) => ({
    connected: (facts) => inner.connected({ ...facts, generation: 1 }),
  })),
  'deadlines are late': lateDeadlines,
  'close is forgotten': (definition) =>
    decorateStore(ofStore(() => ({ close: async () => {} }))(definition), {
      namespace: () => ({ close: nothing }),
    }),
  'what is in flight at close hangs': decorated({
    namespace: (inner) => ({
      read: (request, by) => inner.read(request, by).catch(() => new Promise<never>(nothing)),
    }),
  }),
  'a store denies its pushes': ofStore((store) => ({ capabilities: { ...store.capabilities, push: false } })),
  'an address shows its password': ofStore(() => ({ address: 'redis://user:password@host' })),
  'empty lists are refused': decorated({
    namespace: (inner) => ({
      invalidate: async (keys, by) => {
        if (keys.length === 0) throw new TypeError('wrong number of arguments')
        return inner.invalidate(keys, by)
      },
      invalidateTags: async (tags, by) => {
        if (tags.length === 0) throw new TypeError('wrong number of arguments')
        return inner.invalidateTags(tags, by)
      },
    }),
  }),
}
