import Type from 'typebox'
import { MOVED, PROVISIONAL_POLICIES, REDIRECTIONS } from '../../zones/dialect.ts'
import { CLOUDS } from '../../zones/microsoft.ts'
import { PEER_USAGES } from '../../zones/peers.ts'
import { durationOrOff, mapping, nameOf, oneOrMany, optional, text } from './fragment.ts'

export const cloud = Type.Enum([...CLOUDS], {
  description:
    "Of kind teams: which of Microsoft's clouds. The hubs (`targets`), the networks that they come from and the names in their certificates (`admit`) follow from it. Default: `worldwide`.",
  examples: ['gcc-high'],
})

export const contact = Type.Enum(['keep', 'ours'], {
  description:
    "Contact headers toward this zone: `keep`, the endpoint's own, or `ours`, the advertised name of our listener, from which the edge finds the endpoint again; From, To, identities and histories (P-Asserted-Identity, Diversion, History-Info) show that name then instead of private addresses. Default: `ours` for kind teams.",
  examples: ['ours'],
})

/** Of a zone: whose certificates are judged by us. */
export const peers = mapping(
  {
    roots: optional(
      oneOrMany(text({ expects: '"microsoft", "system", or a PEM file' }), {
        description:
          "Roots that a peer's chain has to end at: `microsoft` (the seven of Direct Routing, which come with the edge), `system` (those of Node), or PEM files.",
        default: 'microsoft',
        examples: ['microsoft', ['roots/own-ca.pem']],
      }),
    ),
    usage: optional(
      Type.Enum([...PEER_USAGES], {
        description:
          "What a peer's certificate has to be good for, whoever connects: `server` (server authentication is enough; Microsoft's since 2026), or `both` (client authentication, too).",
        default: 'server',
      }),
    ),
  },
  {
    description:
      "The edge itself judges the certificates of this zone's peers, in both directions: chain up to these roots, dates, constraints, purpose, and a name of `admit: { certificates }`. Default for kind teams: { roots: microsoft, usage: server }; for others the TLS settings of the listener decide.",
    examples: [{ roots: 'microsoft', usage: 'server' }],
  },
)

export const connections = mapping(
  {
    share: optional(
      Type.Boolean({
        description: 'A connection that a peer opened may carry requests of ours (RFC 5923). Default: true, for kind teams false.',
        examples: [false],
      }),
    ),
    renew: optional(
      durationOrOff({
        description:
          'A connection that we opened takes no new requests after so long, and is closed when it has nothing left to do. Default: `off`, for kind teams 55m.',
        examples: ['55m'],
        least: '1s',
        most: '7d',
      }),
    ),
  },
  { description: 'Connections with the peers of this zone.', examples: [{ share: false, renew: '55m' }] },
)

export const provisional = Type.Enum([...PROVISIONAL_POLICIES], {
  description:
    'Provisional responses of whoever is called here, on their way to the caller: `pass`; `first`, only the first one that rings or has SDP; `ringing`, 183 becomes 180, and none has SDP; `no-early-media`, 183 is dropped, and none has SDP. One that is sent reliably (RFC 3262) passes. Default: `pass`.',
  examples: ['ringing'],
})

export const dialect = mapping(
  {
    methods: optional(
      Type.Array(text({ pattern: '^[A-Za-z]{1,32}$', expects: 'a method such as INVITE' }), {
        description:
          "Methods that cross to and from this zone, and that Allow toward it shows. Others are answered 405; INVITE brings ACK, CANCEL and BYE along. Default: all, for kind teams INVITE, ACK, CANCEL, BYE, OPTIONS and NOTIFY; with REFER in the list the zone's peers may send it, and whoever they talk to has to act on it.",
        examples: [['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'NOTIFY']],
        minItems: 1,
        maxItems: 64,
      }),
    ),
    without: optional(
      Type.Array(text({ pattern: '^[A-Za-z0-9.-]{1,32}$', expects: 'an option tag such as 100rel' }), {
        description:
          'Option tags that Supported and Require toward this zone do not show; with `replaces` the header Replaces goes, too, with `timer` Session-Expires and Min-SE. Default: none, for kind teams 100rel and replaces.',
        examples: [['100rel', 'replaces']],
        maxItems: 64,
      }),
    ),
    'user-phone': optional(
      Type.Boolean({
        description: 'Numbers in Request-URI, From and To of requests to this zone get `user=phone`. Default: false, for kind teams true.',
        examples: [true],
      }),
    ),
    provisional: optional(provisional),
    redirections: optional(
      Type.Enum([...REDIRECTIONS], {
        description:
          'How this zone is told that a call was forwarded: `pass`, as it came; `history-info` or `diversion`: the other header is turned into this one (RFC 7544) where this one is not there. Default: `pass`, for kind teams `history-info`.',
        examples: ['diversion'],
      }),
    ),
    caller: optional(
      Type.Enum(['from', 'asserted'], {
        description:
          'From toward this zone: `from`, as it came; `asserted`, the number of P-Asserted-Identity where there is one; who is anonymous or asks for privacy stays so.',
        default: 'from',
      }),
    ),
    moved: optional(
      Type.Enum([...MOVED], {
        description:
          'Redirections (3xx) for callers from this zone: `pass`, they call again themselves; `follow`, the edge calls where they lead, by the routes of the zone that was called, where that one is `trusted`; what leads nowhere is a 480. Default: `pass`, for kind teams `follow`.',
        examples: ['follow'],
      }),
    ),
    offers: optional(
      Type.Enum(['any', 'always'], {
        description:
          '`always`: no INVITE without an SDP offer goes to this zone. Inside a call the edge offers what was agreed; for a call that begins it makes an offer, where it comes from a side with plain RTP, and answers 488 where it does not. Default: `any`, for kind teams `always`.',
        examples: ['always'],
      }),
    ),
  },
  {
    description: 'What the peers of this zone understand of SIP. Everything has a default by kind.',
    examples: [{ provisional: 'ringing' }],
  },
)

export const trusted = Type.Boolean({
  description:
    'Its peers are in our trust domain (RFC 3325): P-Asserted-Identity, Remote-Party-ID, Diversion and History-Info from them count, and they are shown identities and forwardings that somebody wants kept private. Default: true for kinds trunk and teams.',
  examples: [false],
})

export const patience = durationOrOff({
  description:
    "A call from this zone that nobody has answered in any way for so long gets 503, so that the caller's side can try its next way. Default: `off`, for kind teams 8s (it gives up after ten).",
  examples: ['8s'],
  least: '1s',
  most: '2m',
})

/** A host name, as a key. */
const HOST = '^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$'

export const tenants = Type.Record(
  Type.String({ pattern: HOST, maxLength: 253 }),
  Type.Union(
    [
      nameOf({ description: 'The zone of its PBX.' }),
      mapping({
        to: oneOrMany(nameOf({}), { description: 'The zone of its PBX, or several, tried one after the other.', examples: ['pbx-one'] }),
        numbers: optional(
          oneOrMany(text({ expects: 'a number pattern such as +4420794601xx' }), {
            description: 'Numbers that its PBX calls here. Default: all.',
            examples: ['+4420794601xx'],
          }),
        ),
      }),
    ],
    { expects: 'the name of a zone, or { to: ZONE, numbers: [ … ] }' },
  ),
  {
    additionalProperties: false,
    keys: 'a full host name such as one.sbc.example.com',
    description:
      "Customers with public names of their own, from name to PBX: calls that come for the name go to that zone, and calls of that zone go out under the name. The names are added to the listeners'. Two routes for each come before `routes`.",
    examples: [{ 'one.sbc.example.com': 'pbx-one' }],
    maxProperties: 5000,
  },
)

/** Top level. */
export const emergency = Type.Array(text({ pattern: '^\\+?[0-9*#]{1,15}$', expects: 'a number as it is dialled, such as 112' }), {
  description:
    'Emergency numbers as they are dialled: calls to them keep their number whatever the number rules say, and are not limited. Calls to `urn:service:sos` count as such, too.',
  default: ['112', '911', '933'],
  maxItems: 100,
})
