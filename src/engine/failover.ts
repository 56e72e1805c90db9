/** When the next group of candidates is tried, and when the answer of the one before is the answer (§16.7). */
import type { Candidate } from '../routing/decide.ts'
import { failsOver, type ResponsePolicy } from '../routing/response-context.ts'
import { candidateZone } from './next-hop.ts'

type Groups = readonly (readonly Candidate[])[]

const USUAL: ResponsePolicy = { keep503: true, failover: failsOver }

export const policyFor = (groups: Groups): ResponsePolicy =>
  groups.length > 1 && groups.some((group) => isOfContacts(group) || candidateZone(group[0]!).profile.failover !== 'broken')
    ? { keep503: true, failover: (status, next, ours) => goesOn(groups, status, next, ours) }
    : USUAL

const goesOn = (groups: Groups, status: number, next: number, ours: boolean): boolean => {
  // Of the contacts of a user the next ones are tried whatever the ones before said (6xx apart): a desk that is busy has a voicemail
  if (isOfContacts(groups[next]!)) return true
  const { failover } = candidateZone(groups[next - 1]![0]!).profile
  return failover === 'broken' ? failsOver(status) : status === 503 || (ours && failsOver(status))
}

const isOfContacts = (group: readonly Candidate[]): boolean => isContact(group[0]!)

/** It is a contact of somebody who is registered. */
export const isContact = (candidate: Candidate): boolean => candidate.kind === 'side' && candidate.contact !== undefined
