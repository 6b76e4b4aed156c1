import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ServerError } from './servers/server-error.ts'
import { ServerFolder } from './servers/server-folder.ts'
import { startMemcached } from './start-memcached.ts'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The first bytes that a server answers a stranger. */
function firstBytes(port: number, sent: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(sent))
    socket.once('error', reject)
    socket.once('close', () => resolve(''))
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.toString())
    })
  })
}

afterEach(() => vi.unstubAllEnvs())

describe('startMemcached', () => {
  test('answers, and is this very process', async () => {
    await using server = await startMemcached()
    expect(await server.cli('mn')).toBe('MN')
    expect((await server.stats()).pid).toBe(String(server.pid))
    expect(server.url).toBe(`memcached://127.0.0.1:${server.port}`)
  })

  test('memory, eviction and the largest item are as asked for; own arguments win', async () => {
    await using server = await startMemcached({
      memoryMb: 2,
      whenFull: 'refuse',
      itemSizeMax: '8m',
      args: ['-m', '16', '-t', '1'],
    })
    const settings = await server.stats('settings')
    expect(settings).toMatchObject({
      maxbytes: `${16 * 2 ** 20}`,
      evictions: 'off',
      item_size_max: `${8 * 2 ** 20}`,
      num_threads: '1',
    })
  })

  test('two servers at once share neither port nor data', async () => {
    const [a, b] = await Promise.all([startMemcached(), startMemcached()])
    await a.cli('ms k 1\r\na')
    expect(await b.cli('mg k v')).toBe('EN')
    expect(a.dir).not.toBe(b.dir)
    await Promise.all([a.stop(), b.stop()])
  })

  test('asks for user and password, and logs in with the first by itself', async () => {
    await using server = await startMemcached({ users: { ann: 'p@ss:/wörd', bob: 'b' } })
    expect(await server.cli('mn')).toBe('MN')
    // An error, or the end of the connection.
    expect(await firstBytes(server.port, 'mn\r\n')).not.toContain('MN')
    expect(await firstBytes(server.port, 'set x 0 0 5\r\nbob b\r\n')).toBe('STORED\r\n')
  })

  test('listens on a unix socket where asked for, and on no port', async () => {
    await using server = await startMemcached({ unixSocket: true })
    expect(server.url).toBe(`memcached+unix://${server.dir}/memcached.sock`)
    expect(existsSync(server.socketPath ?? '')).toBe(true)
    expect(await server.cli('mn')).toBe('MN')
    await expect(firstBytes(server.port, 'mn\r\n')).rejects.toThrow('ECONNREFUSED')
  })

  test('speaks TLS where it is given a certificate', async () => {
    const files = new ServerFolder('certificate')
    const [certFile, keyFile] = [join(files.path, 'cert.pem'), join(files.path, 'key.pem')]
    const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=memcached']
    execFileSync('openssl', [...kind, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' })
    await using server = await startMemcached({ tls: { certFile, keyFile } })
    files.remove()
    expect(server.url).toBe(`memcacheds://127.0.0.1:${server.port}`)
    expect(await server.cli('mn')).toBe('MN')
    const name = await new Promise((resolve, reject) => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subject.CN)
        socket.destroy()
      })
      socket.once('error', reject)
    })
    expect(name).toBe('memcached')
  })

  test('a missing program is told with the line that installs it', async () => {
    vi.stubEnv('MEMCACHED_BIN', '/nowhere/memcached')
    const error = await startMemcached().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'missing' })
    expect(String(error)).toContain('sudo apt-get install -y memcached')
    expect(String(error)).toContain('MEMCACHED_BIN')
  })

  test('a server that does not start is told with the end of its log', async () => {
    const error = await startMemcached({ itemSizeMax: '1b' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ServerError)
    expect(String(error)).toMatch(/item max size|item size/i)
  })
})

describe('cli', () => {
  test('gives values, lists and errors as they come, and takes bytes', async () => {
    await using server = await startMemcached()
    const bytes = '\r\nEND\r\n\0\xff'
    expect(await server.cli(`ms k ${bytes.length}\r\n${bytes}`)).toBe('HD')
    expect(await server.cli('mg k v')).toBe(`VA ${bytes.length}\r\n${bytes}`)
    expect(await server.cli('get k none')).toBe(`VALUE k 0 ${bytes.length}\r\n${bytes}\r\nEND`)
    expect(await server.cli('nonsense')).toBe('ERROR')
    expect(await server.cli('mn')).toBe('MN')
  })

  test('calls of one turn keep their order, and a reply of several chunks comes whole', async () => {
    await using server = await startMemcached({ itemSizeMax: '8m' })
    const value = 'v'.repeat(5 * 2 ** 20)
    const replies = await Promise.all([
      server.cli(`ms k ${value.length}\r\n${value}`),
      server.cli('mg k v'),
      server.cli('md k'),
    ])
    expect(replies).toEqual(['HD', `VA ${value.length}\r\n${value}`, 'HD'])
  })

  test('a call that waits when the server is killed rejects', async () => {
    await using server = await startMemcached()
    await server.pause()
    const outcome = expect(server.cli('mn')).rejects.toThrow()
    await server.kill()
    await outcome
    await expect(server.cli('mn')).rejects.toMatchObject({ code: 'not_running' })
  })
})

describe('faults', () => {
  test('pause keeps the connection and answers nothing; resume answers', async () => {
    await using server = await startMemcached()
    await server.cli('mn')
    await server.pause()
    let answered = false
    const late = server.cli('mn').then(() => {
      answered = true
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(answered).toBe(false)
    server.resume()
    await late
    expect(answered).toBe(true)
  })

  test('restart: same port and folder, memory gone, another pid', async () => {
    await using server = await startMemcached()
    const { port, dir, pid } = server
    await server.cli('ms k 1\r\nv')
    await server.kill()
    expect(isAlive(pid)).toBe(false)
    await server.restart()
    expect(server).toMatchObject({ port, dir })
    expect(server.pid).not.toBe(pid)
    expect(await server.cli('mg k v')).toBe('EN')
  })

  test('restart with data: another pid, and what it held', async () => {
    await using server = await startMemcached({ keepsData: true })
    const { pid } = server
    await server.cli('ms k 1\r\nv')
    await server.restartWithData()
    expect(server.pid).not.toBe(pid)
    expect(await server.cli('mg k v')).toBe('VA 1\r\nv')
  })

  test('restart fails while a stranger has the port, and works again after', async () => {
    await using server = await startMemcached()
    await server.kill()
    const thief = createServer((socket) => socket.once('error', () => {}).resume())
    await new Promise<void>((resolve) => thief.listen(server.port, '127.0.0.1', resolve))
    await expect(server.restart()).rejects.toThrow(/already in use/i)
    await new Promise((resolve) => thief.close(resolve))
    await server.restart()
    expect(await server.cli('mn')).toBe('MN')
  })
})

describe('the end', () => {
  test('stop ends the process, even a paused one, and removes the folder; twice is once', async () => {
    const server = await startMemcached()
    const { pid, dir } = server
    await server.pause()
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(dir)).toBe(false)
    await server.stop()
  })

  const source = `
    import { startMemcached } from '${join(import.meta.dirname, 'start-memcached.ts')}'
    const server = await startMemcached()
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
