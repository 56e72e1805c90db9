/** What a stand-in for the hubs has to enforce (S) and how it has to behave (B): the checklist of the reference, §6. */

export interface Point {
  /** 1 to 51; 0: what every SIP message owes to RFC 3261. */
  readonly id: number
  readonly kind: 'S' | 'B' | 'S/B'
  readonly area: 'Form' | 'Transport' | 'OPTIONS' | 'Calls to Teams' | 'Calls from Teams' | 'Inside calls' | 'Security and hosting'
  readonly text: string
}

const area =
  (name: Point['area']) =>
  (id: number, kind: Point['kind'], text: string): Point => ({ id, kind, area: name, text })

const form = area('Form')
const transport = area('Transport')
const options = area('OPTIONS')
const toTeams = area('Calls to Teams')
const fromTeams = area('Calls from Teams')
const inside = area('Inside calls')
const security = area('Security and hosting')

export const POINTS: readonly Point[] = [
  form(0, 'S', 'Each message of the SBC is well-formed: start line, mandatory headers, true Content-Length, CSeq, magic cookie, tags'),
  transport(1, 'S', 'TLS 1.2 with one of the four ECDHE-RSA-AES suites; no plain TCP or UDP, no sips URIs'),
  transport(2, 'S', 'The SBC shows a client certificate whose chain ends at a known authority'),
  transport(3, 'S', 'CN or SAN covers the host of Contact and Record-Route; a wildcard stands for one label, and never for the base name'),
  transport(4, 'S', 'The purpose of the certificate (strict: server and client, 2026: server), its dates, its intermediates'),
  transport(
    5,
    'B',
    'Hub certificates: old root with both purposes, new root with server alone; wrong name and expired are refused by the SBC',
  ),
  transport(6, 'B', 'Several hub addresses; a new connection for any request, two for each machine at most'),
  transport(
    7,
    'S/B',
    'No aliasing: requests of the SBC on a connection that the hub opened are dropped; the hub sends none on those of the SBC',
  ),
  transport(8, 'B', 'A connection without transactions ends after 120 s; CRLF of the SBC counts, the hub’s own does not'),
  transport(9, 'B', 'Three names with their own answers; one dies, one moves: the SBC asks DNS again and follows'),
  transport(10, 'S', 'The SBC renews all connections after a new certificate, and each at least hourly'),
  options(11, 'B', 'Silent until the first valid OPTIONS; then OPTIONS to the name in the SBC’s Contact, through DNS'),
  options(12, 'S', 'Contact names the SBC; an address: 403; neither Contact nor Record-Route: cause 63 and words'),
  options(13, 'S', 'No user part in From, To and Contact'),
  options(14, 'S', 'One OPTIONS in 60 to 180 s for each hub; none for 3 min: unhealthy, for 5 min: demoted'),
  options(15, 'B', '200 without a To tag and with upper-case names'),
  options(16, 'S', 'The SBC’s 200 has Contact and Allow'),
  options(17, 'B', '503 with Retry-After, and silence: the SBC leaves that hub and comes back later'),
  toTeams(18, 'S', 'Unknown trunk: 403 with Reason; another’s certificate: 403; an address in Contact or the outer Record-Route fails'),
  toTeams(19, 'B', 'The SBC is found by Record-Route, or by Contact alone; it passes both'),
  toTeams(20, 'S', 'The number is + and E.164, with user=phone; an unknown one: 404'),
  toTeams(21, 'S', 'SDP with RTP/SAVP and a key of …SHA1_80, no payload number twice, candidates with bypass; else 488'),
  toTeams(22, 'S', '100rel required: 420; Replaces refused; UPDATE, PRACK and INFO refused'),
  toTeams(23, 'B', '180 of several phones, each with its own To tag, then 183 with SDP, then 200 from one; or 200 alone'),
  toTeams(24, 'B', '603, 480, 487 and 500 end a call: no other hub is tried'),
  toTeams(25, 'S', 'Another hub is tried after 503 or silence only'),
  toTeams(26, 'S', 'X-MS-SBC, one Contact, the Request-URI untouched, enough Max-Forwards'),
  toTeams(27, 'B', 'Unquoted display names and long Contacts; what they hold (x-i, x-c) comes back byte by byte'),
  toTeams(28, 'B', 'No ACK within 32 s: BYE, and code 1106'),
  fromTeams(29, 'B', 'INVITE as of §3.2, with MIN-SE and SESSION-EXPIRES; nobody ever connects to its Contact on port 443'),
  fromTeams(30, 'S', '100 at once, more than 100 within 10 s; 408, 503 and 504 lead to the next trunk, others end the call'),
  fromTeams(31, 'B', 'CANCEL races; CANCEL with Reason cause=200'),
  fromTeams(32, 'S', 'In the 200: the name in Contact and the outer Record-Route, one _80 key, a subset of the codecs'),
  fromTeams(33, 'B', 'ACK, BYE and re-INVITE over a new connection from another address, to the name in Record-Route'),
  fromTeams(
    34,
    'B',
    'Forwarded (History-Info, cause), anonymous with P-Asserted-Identity, # in a number, 112 without +, location in a multipart',
  ),
  inside(35, 'B', 'Hold by inactive, and resume; S: hold of the SBC is inactive, anything else does not hold'),
  inside(36, 'S', 'A re-INVITE without SDP is answered inactive, and noted'),
  inside(37, 'B', 'Refresh after half an hour; S: ports and keys stay, sound goes on'),
  inside(38, 'S', 'Media stays where it began: other addresses in later SDP are ignored'),
  inside(39, 'B', 'Two re-INVITEs meet: 491'),
  inside(
    40,
    'B',
    'REFER, when Allow has it: 202, NOTIFY, the new INVITE with Refer-To and Referred-By byte by byte, BYE by the hub; else none',
  ),
  inside(41, 'B', 'INVITE with Replaces from the hub'),
  inside(42, 'S', 'ACK and BYE of the SBC: the hub’s Contact as Request-URI, its Record-Route as Route'),
  inside(
    43,
    'B',
    'SRTP with the answer’s key, RTCP, comfort noise, ICE checks with bypass; S: what comes is authentic, RTCP every 10 s, also on hold',
  ),
  security(44, 'S', 'Another certificate’s name, or another network: 403 from the SBC'),
  security(45, 'B', 'Two tenants on a carrier’s trunk: each has its Contact, OPTIONS for the base name alone'),
  security(46, 'B', 'Government cloud: one name, port 5061'),
  security(47, 'B', 'A trunk that is not enabled gets no new calls; those that are up go on'),
  security(48, 'B', 'IPv6, without bypass'),
  security(49, 'B', 'An INVITE of 2 kB and more reaches a PBX over UDP'),
  security(50, 'B', 'Connections are renewed during calls, and no dialog is lost'),
  security(51, 'B', 'Local media optimization: X-MS headers go through, the Request-URI names the SBC of the region'),
]

/** @throws Error when there is none */
export const pointOf = (id: number): Point => {
  const found = POINTS.find((point) => point.id === id)
  if (found === undefined) throw new Error(`there is no point ${id}`)
  return found
}
