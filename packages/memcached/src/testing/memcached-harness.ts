import type { FaultProxy, MemcachedServer, ServerName, StoreHarness } from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { Names } from '../island/names.ts'

/** A name as a test's own command writes it, with the flag that goes with it. */
export function commandKey({ kind, namespace, name }: ServerName): readonly [text: string, flag: string] {
  const names = new Names(namespace)
  const key =
    kind === 'namespace'
      ? names.namespace
      : kind === 'epoch'
        ? names.epoch
        : names.of(kind === 'value' || kind === 'lease' ? 'v' : 't', name)
  return [key.text, key.isBinary ? ' b' : '']
}

/** The suite's hands on one Memcached, which keeps its data (-e), behind a proxy that can cut. */
export function memcachedHarness(
  server: () => MemcachedServer,
  proxy: () => FaultProxy,
  l2: () => StoreDefinition,
): StoreHarness {
  return {
    definition: { open: (environment) => l2().open(environment) },
    push: false,
    evict: async (name) => {
      const [key, flag] = commandKey(name)
      await server().cli(`md ${key}${flag}`)
    },
    plant: async (namespace, key, bytes) => {
      const [text, flag] = commandKey({ kind: 'value', namespace, name: key })
      await server().cli(`ms ${text} ${bytes.length}${flag}\r\n${Buffer.from(bytes).toString('latin1')}`)
    },
    flush: async () => void (await server().cli('flush_all')),
    cut: async () => proxy().cut(),
    stall: () => server().pause(),
    resume: async () => server().resume(),
    restart: () => server().restartWithData(),
  }
}
