import type {
  Acquired,
  NamespaceStore,
  ReadRequest,
  Store,
  StoreDefinition,
  StoreEnvironment,
  StoreWatcher,
  Tokens,
} from 'holdfast/contracts'
import { changedRead } from '../changed-read.ts'
import { decorateStore, type StoreDecoration } from '../decorate-store.ts'
import { type StoreMutant, storeMutants } from '../store-mutants.ts'

const nothing = (): void => {}

function decorated(decoration: StoreDecoration): StoreMutant {
  return (definition) => decorateStore(definition, decoration)
}

/** Reads are asked, or answered, otherwise. */
function reading(change: (request: ReadRequest, inner: NamespaceStore) => Partial<ReadRequest>): StoreMutant {
  return decorated({
    namespace: (inner) => ({
      read: (request, by) => inner.read(changedRead(request, change(request, inner)), by),
    }),
  })
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

/** Keys go through `fold` on their way in: two keys that fold alike are one. */
function foldingKeys(fold: (key: string) => string): StoreMutant {
  return decorated({
    namespace: (inner) => ({
      read: (request, by) => inner.read(changedRead(request, { key: fold(request.key) }), by),
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
  let late: string | undefined
  return {
    read: (request, by) => {
      const key = late ?? request.key
      late = undefined
      const failed = (error: unknown): void => {
        late = key
        request.failed(error)
      }
      inner.read(changedRead(request, { key, failed }), by)
    },
  }
}

/** Reads of the same turn all get the reply of the last. */
function mixedReplies(inner: NamespaceStore): Partial<NamespaceStore> {
  let last = ''
  return {
    read: (request, by) => {
      last = request.key
      queueMicrotask(() => inner.read(changedRead(request, { key: last }), by))
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
  'absent keys are unreadable': reading((request) => ({
    answered: (found, tokens) =>
      request.answered(found ?? { readable: false, reason: 'absent', seen: '' }, tokens),
  })),
  'a read asks for no tokens': reading((request) => ({
    answered: (found) => request.answered(found, { namespace: undefined, epoch: undefined, tags: new Map() }),
  })),
  'what is known is unchanged': reading((request) => ({
    answered: (found, tokens) =>
      request.known === undefined || request.unchanged === undefined
        ? request.answered(found, tokens)
        : request.unchanged(tokens),
  })),
  'a read mints': decorated({
    namespace: (inner) => ({
      read: (request, by) => {
        inner
          .tokens(request.key, request.tags, 60_000, by)
          .then(() => inner.read(request, by), request.failed)
      },
    }),
  }),
  'ages stand still': reading((request) => ({
    answered: (found, tokens) => request.answered(found?.readable ? { ...found, ageMs: 0 } : found, tokens),
  })),
  'unreadable bytes are absent': reading((request) => ({
    answered: (found, tokens) => request.answered(found?.readable ? found : undefined, tokens),
  })),
  'tokens hide the epoch': decorated({
    namespace: (inner) => ({
      tokens: async (key, tags, lifeMs, by) => withoutEpoch(await inner.tokens(key, tags, lifeMs, by)),
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
  'a request is never marked as written': reading(() => ({ written: false })),
  'replies shift after a timeout': decorated({ namespace: shiftedReplies }),
  'replies are mixed up': decorated({ namespace: mixedReplies }),
  'keys are made well-formed': foldingKeys((key) => key.toWellFormed()),
  'keys are trimmed': foldingKeys((key) => key.trim() || '-'),
  'what was seen is waited for': decorated({
    namespace: (inner) => ({
      acquire: async (request, by) => {
        const acquired = await inner.acquire(request, by)
        const isWaited = request.seen !== undefined && acquired.state === 'won'
        return isWaited ? { state: 'busy', tokens: acquired.tokens } : acquired
      },
    }),
  }),
  'a lease holds all keys': decorated({
    namespace: (inner) => ({ acquire: (request, by) => inner.acquire({ ...request, key: 'k' }, by) }),
  }),
  'changes of keys are not told': watching(() => ({ keyChanged: nothing })),
  'changes of leases are not told': watching(() => ({ leaseChanged: nothing })),
  'changes of tags are not told': watching(() => ({ tagChanged: nothing })),
  'tokens alone are not tracked': watching((_, { tracking }) =>
    tracking === 'tokens' ? { tagChanged: nothing } : {},
  ),
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
      read: (request, by) => inner.read(changedRead(request, { failed: nothing }), by),
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
