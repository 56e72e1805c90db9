/** Methods that a zone's peers do not know never reach them, and none that they should not use gets past us. */
import { type Problem, problem } from '../base/problem.ts'
import type { Zone } from '../zones/zone.ts'

/**
 * §8.2.1: 405 with what could be sent instead. ACK and CANCEL are never asked about: they belong to a request that has passed.
 * @returns undefined: a request with this method may cross to and from the zone
 */
export const methodFault = (method: string, { dialect }: Zone): Problem | undefined => {
  const { methods } = dialect
  return methods === undefined || methods.includes(method)
    ? undefined
    : { ...problem(405, 'Method Not Allowed', '§8.2.1', 'start line'), headers: [['Allow', methods.join(', ')]] }
}

/** Of a list of methods those that the zone is told of, as a value of Allow. */
export const allowToward = (list: string, { dialect }: Zone): string => {
  const { methods } = dialect
  return methods === undefined
    ? list
    : list
        .split(', ')
        .filter((method) => methods.includes(method))
        .join(', ')
}
