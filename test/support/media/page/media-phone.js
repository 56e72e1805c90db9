// @ts-nocheck
// The test phone with sound (`window.phone`, `window.sound`), and a bare RTCPeerConnection for tests without SIP (`window.peer`).
import '../../../e2e/02-browser/page/phone.js'
import { createSound, setMicrophone } from './sound.js'

let bare
const gathered = async () => {
  while (bare.iceGatheringState !== 'complete') await new Promise((resolve) => bare.addEventListener('icegatheringstatechange', resolve, { once: true }))
  return bare.localDescription.sdp
}

window.microphone = setMicrophone
window.sound = createSound(() => bare ?? window.phone.connection())
window.peer = {
  open: async (configuration) => {
    bare = new RTCPeerConnection(configuration)
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    bare.addTrack(stream.getAudioTracks()[0], stream)
  },
  /** A transceiver's direction is its wish for all later offers and answers. */
  direction: (direction) => {
    bare.getTransceivers()[0].direction = direction
  },
  offer: async (options) => {
    await bare.setLocalDescription(await bare.createOffer(options))
    return gathered()
  },
  answer: async (sdp) => {
    await bare.setRemoteDescription({ type: 'offer', sdp })
    await bare.setLocalDescription(await bare.createAnswer())
    return gathered()
  },
  accept: (sdp) => bare.setRemoteDescription({ type: 'answer', sdp }),
}
