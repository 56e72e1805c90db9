import type { Candidate, decide } from '../routing/decide.ts'

/** A decision for the explanation beside a call's messages. */
export const decidedText = (decision: ReturnType<typeof decide>): string => {
  switch (decision.kind) {
    case 'respond':
      return `${decision.rule} answers ${decision.status} ${decision.reason}`
    case 'drop':
      return `${decision.rule} drops it`
    default:
      return `${decision.rule} sends it to ${decision.groups.map((group) => group.map(candidateText).join(' and ')).join(', then ')}`
  }
}

const candidateText = (candidate: Candidate): string =>
  candidate.kind === 'target'
    ? `${candidate.target.name} (zone ${candidate.zone.name})`
    : candidate.kind === 'side'
      ? `zone ${candidate.side.zone.name} by ${candidate.contact === undefined ? 'its own path' : 'a registered contact'}`
      : `its Request-URI (zone ${candidate.zone.name})`
