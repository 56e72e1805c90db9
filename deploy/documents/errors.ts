import type { SourceFile } from './rfc-support.ts'

const CODE = /'(SBC_[A-Z_]+)'/g
const ROW = /^\| `(SBC_[A-Z_]+)` \|/gm

/**
 * What is wrong with docs/errors.md, which is written by hand: codes of the source without a line, and lines without a code.
 * Each is one sentence.
 */
export const errorsDocumentFaults = (document: string, sources: readonly SourceFile[]): readonly string[] => {
  const used = new Map(sources.flatMap(({ path, text }) => [...text.matchAll(CODE)].map(([, code]) => [code!, path] as const)))
  const described = new Set([...document.matchAll(ROW)].map(([, code]) => code!))
  const missing = [...used]
    .filter(([code]) => !described.has(code))
    .map(([code, path]) => `docs/errors.md has no line for ${code} (${path})`)
  const stale = [...described].filter((code) => !used.has(code)).map((code) => `docs/errors.md describes ${code}, which nothing uses`)
  return [...missing, ...stale].sort()
}
