/** docs/teams-conformance.md, from what a run saw. */
import { type Result, reportOf } from './findings.ts'

/** Sentences in an order of their own: the run's depends on what was faster. */
const sorted = (result: Result): Result => ({
  ...result,
  evidence: result.evidence.toSorted(),
  warnings: result.warnings.toSorted(),
  violations: result.violations.toSorted(),
})

export const conformanceDocument = (results: readonly Result[]): string => {
  const count = (outcome: Result['outcome']): number => results.filter((result) => result.id > 0 && result.outcome === outcome).length
  return `# Conformance with Microsoft Teams Direct Routing

<!-- Made from a run of test/e2e/41-teams by test/teams-hub/conformance.ts; a test compares. -->

What a stand-in for Microsoft's hubs saw of the edge: the real program, with a PBX behind it and a real rtpengine, against three hubs, a media
processor, name servers and certificates on one machine, with clocks that run faster. The stand-in (\`test/teams-hub\`, and \`npm run teams-simulator\`
for you) is written from what Microsoft documents and from published traces, and shares no code with the edge: its own parser and its own certificate
rules judge what we send. Nothing of this was seen by the real Teams.

S: the stand-in enforces it; a test shows for each that it can fail. B: it behaves so, and the edge has to cope.
Of 51 points: ${count('passed')} passed, ${count('failed')} failed, ${count('not checkable here')} not checkable on one machine, ${count('not run')} not run.

${reportOf(results.map(sorted)).trimEnd()}
`
}

/** Points and results without what was seen of them, which is not the same in each run: some things happen only when two messages meet. */
export const withoutEvidence = (document: string): string => document.replaceAll(/^(\| (?:\d+|–) \|.*\|) [^|]+ \|$/gm, '$1')
