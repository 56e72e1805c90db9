/** A whole production file, shown in docs/configuration.md and loaded by its test. */
export const FIRST_EXAMPLE = `name: sbc.example.com                      # our public name: what encrypted listeners advertise
public-address: 203.0.113.5                # behind 1:1 NAT; leave it out when the host owns its address
listeners:
  lan:     { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  teams:   { tls: 10.0.0.5:5061 }          # advertises sbc.example.com:5061
  web:     { wss: 10.0.0.5:443 }
zones:
  pbx:      { kind: trunk,  on: lan,   targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  teams:    { kind: teams,  on: teams }
  browsers: { kind: webrtc, on: web,   origins: [ "https://app.example.com" ] }
routes:
  - { from: [ teams, browsers ], to: pbx }
  - { from: pbx, number: +4420794601xx, to: teams }
  - { from: pbx, to: browsers }            # whoever registered through us
media:    { ports: 30000-31999 }           # our own rtpengine; its interfaces follow from the listeners
certificates: { main: { chain: certs/sbc.pem, key: certs/sbc.key } }
admin:    { listen: 10.0.0.5:8443 }
`

export interface FirstRunOptions {
  /** Ports on 127.0.0.1, where the usual ones are taken. */
  readonly ports?: Partial<Record<'sip' | 'tls' | 'ws' | 'wss' | 'admin' | 'demo', number>>
}

/** The configuration that a first start writes: everything on loopback, with a demonstration PBX behind the edge. */
export const firstRunConfig = (options: FirstRunOptions = {}): string => {
  const { sip = 5060, tls = 5061, ws = 8088, wss = 8443, admin = 8080, demo = 5090 } = options.ports ?? {}
  return `# Edgeways: written at the first start, and yours from now on.
# After a change: "npx edgeways check FILE" tells what is wrong with it, SIGHUP takes it over without a restart.
# Every setting is explained in docs/configuration.md; "npx edgeways config" shows the defaults that are in force.

# Our public name. Encrypted listeners advertise it, and the certificate shows it.
name: localhost

# Sockets, in groups. All of them are on loopback: nobody outside of this machine reaches them.
# For the world, write the address of an interface here, such as 10.0.0.5:5061.
listeners:
  lan:                              # plain SIP, toward the PBX
    udp: 127.0.0.1:${sip}
    tcp: 127.0.0.1:${sip}
  secure:                           # encrypted SIP, for phones
    tls: 127.0.0.1:${tls}
  web:                              # WebSocket, for browsers
    wss: 127.0.0.1:${wss}
    ws: 127.0.0.1:${ws}

# Who is on the other side of them. The kind brings everything else with it.
# Phones and browsers register with the PBX, through us. For a site without a registrar write a section "registrar: {}": then they register
# with us, as users that "npx edgeways user add NAME" or the web admin makes. So that they can call each other put this first into the routes:
# "- { host: localhost, to: [ phones, browsers ] }".
zones:
  pbx:
    kind: trunk
    on: lan
    targets:
      - sip:127.0.0.1:${demo};transport=udp   # the demonstration PBX; write your own here
  phones:
    kind: phones
    on: secure
  browsers:
    kind: webrtc
    on: web
    origins: [ "*" ]                # any web page may connect; for production name yours: [ "https://app.example.com" ]

# Who may call whom: the first route that fits decides, and what fits none is refused.
routes:
  - { from: [ phones, browsers ], to: pbx }
  - { from: pbx, to: [ phones, browsers ] }   # whoever registered through us

# Media goes through rtpengine, which we start ourselves when it is installed; then any two of the zones above can talk to each other.
# Until it is there, "relay" lets the two ends of a call talk directly, if they can. In production write "refuse": such calls get 503.
media:
  without-rtpengine: relay

# Made by our own development CA. For production: main: { chain: sbc.pem, key: sbc.key }
certificates:
  local: development

# The web admin, with the API, health and metrics: https, and the start prints a link for the first account.
admin:
  listen: 127.0.0.1:${admin}

# A small PBX to try things out with. Remove this line together with the target above.
demo: ${demo === 5090 ? 'true' : `127.0.0.1:${demo}`}
`
}
