/** One line about an error for the person who started the program: what is wrong, and what to do. */
export function errorMessage(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `${message.replace(/^listen /, '')}. Perhaps a server runs there already; choose another port with --port or --ops-port.`;
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `Cannot listen there: ${message}. Choose another --host or --port, --ops-host or --ops-port.`;
  }
  return message;
}
