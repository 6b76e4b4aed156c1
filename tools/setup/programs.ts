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
  /** Whether it is looked for without being asked for by name; some tests can run as root only. */
  readonly needed: 'always' | 'by root' | 'when asked'
}

export const programs: readonly Program[] = [
  {
    name: 'redis-server',
    executable: 'redis-server',
    variable: 'REDIS_BIN',
    folders: undefined,
    aptPackage: 'redis-server',
    daemonPort: 6379,
    needed: 'always',
  },
  {
    // Makes the certificates of the TLS tests.
    name: 'openssl',
    executable: 'openssl',
    variable: 'OPENSSL_BIN',
    folders: undefined,
    aptPackage: 'openssl',
    daemonPort: undefined,
    needed: 'always',
  },
  {
    name: 'memcached',
    executable: 'memcached',
    variable: 'MEMCACHED_BIN',
    folders: undefined,
    aptPackage: 'memcached',
    daemonPort: 11_211,
    needed: 'always',
  },
  {
    name: 'postgres',
    executable: 'postgres',
    variable: 'POSTGRES_BIN',
    folders: '/usr/lib/postgresql/*/bin',
    aptPackage: 'postgresql',
    daemonPort: 5432,
    needed: 'when asked',
  },
  {
    // Brings up the network of a test that loses packets.
    name: 'ip',
    executable: 'ip',
    variable: 'IP_BIN',
    folders: '/usr/sbin',
    aptPackage: 'iproute2',
    daemonPort: undefined,
    needed: 'by root',
  },
  {
    // Loses them.
    name: 'nft',
    executable: 'nft',
    variable: 'NFT_BIN',
    folders: '/usr/sbin',
    aptPackage: 'nftables',
    daemonPort: undefined,
    needed: 'by root',
  },
]
