// @ts-nocheck
// What a page sees: the colour of the video that arrives at its connection.
const soon = () => new Promise((resolve) => setTimeout(resolve, 40))
const COLOURS = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255] }
/** Per channel: a codec changes colours, and the picture is small. */
const CLOSE = 90

/** The middle of the picture. @returns undefined as long as there is none */
const pixelOf = (element) => {
  if (element.videoWidth === 0) return undefined
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
  const context = canvas.getContext('2d')
  context.drawImage(element, element.videoWidth / 2, element.videoHeight / 2, 1, 1, 0, 0, 1, 1)
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
}

/** @param connection gives the RTCPeerConnection of now */
export const createPicture = (connection) => {
  const inbound = async () => {
    const reports = [...(await connection().getStats()).values()]
    return reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')
  }
  const framesOf = async () => (await inbound())?.framesDecoded ?? 0
  const words = async () => {
    const { packetsReceived = 0, packetsLost = 0, framesDecoded = 0, pliCount = 0 } = (await inbound()) ?? {}
    return `${packetsReceived} packets came, ${packetsLost} were lost, ${framesDecoded} frames were decoded, ${pliCount} key frames asked for`
  }
  return {
    frames: framesOf,
    /** Resolves when new frames come, of that colour. */
    sees: async ({ colour, ms }) => {
      const end = performance.now() + ms
      const element = document.body.appendChild(Object.assign(document.createElement('video'), { muted: true, autoplay: true }))
      let followed
      let before
      for (;;) {
        const track = connection()?.getTransceivers().find(({ receiver, stopped }) => receiver.track.kind === 'video' && !stopped)?.receiver.track
        if (track !== undefined && track !== followed) {
          followed = track
          element.srcObject = new MediaStream([track])
          element.play()
        }
        const frames = followed === undefined ? 0 : await framesOf()
        before ??= frames
        const pixel = pixelOf(element)
        const fits = pixel?.every((value, i) => Math.abs(value - COLOURS[colour][i]) < CLOSE)
        if (fits && frames > before + 3) {
          element.remove()
          return
        }
        if (performance.now() > end) throw new Error(`no ${colour} picture within ${ms} ms; ${await words()}, the colour is ${pixel ?? 'none'}`)
        await soon()
      }
    },
  }
}
