// @ts-nocheck
// A phone of either library (`window.phone`), what it hears (`window.sound`) and sees (`window.picture`). Both libraries have the same words and the
// same events, so that a test says once what has to work with both.
import { jssipPhone } from './jssip-phone.js'
import { createPicture } from './picture.js'
import { sipjsPhone } from './sipjs-phone.js'
import { createSound, setMicrophone } from './sound.js'

/** What the page says of its candidates: nothing, in what it sends as SDP. */
const hideCandidates = () => {
  const given = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, 'localDescription')
  Object.defineProperty(RTCPeerConnection.prototype, 'localDescription', {
    get() {
      const description = given.get.call(this)
      const sdp = description?.sdp.replace(/^a=(?:candidate.*|end-of-candidates)\r\n/gm, '').replace(/^(m=\w+) \d+/gm, '$1 9')
      return description && { type: description.type, sdp }
    },
  })
  /** RFC 8840 §9: as the fragment of an INFO. */
  window.fragment = () => {
    const lines = given.get.call(connection()).sdp.split('\r\n')
    return `${lines.filter((line) => /^(?:m=|a=(?:mid|candidate|ice-ufrag|ice-pwd):)/.test(line)).join('\r\n')}\r\na=end-of-candidates\r\n`
  }
}

const events = []
const connection = () => window.phone.connection?.()

/** Long times of the page's own pass that much faster: session timers count in tens of seconds. */
const hasten = (factor) => {
  const { setTimeout: real } = window
  window.setTimeout = (act, ms, ...rest) => real(act, ms >= 20_000 ? ms / factor : ms, ...rest)
}

window.phone = {
  events,
  start: async (settings) => {
    setMicrophone(settings.hz, settings.colour)
    if (settings.trickle === 'none') hideCandidates()
    if (settings.hasten !== undefined) hasten(settings.hasten)
    const make = settings.library === 'SIP.js' ? sipjsPhone : jssipPhone
    const made = make(settings, (name) => events.push(name))
    Object.assign(window.phone, made)
    await made.connect()
  },
}
window.sound = createSound(connection)
window.picture = createPicture(connection)
