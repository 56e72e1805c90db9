import { pathToFileURL } from 'node:url'
import type { Rule } from '../routing/decide.ts'

/** The operator's extension point: a module with `decide(request, view)`. @throws Error when it cannot be loaded or has no such export */
export const loadPolicy = async (file: string): Promise<Rule> => {
  const loaded = (await import(pathToFileURL(file).href)) as { decide?: Rule['decide'] }
  if (typeof loaded.decide !== 'function') throw new TypeError(`Policy module ${file} does not export a function "decide"`)
  return { name: 'policy', decide: loaded.decide }
}
