/** The roots that chains of peers may end at, by the words of the configuration. */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'

const OURS = new URL('./microsoft-roots.pem', import.meta.url)

/**
 * PEM texts. @param name `microsoft`: those that Direct Routing demands, which come with us; `system`: those of Node; else a file
 * @throws what reading the file throws
 */
export const rootsNamed = (name: string): readonly string[] => {
  if (name === 'system') return rootCertificates
  return [readFileSync(name === 'microsoft' ? OURS : name, 'utf8')]
}
