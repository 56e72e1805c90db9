import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LIBRARIES } from '../../support/media/library-phone.ts'
import { uriOf, valuesOf } from '../../support/wire.ts'
import { usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther } from '../11-media-calls/talk.ts'
import { atPbx, type Stage, setStage } from './place.ts'

let stage: Stage
let pbx: Party

beforeAll(async () => {
  stage = await setStage(9, (ground) => usualZones(ground).replace('    probe: false\n', '    probe: false\n    registrar: contact\n'))
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx()
})

afterEach(() => stage.cleared())

describe.each(LIBRARIES)('N3: %s and a PBX that knows no Path', (library) => {
  it('is called by a Contact that leads to the edge, and finds its own one in the answer to its REGISTER', async () => {
    const page = await stage.open(library)
    const { contact, path } = await pbx.registered()
    expect(path).toEqual([])
    expect(contact).toContain(`@${stage.lan(1)}:${stage.ports.sip}`)
    const own = /^Contact: .*?<([^>]+)>/m
    expect(own.exec(page.last('received', 'SIP/2.0 200'))?.[1]).toBe(own.exec(page.last('sent', 'REGISTER'))?.[1])
    const side = atPbx(await pbx.call(contact))
    await Promise.all([side.call.established(), page.phone.event('confirmed')])
    await hearEachOther(page, side)
    await side.call.hold('inactive')
    await side.call.resume()
    await hearEachOther(page, side)
    await page.phone.do('hangUp')
    await side.call.ended()
    await page.phone.do('unregister')
    await page.phone.event('unregistered')
    const last = pbx.requests.findLast(({ method }) => method === 'REGISTER')
    expect(valuesOf(last!, 'contact').map(uriOf)).toEqual([contact])
  })
})
