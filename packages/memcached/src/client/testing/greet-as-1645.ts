/** A handshake with 1.6.45, which knows of E and of mg C. */
export function greetAs1645(line: string): string | undefined {
  const opaque = /O(\d+)/.exec(line)?.[1]
  if (line === 'version') return 'VERSION 1.6.45'
  if (line === 'stats') {
    return 'STAT pid 7\r\nSTAT uptime 10\r\nSTAT time 1800000000\r\nSTAT version 1.6.45\r\nSTAT limit_maxbytes 67108864\r\nEND'
  }
  if (line === 'stats settings') return 'STAT item_size_max 1048576\r\nSTAT cas_enabled yes\r\nEND'
  if (line.startsWith('mg holdfast:probe')) return `HD c7 O${opaque}`
  return line.startsWith('mg aG9sZGZhc3QgcHJvYmU=') ? `EN O${opaque}` : undefined
}
