/** A setting or command line that cannot be used. The message is one line, fit to be printed as it is. */
export class ConfigError extends Error {}
