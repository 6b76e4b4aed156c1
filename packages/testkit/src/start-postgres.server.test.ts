import { existsSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { findPostgres, startPostgres } from './start-postgres.ts'

const isThere = findPostgres() !== undefined
if (!isThere) {
  process.stderr.write('SKIPPED: startPostgres needs PostgreSQL: sudo apt-get install -y postgresql\n')
}

afterEach(() => vi.unstubAllEnvs())

test('a missing program is told with the line that installs it', async () => {
  vi.stubEnv('POSTGRES_BIN', '/nowhere/postgres')
  const error = await startPostgres().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'missing' })
  expect(String(error)).toContain('sudo apt-get install -y postgresql')
})

describe.skipIf(!isThere)(isThere ? 'startPostgres' : 'startPostgres (no PostgreSQL on this machine)', () => {
  test('runs SQL with the settings asked for', async () => {
    await using server = await startPostgres({ settings: { wal_level: 'logical' } })
    expect(await server.psql("show wal_level; select 1, 'a'")).toBe('logical\n1|a')
    await expect(server.psql('select nonsense')).rejects.toThrow('nonsense')
  })

  test('keeps committed rows over kill -9 and restart, on the same port', async () => {
    await using server = await startPostgres()
    const { port, pid } = server
    await server.psql('create table t (id int); insert into t values (7)')
    await server.kill()
    await expect(server.psql('select 1')).rejects.toMatchObject({ code: 'not_running' })
    await server.restart()
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(await server.psql('select id from t')).toBe('7')
  })

  test('stop ends it and removes its folder; twice is once', async () => {
    const server = await startPostgres()
    const { pid, dir } = server
    await server.stop()
    expect(() => process.kill(pid, 0)).toThrow()
    expect(existsSync(dir)).toBe(false)
    await server.stop()
  })

  test('a setting it does not know is told with the end of its log', async () => {
    await expect(startPostgres({ settings: { no_such_setting: '1' } })).rejects.toThrow('no_such_setting')
  })
})
