/**
 * The first line in which a committed document differs from what it should be, for a person who wonders what changed.
 * @returns undefined when they are equal
 */
export const firstDifference = (committed: string, wanted: string): string | undefined => {
  if (committed === wanted) return undefined
  const before = committed.split('\n')
  const after = wanted.split('\n')
  const index = after.findIndex((line, at) => line !== before[at])
  const at = index === -1 ? after.length : index
  return [`line ${at + 1}`, `  - ${before[at] ?? '(end of file)'}`, `  + ${after[at] ?? '(end of file)'}`].join('\n')
}
