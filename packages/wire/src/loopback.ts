/** Whether a host is this very machine by its name or address, whoever resolves it. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(name)
}
