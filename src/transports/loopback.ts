/** Whether a host, by name or address, is this machine and nobody else reaches it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || /^(::1|\[::1\])$/.test(host) || /^127(\.\d{1,3}){3}$/.test(host);
}
