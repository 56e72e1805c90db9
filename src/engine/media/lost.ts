import type { Edge } from '../edge.ts'
import type { MediaSession } from './session.ts'

const REASON = 'SIP;cause=408;text="Media timeout"'

/**
 * A call that rtpengine has given up: nobody sent anything for a minute, nor said that the call is on hold. Both sides get a BYE (a proxy
 * cannot repair it, and a dialog that nobody hears blocks a line and costs money), unless the operator wants to be told only.
 */
export const endLost = (edge: Edge, session: MediaSession): void => {
  // It goes on, in silence, until one side has enough or offers again
  if (edge.running.snapshot.media.onMediaTimeout === 'report') return
  edge.dialogs.endAll(session, REASON)
  edge.media?.end(session, 'media-timeout')
}
