/**
 * An SDP offer in the place of somebody who leaves it to the other side (RFC 3261 §13.2.1), for rtpengine: it shows its own address and keys instead, and learns
 * with the real answer where media goes. Until then what comes ends at a port that discards it (RFC 863). G.711 is what everybody has.
 * @param address where the signalling comes from
 */
export const placeholder = (address: string): string => {
  const host = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`
  return [
    ...['v=0', `o=- 1 1 ${host}`, 's=-', `c=${host}`, 't=0 0', 'm=audio 9 RTP/AVP 8 0 101'],
    ...[
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=ptime:20',
      'a=sendrecv',
      '',
    ],
  ].join('\r\n')
}
