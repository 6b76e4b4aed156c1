import type { RedisServer, ServerName, StoreHarness } from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { Names } from '../names.ts'

function nameOf({ kind, namespace, name }: ServerName): string {
  const names = new Names(namespace)
  if (kind === 'namespace') return names.own('n')
  if (kind === 'epoch') return names.own('e')
  return names.of(kind === 'value' ? 'v' : kind === 'lease' ? 'l' : 't', name)
}

/**
 * The conformance suite's hands on a Redis, which needs `--enable-debug-command yes`. Both are asked for when a case
 * runs: the suite's cases are made before a server can be started. What is done to it is done as the default user.
 */
export function redisHarness(server: () => RedisServer, l2: () => StoreDefinition): StoreHarness {
  return {
    definition: { open: (environment) => l2().open(environment) },
    push: true,
    evict: async (name) => void (await server().cli('DEL', nameOf(name))),
    plant: async (namespace, key, bytes) =>
      void (await server().cli('SET', new Names(namespace).of('v', key), bytes)),
    flush: async () => void (await server().cli('FLUSHALL')),
    cut: async () => void (await server().cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    stall: async () => server().pause(),
    resume: async () => server().resume(),
    setFull: async (isFull) => {
      await server().cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
      await server().cli('CONFIG', 'SET', 'maxmemory', isFull ? '1' : '0')
    },
    quarantinesWhenFull: true,
    restart: async () => {
      await server().cli('SAVE')
      await server().kill()
      await server().restart()
    },
  }
}
