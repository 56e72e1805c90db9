import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Issued } from '../../support/authority.ts'
import { callWithHolds, crossingCall, expectPassed } from '../../support/crossing-call.ts'
import type { Edge } from '../../support/edge.ts'
import { until } from '../../support/processes.ts'
import { gather, type Member, pingAll } from './crowd.ts'
import { acme, type CaGround, configuration, issued, layCaGround, post, shownSerial, start, viewOf } from './place.ts'

const CROWD = 1000

let place: CaGround
let edge: Edge
let crowd: readonly Member[]
let root: string

beforeAll(async () => {
  place = await layCaGround(82, ['sbc.edge.test'])
  edge = await start(place.ground, configuration(place, `  main: { acme: ${acme(place, 'tls-alpn-01')}, key: ecdsa256 }\n`))
  await issued(edge, 'main')
  root = await place.pebble.root()
  crowd = await gather(place.ground, root, CROWD)
})

afterAll(async () => {
  for (const one of crowd ?? []) one.close()
  await edge?.stop()
  await place?.stop()
})

it('1000 open TLS and WSS connections and a call live through a renewal; new handshakes get the new certificate', async () => {
  expect(await pingAll(crowd)).toEqual({ 200: CROWD })
  const before = (await viewOf(edge, 'main')).serial!
  // Asked now, so that the next answer is about what follows
  await edge.metric('edgeways_event_loop_delay_seconds')
  let tookMs = 0
  let renewed = ''
  const call = await crossingCall(place.ground, 'udp', 'tls', {
    ...callWithHolds('caller'),
    whileUp: async () => {
      const begun = performance.now()
      expect((await post(place.ground, '/api/certificates/main/renew')).status).toBe(202)
      renewed = (await issued(edge, 'main', before)).serial!
      tookMs = performance.now() - begun
      // Each listener has it
      const { callersTlsPort, wssPort, targetsTlsPort } = place.ground
      for (const port of [callersTlsPort, wssPort, targetsTlsPort])
        expect(await shownSerial(place.ground, root, 'sbc.edge.test', port)).toBe(renewed)
      expect(await pingAll(crowd)).toEqual({ 200: CROWD })
    },
  })
  expectPassed(call)
  expect(renewed).not.toBe(before)
  expect(crowd.filter((one) => one.open())).toHaveLength(CROWD)
  const longest = await edge.metric('edgeways_event_loop_delay_seconds', { quantile: '1' })
  process.stdout.write(
    `renewal with ${CROWD} connections: ${tookMs.toFixed(0)} ms with its order; longest delay of the event loop ${(longest * 1000).toFixed(1)} ms\n`,
  )
  // The crowd's thousand questions at once are in this, too
  expect(longest).toBeLessThan(0.5)
  // One looked at the certificate of the WSS listener and had nothing more to say
  expect(await edge.metric('edgeways_drops_total', { reason: 'handshake', listener: 'web/wss' })).toBe(1)
  expect(await edge.metric('edgeways_drops_total')).toBe(1)
  expect(await edge.metric('edgeways_internal_errors_total')).toBe(0)
  expect(edge.log().filter(({ level }) => level === 'error')).toEqual([])
})

it('files that are replaced are taken over by themselves, with the same crowd', async () => {
  const { ground } = place
  const issue = (name: string): Issued => ground.authority.issue(name, [ground.name])
  const [one, two] = [issue('one'), issue('two')]
  const [chain, key] = [join(ground.folder, 'own.pem'), join(ground.folder, 'own.key')]
  const put = ({ chainFile, keyFile }: Issued): void => {
    copyFileSync(chainFile, chain)
    copyFileSync(keyFile, key)
  }
  put(one)
  edge.configure(configuration(place, `  main: { chain: ${chain}, key: ${key} }\n`))
  edge.reload()
  const serial = () => shownSerial(ground, ground.authority.certificate, ground.name)
  await until(async () => ((await viewOf(edge, 'main')).source === 'files' ? true : undefined), 'reload')
  const before = await serial()
  put(two)
  // Looked at every ten seconds, and taken over when two looks saw the same
  const after = await until(async () => ((await viewOf(edge, 'main')).serial === before ? undefined : serial()), 'new files', 80_000)
  expect(after).not.toBe(before)
  expect(await pingAll(crowd)).toEqual({ 200: CROWD })
})
