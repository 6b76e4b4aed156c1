import { describe, expect, test } from 'vitest'
import { readSettings, SettingsError } from './settings.ts'

describe('readSettings', () => {
  test('nothing said: one node on 4400, 2,000 requests/s, no given servers', () => {
    expect(readSettings([], {})).toMatchObject({
      mode: 'serve',
      port: 4400,
      trafficPerSecond: 2000,
      databaseUrl: undefined,
      redisUrl: undefined,
      memcachedUrl: undefined,
    })
  })

  test('flags and environment are taken', () => {
    const env = {
      PORT: '0',
      DATABASE_URL: 'postgresql://db/x',
      REDIS_URL: 'rediss://r',
      MEMCACHED_URL: 'memcached://a,b:11212',
      ATLAS_DATA: '/d',
    }
    expect(readSettings(['--fleet', '--traffic', '0'], env)).toEqual({
      mode: 'fleet',
      port: 0,
      trafficPerSecond: 0,
      databaseUrl: 'postgresql://db/x',
      redisUrl: 'rediss://r',
      memcachedUrl: 'memcached://a,b:11212',
      dataFolder: '/d',
    })
  })

  test.each([
    [['--strom'], {}, /--strom/],
    [['race'], {}, /race/],
    [['--traffic'], {}, /--traffic/],
    [['--storm', '--race'], {}, /--storm and --race/],
    [['--traffic', '-1'], {}, /--traffic/],
    [['--traffic', '20001'], {}, /--traffic.*20000/],
    [[], { PORT: '4400x' }, /PORT.*65535.*"4400x"/],
    [[], { PORT: '65536' }, /PORT/],
    [[], { DATABASE_URL: 'mysql://db' }, /DATABASE_URL.*postgres:/],
    [[], { REDIS_URL: 'localhost:6379' }, /REDIS_URL.*redis:/],
    [[], { MEMCACHED_URL: 'localhost:11211' }, /MEMCACHED_URL.*memcached:/],
    [[], { REDIS_URL: 'redis://host/shop' }, /^REDIS_URL: .*expected/],
    [[], { MEMCACHED_URL: 'memcached://host:x' }, /^MEMCACHED_URL: .*port/],
    [[], { MEMCACHED_URL: 'memcached://a,a' }, /^MEMCACHED_URL: .*each server once/],
  ])('%j with %j is refused by name', (args, env, reason) => {
    expect(() => readSettings(args, env)).toThrow(SettingsError)
    expect(() => readSettings(args, env)).toThrow(reason)
  })

  test('a refused URL is not repeated: it may hold a password', () => {
    for (const env of [
      { REDIS_URL: 'http://user:hunter2@host' },
      { REDIS_URL: 'redis://user:hunter2@host/shop' },
      { MEMCACHED_URL: 'memcached://user:hunter2@host:x' },
    ]) {
      const read = (): unknown => readSettings([], env)
      expect(read).toThrow(SettingsError)
      expect(read).not.toThrow(/hunter2/)
    }
  })
})
