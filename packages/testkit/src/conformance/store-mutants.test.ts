import { expect, test } from 'vitest'
import { memoryServer } from '../memory-store/memory-server.ts'
import { memoryStore } from '../memory-store.ts'
import type { StoreHarness } from './harness.ts'
import { memoryHarness } from './memory-harness.ts'
import { Stage } from './stage.ts'
import { storeMutants } from './store-mutants.ts'

function stageOf(mutant: keyof typeof storeMutants): Stage {
  return new Stage(memoryHarness(memoryServer(), storeMutants[mutant]))
}

test('F: a load that was invalidated is stored all the same', async () => {
  const stage = stageOf('F')
  const [loader, writer] = [await stage.open(), await stage.open()]
  const load = await loader.win('k')
  await writer.namespace.invalidate(['k'], writer.by)
  expect((await loader.fill(load, 'old')).stored).toBe(true)
  expect(await writer.isValid(await writer.readStored('k'))).toBe(true)
  await stage.close()
})

test('T: a load that began before the invalidation of its tag matches after it', async () => {
  const stage = stageOf('T')
  const [loader, writer] = [await stage.open(), await stage.open()]
  const load = await loader.win('k', { tags: ['t'] })
  await writer.namespace.invalidateTags(['t'], writer.by)
  await loader.fill(load, 'old')
  expect(await writer.isValid(await writer.readStored('k'))).toBe(true)
  await stage.close()
})

test("T': an invalidation of a tag that was not captured does not show", async () => {
  const stage = stageOf("T'")
  const [loader, writer] = [await stage.open(), await stage.open()]
  const load = await loader.win('k')
  await writer.namespace.invalidateTags(['found by the load'], writer.by)
  expect((await loader.fill(load, 'old')).tokens.epoch).toBe(load.tokens.epoch)
  await stage.close()
})

test('U: an entry whose tag was invalidated comes back when the tag is evicted', async () => {
  const stage = stageOf('U')
  const client = await stage.open()
  await client.load('k', 'old', ['t'])
  const entry = await client.readStored('k')
  expect(await client.isValid(entry)).toBe(true)
  await client.namespace.invalidateTags(['t'], client.by)
  expect(await client.isValid(entry)).toBe(false)
  await stage.evict('tag', 't')
  expect(await client.isValid(entry)).toBe(true)
  await stage.close()
})

test('P: a barrier resolves before the push of what happened before it', async () => {
  const stage = stageOf('P')
  const [reader, writer] = [await stage.open(), await stage.open()]
  await writer.put('k', 'old')
  await reader.read('k')
  await writer.namespace.invalidate(['k'], writer.by)
  await reader.store.barrier(reader.by)
  expect(reader.watcher.events).toEqual([])
  await stage.told(reader, 'key k')
  await stage.close()
})

test('mutants go over any store, one over the other', async () => {
  const definition = storeMutants.F(storeMutants["T'"](storeMutants.U(memoryStore(memoryServer()))))
  const stage = new Stage({ definition, push: true } satisfies StoreHarness)
  const client = await stage.open()
  expect(client.store.online).toBe(true)
  await client.put('k', 'v', { tags: ['t'] })
  expect(await client.readText('k')).toBe('v')
  await stage.close()
  expect(client.store.online).toBe(false)
})
