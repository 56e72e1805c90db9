import type { ListenerOptions } from './types.ts'

/** Whether scripts of that origin may connect; lower case, undefined for who is no browser. */
export const allows = (
  { origins, originRequired }: Pick<ListenerOptions, 'origins' | 'originRequired'>,
  origin: string | undefined,
): boolean => origins.includes('*') || (origin === undefined ? !originRequired : origins.includes(origin))
