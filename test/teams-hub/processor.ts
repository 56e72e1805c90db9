/** A media processor for one call: SDP as Teams writes it, SRTP both ways, RTCP that has to come, ICE checks with bypass. */
import { type MediaEndpoint, openMediaEndpoint } from '../support/media/endpoint.ts'
import { attributesOf, audioOf, type Direction, readSdp } from '../support/media/sdp.ts'
import { type Anchor, anchorOf, faultsOfAnswer, pinned } from './sdp-rules.ts'
import { bindingRequest, isStun, successOf } from './stun.ts'
import { createTeamsSdp, type SdpSwitches } from './teams-sdp.ts'
import type { World } from './world.ts'

export interface Processor {
  readonly endpoint: MediaEndpoint
  readonly offer: (direction?: Direction) => string
  /** The SBC's answer to the last offer. @param tag of the SBC's side of the dialog */
  accept(answer: string, tag: string): void
  /** @throws Error when the offer does not fit */
  answer(offer: string, tag: string, direction?: Direction): string
  refused(): void
  readonly anchor: (tag: string) => Anchor | undefined
  /** From now on RTCP has to come, as long as the call is up. */
  watch(up: () => boolean): void
  close(): Promise<void>
}

/** @param sound its tone, or an echo */
export const openProcessor = async (
  world: World,
  { hz = 600, echo = false }: { readonly hz?: number | undefined; readonly echo?: boolean | undefined },
  switches: SdpSwitches,
): Promise<Processor> => {
  const { findings, times } = world
  const anchors = new Map<string, Anchor>()
  const checks = new Set<string>()
  const endpoint = await openMediaEndpoint({
    address: world.mediaAddress,
    profile: 'sdes',
    codecs: ['PCMU', 'PCMA', 'CN', 'telephone-event'],
    cryptoParameters: '|2^31',
    rtcpMux: switches.rtcpMux,
    hz,
    echo,
    name: 'media processor',
    others: (bytes) => {
      if (!isStun(bytes)) return false
      const id = successOf(bytes)
      if (id !== undefined && checks.has(id)) findings.seen(43, 'ICE checks are answered by the SBC')
      return true
    },
  })
  const sdp = createTeamsSdp(switches)
  let offered = ''
  let takeBack: () => void = () => undefined

  /** Connectivity checks toward the SBC's candidate, which is a lite agent's. */
  const check = (text: string): void => {
    const theirs = readSdp(text)
    const audio = audioOf(theirs)
    const [ufrag] = attributesOf(theirs, audio, 'ice-ufrag')
    const [password] = attributesOf(theirs, audio, 'ice-pwd')
    if (!switches.bypass || ufrag === undefined || password === undefined) return
    const request = bindingRequest({ ufrag, password }, sdp.ufrag)
    checks.add(request.id)
    endpoint.sendOther(request.bytes, audio.port, audio.address)
  }
  const moored = (text: string, tag: string): string => {
    const now = anchorOf(text)
    const first = anchors.get(tag)
    if (first === undefined) {
      anchors.set(tag, now)
      return text
    }
    if (now.address !== first.address || now.port !== first.port || now.rtcpPort !== first.rtcpPort) {
      findings.violated(38, 'Later SDP of the SBC names another place for its media', text)
      return pinned(text, first)
    }
    findings.seen(38, 'Later SDP of the SBC names the same place')
    return text
  }
  return {
    endpoint,
    offer: (direction) => {
      offered = sdp.offer(endpoint.offer(direction))
      return offered
    },
    accept: (answer, tag) => {
      const faults = faultsOfAnswer(offered, answer)
      for (const fault of faults) findings.violated(32, fault, answer)
      if (faults.length === 0) findings.seen(32, 'One key of …SHA1_80, and codecs that were offered')
      try {
        endpoint.accept(moored(answer, tag))
        sdp.accepted(answer)
        check(answer)
      } catch (error) {
        findings.violated(32, `The answer cannot be used: ${(error as Error).message}`, answer)
      }
    },
    answer: (offer, tag, direction) => {
      const made = sdp.answer(endpoint.answer(moored(offer, tag), direction), offer)
      check(offer)
      return made
    },
    refused: endpoint.refused,
    anchor: (tag) => anchors.get(tag),
    watch: (up) => {
      let last = endpoint.heard().reports.at(-1)
      let at = performance.now()
      let flagged = false
      takeBack = world.every(250, () => {
        const now = endpoint.heard().reports.at(-1)
        if (now !== last) {
          last = now
          at = performance.now()
          findings.seen(43, 'SRTP and RTCP come, and are authentic')
        } else if (!up()) takeBack()
        else if (!flagged && performance.now() - at > times.rtcpGap) {
          flagged = true
          findings.violated(43, 'No RTCP of the SBC for longer than 10 s')
        }
      })
    },
    close: async () => {
      takeBack()
      await endpoint.close()
    },
  }
}
