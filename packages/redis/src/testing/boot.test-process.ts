import { pause } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { redis } from '../redis.ts'
import { answerBoundMs, overrunMs } from './overrun.ts'
import { tell } from './tell.ts'

/** A program that starts while its Redis is not there: `boot.test-process.ts <url> <loader ms> <close|leave>`. */
const [, , url = '', loadMs = '', ending = ''] = process.argv

const logger = { info: () => undefined, warn: () => undefined }
let cache: Cache | undefined
const overMs = await overrunMs(answerBoundMs(Number(loadMs)), async () => {
  cache = createCache({ name: 'boot', l2: redis(url), logger })
  await cache.getOrSet('first', () => pause(Number(loadMs)).then(() => 'loaded'))
})
tell({ overMs, answer: await cache?.get('first') })
if (ending === 'close' && cache !== undefined) {
  while (!cache.stats().l2.online) await pause(1)
  await cache.set('later', 'stored')
  tell({ online: true })
  await cache.close()
}
