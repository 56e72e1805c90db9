// @ts-nocheck
// The test phone: JsSIP in a page, driven by the test through `window.phone`. Plain JavaScript, since it runs in the browser.
import JsSIP from 'jssip'

const events = []
let userAgent
let session
let answers = true
const happened = (name) => events.push(name)

const follow = (next) => {
  session = next
  for (const name of ['progress', 'accepted', 'confirmed', 'hold', 'unhold', 'reinvite', 'cancel']) next.on(name, () => happened(name))
  next.on('failed', ({ cause, originator, message }) => happened(`failed ${originator} ${cause}${message?.status_code ? ` ${message.status_code}` : ''}`))
  next.on('ended', ({ originator, cause }) => happened(`ended ${originator} ${cause}`))
}

const media = { mediaConstraints: { audio: true, video: false } }

window.phone = {
  events,
  start: (settings) =>
    new Promise((resolve) => {
      const socket = new JsSIP.WebSocketInterface(settings.url)
      userAgent = new JsSIP.UA({
        sockets: [socket],
        uri: settings.uri,
        register: settings.register ?? false,
        connection_recovery_min_interval: 1,
        connection_recovery_max_interval: 1,
      })
      userAgent.on('connected', () => {
        happened('connected')
        resolve()
      })
      userAgent.on('disconnected', () => happened('disconnected'))
      userAgent.on('registered', () => happened('registered'))
      userAgent.on('registrationFailed', ({ cause }) => happened(`registrationFailed ${cause}`))
      userAgent.on('newRTCSession', ({ originator, session: next }) => {
        follow(next)
        if (originator !== 'remote') return
        happened('incoming')
        // JsSIP would take no audio for an INVITE that has no SDP to ask for some
        if (answers) next.answer({ ...media, rtcOfferConstraints: { offerToReceiveAudio: true } })
      })
      userAgent.start()
    }),
  answerCalls: (value) => {
    answers = value
  },
  connection: () => session?.connection,
  register: () => userAgent.register(),
  call: (target) => {
    userAgent.call(target, media)
  },
  /** A call that it has not answered gets this status; default 480. */
  hangUp: (status) => session.terminate(status === undefined ? {} : { status_code: status }),
  hold: () => session.hold({}, () => happened('hold answered')),
  unhold: () => session.unhold({}, () => happened('unhold answered')),
}
