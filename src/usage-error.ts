/** What somebody wrote is no command, or not as it has to be; the sentence stands above the usage. */
export class UsageError extends Error {}

/** Is it one, of ours or of Node's `parseArgs`? */
export const isUsageError = (error: unknown): error is Error =>
  error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
