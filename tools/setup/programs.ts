/** A program that tests start themselves. A new one is a new row. */
export interface Program {
  readonly name: string
  /** The executable: a name to look up, in PATH and then in `folders`. */
  readonly executable: string
  /** Environment variable that names another executable: a path, or a name in PATH. */
  readonly variable: string
  /** Where Debian puts it outside PATH, as a pattern. */
  readonly folders: string | undefined
  readonly aptPackage: string
  /** The port its daemon would listen on by default: nothing of ours may be left there. */
  readonly daemonPort: number | undefined
  /** False: only when asked for by name. */
  readonly isAlwaysNeeded: boolean
}

export const programs: readonly Program[] = [
  {
    name: 'redis-server',
    executable: 'redis-server',
    variable: 'REDIS_BIN',
    folders: undefined,
    aptPackage: 'redis-server',
    daemonPort: 6379,
    isAlwaysNeeded: true,
  },
  {
    // Makes the certificates of the TLS tests.
    name: 'openssl',
    executable: 'openssl',
    variable: 'OPENSSL_BIN',
    folders: undefined,
    aptPackage: 'openssl',
    daemonPort: undefined,
    isAlwaysNeeded: true,
  },
  {
    name: 'memcached',
    executable: 'memcached',
    variable: 'MEMCACHED_BIN',
    folders: undefined,
    aptPackage: 'memcached',
    daemonPort: 11_211,
    isAlwaysNeeded: false,
  },
  {
    name: 'postgres',
    executable: 'postgres',
    variable: 'POSTGRES_BIN',
    folders: '/usr/lib/postgresql/*/bin',
    aptPackage: 'postgresql',
    daemonPort: 5432,
    isAlwaysNeeded: false,
  },
]
