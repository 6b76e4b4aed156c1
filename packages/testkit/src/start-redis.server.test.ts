import { spawn, spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { RedisReplyError } from './servers/resp2.ts'
import { ServerError } from './servers/server-error.ts'
import { startRedis } from './start-redis.ts'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

afterEach(() => vi.unstubAllEnvs())

describe('startRedis', () => {
  test('answers PING, and is this very process', async () => {
    await using server = await startRedis()
    expect(await server.cli('PING')).toBe('PONG')
    expect((await server.info('server')).process_id).toBe(String(server.pid))
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`)
  })

  test('starts without snapshots, in its own folder', async () => {
    await using server = await startRedis()
    expect(await server.cli('CONFIG', 'GET', 'save')).toEqual(['save', ''])
    expect(await server.cli('CONFIG', 'GET', 'dir')).toEqual(['dir', server.dir])
  })

  test('own arguments win', async () => {
    await using server = await startRedis({ args: ['--save', '900 1', '--maxmemory', '10mb'] })
    expect(await server.cli('CONFIG', 'GET', 'save')).toEqual(['save', '900 1'])
    expect(await server.cli('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '10485760'])
  })

  test('two servers at once share neither port nor data', async () => {
    const [a, b] = await Promise.all([startRedis(), startRedis()])
    await a.cli('SET', 'k', 'a')
    expect(await b.cli('GET', 'k')).toBeNull()
    expect(a.dir).not.toBe(b.dir)
    await Promise.all([a.stop(), b.stop()])
  })

  test('asks for the password, and logs in with it by itself', async () => {
    await using server = await startRedis({ password: 'p@ss:/ word' })
    expect(await server.cli('PING')).toBe('PONG')
    expect(new URL(server.url).password).toBe('p%40ss%3A%2F%20word')
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write('PING\r\n'))
      socket.once('error', reject)
      socket.once('data', (bytes) => {
        socket.destroy()
        resolve(bytes.toString())
      })
    })
    expect(reply).toMatch(/^-NOAUTH/)
  })

  test('listens on a unix socket where asked for', async () => {
    await using server = await startRedis({ unixSocket: true })
    expect(server.socketPath).toBe(join(server.dir, 'redis.sock'))
    expect(existsSync(server.socketPath ?? '')).toBe(true)
  })

  test('a missing program is told with the line that installs it', async () => {
    vi.stubEnv('REDIS_BIN', '/nowhere/redis-server')
    const error = await startRedis().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'missing' })
    expect(String(error)).toContain('sudo apt-get install -y redis-server')
  })

  test('VALKEY_BIN names the program of valkey', async () => {
    vi.stubEnv('VALKEY_BIN', '/nowhere/valkey-server')
    await expect(startRedis({ program: 'valkey' })).rejects.toThrow('VALKEY_BIN')
  })

  test('a server that does not start is told with the end of its log', async () => {
    const error = await startRedis({ args: ['--no-such-directive', '1'] }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ServerError)
    expect(String(error)).toContain('Bad directive')
  })
})

describe('cli', () => {
  test('is binary safe both ways', async () => {
    await using server = await startRedis()
    const bytes = Buffer.from([0, 13, 10, 255, 36, 45])
    await server.cli('SET', bytes, bytes)
    expect(await server.cliBytes('GET', bytes)).toEqual(bytes)
  })

  test('gives integers, nil, arrays and errors inside them', async () => {
    await using server = await startRedis()
    expect(await server.cli('INCR', 'n')).toBe(1)
    expect(await server.cli('GET', 'absent')).toBeNull()
    await server.cli('MULTI')
    await server.cli('LPUSH', 'n', 'x')
    await server.cli('GET', 'n')
    expect(await server.cli('EXEC')).toEqual([expect.any(RedisReplyError), '1'])
  })

  test('rejects with the error the server answers, and goes on', async () => {
    await using server = await startRedis()
    await expect(server.cli('NOSUCH')).rejects.toThrow('unknown command')
    expect(await server.cli('PING')).toBe('PONG')
  })

  test('calls of one turn keep their order, and a reply of several megabytes comes whole', async () => {
    await using server = await startRedis()
    const value = 'v'.repeat(5 * 2 ** 20)
    const replies = await Promise.all([
      server.cli('SET', 'k', value),
      server.cli('GET', 'k'),
      server.cli('DEL', 'k'),
    ])
    expect(replies).toEqual(['OK', value, 1])
  })

  test('a call that waits when the server is killed rejects', async () => {
    await using server = await startRedis()
    server.pause()
    const waiting = server.cli('PING')
    const outcome = expect(waiting).rejects.toThrow()
    await server.kill()
    await outcome
    await expect(server.cli('PING')).rejects.toMatchObject({ code: 'not_running' })
  })
})

describe('faults', () => {
  test('pause keeps the connection and answers nothing; resume answers', async () => {
    await using server = await startRedis()
    await server.cli('PING')
    server.pause()
    let answered = false
    const late = server.cli('PING').then(() => {
      answered = true
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(answered).toBe(false)
    server.resume()
    await late
    expect(answered).toBe(true)
  })

  test('kill -9 and restart: same port and folder, memory gone, another pid', async () => {
    await using server = await startRedis()
    const { port, dir, pid } = server
    await server.cli('SET', 'k', 'v')
    await server.kill()
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(dir)).toBe(true)
    await server.restart()
    expect(server).toMatchObject({ port, dir })
    expect(server.pid).not.toBe(pid)
    expect(await server.cli('GET', 'k')).toBeNull()
  })

  test('a restart brings back what was saved', async () => {
    await using server = await startRedis()
    await server.cli('SET', 'k', 'v')
    await server.cli('SAVE')
    await server.cli('SET', 'k', 'later')
    await server.kill()
    await server.restart()
    expect(await server.cli('GET', 'k')).toBe('v')
  })

  test('a restart whose port is taken says so, after a bounded number of attempts', async () => {
    await using server = await startRedis()
    await server.kill()
    const thief = createServer((socket) => socket.once('error', () => {}).resume())
    await new Promise<void>((resolve) => thief.listen(server.port, '127.0.0.1', resolve))
    await expect(server.restart()).rejects.toThrow(/already in use/i)
    await new Promise((resolve) => thief.close(resolve))
    await server.restart()
    expect(await server.cli('PING')).toBe('PONG')
  })
})

describe('the end', () => {
  test('stop ends the process, even a paused one, and removes the folder; twice is once', async () => {
    const server = await startRedis()
    const { pid, dir } = server
    server.pause()
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(dir)).toBe(false)
    await server.stop()
  })

  const source = `
    import { startRedis } from '${join(import.meta.dirname, 'start-redis.ts')}'
    const server = await startRedis()
    console.log(JSON.stringify({ pid: server.pid, dir: server.dir }))
  `
  const args = ['--conditions=holdfast-source', '--input-type=module', '-e']

  test('a script that forgets to stop it ends by itself, and takes server and folder along', async () => {
    const { stdout, status } = spawnSync(process.execPath, [...args, source], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(status).toBe(0)
    const { pid, dir } = JSON.parse(stdout)
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
    expect(existsSync(dir)).toBe(false)
  })

  test.runIf(process.platform === 'linux')(
    'a process that dies by SIGKILL takes its server along',
    async () => {
      const parent = spawn(process.execPath, [...args, `${source}\nsetInterval(() => {}, 1000)`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const line = await new Promise<string>((resolve) =>
        parent.stdout.once('data', (bytes) => resolve(String(bytes))),
      )
      const { pid, dir } = JSON.parse(line)
      expect(isAlive(pid)).toBe(true)
      parent.kill('SIGKILL')
      await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
      rmSync(dir, { recursive: true })
    },
  )
})
