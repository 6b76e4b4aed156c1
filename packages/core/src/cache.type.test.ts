import { expect, expectTypeOf, test } from 'vitest'
import { createCache } from './create-cache.ts'
import type { EntryOptions, StandardSchema } from './options.ts'

// What the types say is checked where all tests are: by `tsc -p tsconfig.test.json`. Each line runs here as well.
interface User {
  readonly id: number
  readonly org: string
}

const ann: User = { id: 7, org: 'a' }
const users = new Map([[7, ann]])
const cache = createCache({ name: 'types' })

const anyUser: StandardSchema<User> = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ value: ann }) },
}

test('a loader that may answer undefined says so in the answer', async () => {
  const found = await cache.getOrSet('a1', () => users.get(7))
  expectTypeOf(found).toEqualTypeOf<User | undefined>()
  const later = await cache.getOrSet('a2', async () => users.get(7))
  expectTypeOf(later).toEqualTypeOf<User | undefined>()
  const anew = await cache.refresh('a1', () => users.get(7))
  expectTypeOf(anew).toEqualTypeOf<User | undefined>()
  const find = cache.wrap((id: number) => users.get(id), { key: (id) => ['user', id] })
  expectTypeOf(find).returns.resolves.toEqualTypeOf<User | undefined>()
  expect([found, later, anew, await find(8)]).toEqual([ann, ann, ann, undefined])
})

test('a loader that always answers leaves no undefined to check for', async () => {
  const user = await cache.getOrSet('b1', () => ann)
  expectTypeOf(user).toEqualTypeOf<User>()
  const orNull = await cache.getOrSet('b2', async () => users.get(8) ?? null)
  expectTypeOf(orNull).toEqualTypeOf<User | null>()
  const text = await cache.getOrSet('b3', ({ key }) => key)
  expectTypeOf(text).toEqualTypeOf<string>()
  expect([user, orNull, text]).toEqual([ann, null, 'b3'])
})

test('tags are derived from what is cached, which undefined never is', async () => {
  const byHand = await cache.getOrSet('c1', () => users.get(7), { tags: (user) => [user.org] })
  expectTypeOf(byHand).toEqualTypeOf<User | undefined>()
  const orNull = await cache.getOrSet('c2', async () => users.get(8) ?? null, {
    tags: (user) => {
      expectTypeOf(user).toEqualTypeOf<User | null>()
      return [user?.org ?? 'none']
    },
  })
  const typed = await cache.getOrSet('c3', () => users.get(7), { tags: (user: User) => [user.org] })
  expectTypeOf(typed).toEqualTypeOf<User | undefined>()
  const find = cache.wrap((id: number) => users.get(id), {
    key: (id) => ['tagged', id],
    tags: (user) => [user.org],
  })
  const [first] = await cache.getOrSetMany(['c4'], () => [users.get(7)], { tags: (user) => [user.org] })
  expectTypeOf(first).toEqualTypeOf<User | undefined>()
  expect([byHand, orNull, typed, await find(7), first]).toEqual([ann, null, ann, ann, ann])
})

test('the type can be said, and any stays any', async () => {
  const said = await cache.getOrSet<User>('d1', async () => ann, { validate: anyUser })
  expectTypeOf(said).toEqualTypeOf<User>()
  const orNone = await cache.getOrSet<User | undefined>('d2', () => users.get(7), { tags: ['users'] })
  expectTypeOf(orNone).toEqualTypeOf<User | undefined>()
  // @ts-expect-error a loader that may answer undefined is no loader of a User
  const hidden = await cache.getOrSet<User>('d3', () => users.get(7))
  const checked = await cache.getOrSet('d6', (): unknown => ann, { validate: anyUser })
  expectTypeOf(checked).toEqualTypeOf<unknown>()
  const failing = await cache.getOrSet('d7', () => users.get(7), { validate: anyUser })
  expectTypeOf(failing).toEqualTypeOf<User | undefined>()
  const anything = await cache.getOrSet('d4', () => JSON.parse('{"id":1}'), { tags: (row) => [`${row.id}`] })
  expectTypeOf(anything).toBeAny()
  const options: EntryOptions<User | undefined> = { ttl: '1m', tags: (user) => [user.org] }
  const kept = await cache.getOrSet('d5', () => users.get(7), options)
  const plain = { tags: (user: User) => [user.org] }
  expectTypeOf(await cache.getOrSet('d5', () => users.get(7), plain)).toEqualTypeOf<User | undefined>()
  expectTypeOf(kept).toEqualTypeOf<User | undefined>()
  expect([said, orNone, hidden, anything, kept]).toEqual([ann, ann, ann, { id: 1 }, ann])
})
