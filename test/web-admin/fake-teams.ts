/** The part of the fake edge's API that is about Microsoft Teams. */
import type { DoctorReport, NameCheck } from '../../web-admin/src/api/types.ts'
import type { Answer } from './fake-edge.ts'
import type { World } from './world.ts'
import { GUID, halfway, proposal, reportText } from './world-teams.ts'
import { iso } from './world-times.ts'

/** An examination that has just begun; what comes next is published by the test, or read. */
let begun: DoctorReport | undefined
let number = 0

const nameCheck = (name: string): NameCheck => {
  const base = { name, expected: '203.0.113.5' }
  if (name.startsWith('old.'))
    return {
      ...base,
      addresses: ['198.51.100.7'],
      verdict: 'bad',
      finding: `${name} leads to 198.51.100.7, which is not ours`,
      remedy: 'Change its A record to 203.0.113.5 at your DNS provider',
    }
  if (name.startsWith('new.'))
    return { ...base, addresses: [], verdict: 'bad', finding: `DNS knows no ${name}`, remedy: 'Enter an A record with 203.0.113.5' }
  return { ...base, addresses: ['203.0.113.5'], verdict: 'good', finding: `${name} leads here` }
}

/** @returns undefined: there is no such path */
export const answerTeams = (
  world: World,
  method: string,
  second: string,
  id: string,
  text: boolean,
  query: URLSearchParams,
  body: Readonly<Record<string, unknown>>,
): Answer | undefined => {
  switch (`${method} ${second}`) {
    case 'GET ':
      return { body: world.teams }
    case 'POST doctor':
      begun = { ...halfway(world.examined, 0), id: `d${++number}`, zone: String(body.zone), startedAt: iso(0) }
      return { status: 202, body: begun }
    case 'GET doctor': {
      if (begun?.id !== id) return undefined
      const report: DoctorReport = { ...world.examined, id, zone: begun.zone, startedAt: begun.startedAt, finishedAt: iso(0) }
      return text ? { text: reportText(report) } : { body: report }
    }
    case 'GET explain':
      if (!query.get('text')?.includes('cause=63')) return undefined
      return {
        body: { meaning: 'Microsoft does not know our name as a trunk', remedy: 'Compare it with Get-CsOnlinePSTNGateway', guid: GUID },
      }
    case 'POST name':
      return { body: nameCheck(String(body.name)) }
    case 'POST setup':
      return { body: proposal(world.config) }
    default:
      return undefined
  }
}
