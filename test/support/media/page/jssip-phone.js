// @ts-nocheck
// JsSIP with the words and events of `library-phones.js`.
import JsSIP from 'jssip'

// JsSIP begins one call in ten thousand with CSeq 0, and takes that for none: each ACK of that call has another number, which no one can match
const { random } = Math
Math.random = () => Math.max(random(), 0.001)

/** @param happened is told each event by its name */
export const jssipPhone = (settings, happened) => {
  const sessions = []
  let current
  let answers = settings.answers ?? true
  const pcConfig = { iceServers: [], ...settings.configuration }
  const media = (video = false) => ({ mediaConstraints: { audio: true, video }, pcConfig, sessionTimersExpires: 90 })
  // JsSIP would take no audio for an INVITE that has no SDP to ask for some
  const accepting = (video) => ({ ...media(video), rtcOfferConstraints: { offerToReceiveAudio: true } })

  const userAgent = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(settings.url)],
    uri: settings.uri,
    ...(settings.user === undefined ? {} : { authorization_user: settings.user }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.token === undefined ? {} : { authorization_jwt: `Bearer ${settings.token}` }),
    register: false,
    session_timers: settings.sessionTimers ?? true,
    session_timers_refresh_method: settings.refreshMethod ?? 'UPDATE',
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 1,
  })
  userAgent.on('connected', () => happened('connected'))
  userAgent.on('disconnected', () => happened('disconnected'))
  userAgent.on('registered', () => happened('registered'))
  userAgent.on('unregistered', () => happened('unregistered'))
  userAgent.on('registrationFailed', ({ response }) => happened(`registration refused ${response?.status_code}`))
  userAgent.on('newMessage', ({ originator, request }) => originator === 'remote' && happened(`message ${request.body}`))

  const follow = (session) => {
    sessions.push(session)
    current = session
    session.on('progress', ({ originator, response }) => originator === 'remote' && happened(`progress ${response.status_code}`))
    session.on('confirmed', () => happened('confirmed'))
    session.on('failed', ({ originator, message, cause }) =>
      happened(`failed ${originator} ${cause === 'Canceled' ? 'cancelled' : (message?.status_code ?? cause)}`),
    )
    session.on('ended', ({ originator }) => happened(`ended ${originator}`))
    session.on('reinvite', () => happened('reoffered'))
    session.on('update', () => happened('updated'))
    session.on('hold', ({ originator }) => originator === 'remote' && happened('held'))
    session.on('unhold', ({ originator }) => originator === 'remote' && happened('resumed'))
    session.on('newInfo', ({ originator, info }) => {
      if (originator === 'remote') happened(`info ${info.contentType} ${info.body}`)
      info.on('succeeded', ({ response }) => happened(`INFO answered ${response.status_code}`))
      info.on('failed', ({ response }) => happened(`INFO answered ${response.status_code}`))
    })
    session.on('newDTMF', ({ originator, dtmf }) => originator === 'remote' && happened(`info dtmf ${dtmf.tone} ${dtmf.duration}`))
    session.on('refer', ({ request, accept, reject }) => {
      happened(`refer ${request.refer_to.uri}`)
      if (answers) accept((next) => follow(next), media())
      else reject()
    })
    session.on('replaces', ({ accept }) => {
      happened('replaces')
      accept()
    })
    // The description goes out with the first candidate
    if (settings.trickle !== undefined) session.on('icecandidate', ({ ready }) => ready())
  }
  userAgent.on('newRTCSession', ({ originator, session }) => {
    if (!sessions.includes(session)) follow(session)
    if (originator !== 'remote') return
    happened('incoming')
    if (answers) session.answer(accepting(settings.video))
  })

  /** While the other side's re-INVITE waits for its ACK there can be none of ours. */
  const whenReady = (act) => {
    if (act() === false) setTimeout(() => whenReady(act), 50)
  }
  return {
    connect: () =>
      new Promise((resolve) => {
        userAgent.once('connected', resolve)
        userAgent.start()
      }),
    disconnect: () => userAgent.stop(),
    connection: () => current?.connection,
    select: (index) => {
      current = sessions[index]
    },
    answerCalls: (value) => {
      answers = value
    },
    register: () => userAgent.register(),
    unregister: () => userAgent.unregister(),
    call: ({ target, video, headers = [] }) => {
      userAgent.call(target, { ...media(video), extraHeaders: headers })
    },
    answer: (video) => current.answer(accepting(video)),
    /** A call that it has not answered gets this status. */
    hangUp: (status) => current.terminate(status === undefined ? {} : { status_code: status }),
    hold: () => whenReady(() => current.hold({}, () => happened('hold answered'))),
    unhold: () => whenReady(() => current.unhold({}, () => happened('unhold answered'))),
    update: () => current.renegotiate({ useUpdate: true }, () => happened('update answered')),
    addVideo: async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true })
      current.connection.addTrack(stream.getVideoTracks()[0], stream)
      current.renegotiate({}, () => happened('video answered'))
    },
    restartIce: () => current.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, () => happened('restart answered')),
    info: ({ type, body }) => current.sendInfo(type, body),
    trickle: () => current.sendInfo('application/trickle-ice-sdpfrag', window.fragment(), { extraHeaders: ['Info-Package: trickle-ice'] }),
    infoDigits: (digits) => current.sendDTMF(digits, { transportType: 'INFO', duration: 100, interToneGap: 50 }),
    refer: (target) => {
      const subscriber = current.refer(target)
      for (const name of ['trying', 'progress', 'accepted', 'failed'])
        subscriber.on(name, ({ status_line }) => happened(`notify ${status_line.status_code}`))
      subscriber.on('requestSucceeded', () => happened('refer accepted'))
      subscriber.on('requestFailed', ({ response }) => happened(`refer refused ${response?.status_code}`))
    },
    /** Attended: the party of the current session shall replace us in that one. */
    referTo: (index) => {
      const subscriber = current.refer(sessions[index].remote_identity.uri, { replaces: sessions[index] })
      for (const name of ['trying', 'progress', 'accepted', 'failed'])
        subscriber.on(name, ({ status_line }) => happened(`notify ${status_line.status_code}`))
      subscriber.on('requestSucceeded', () => happened('refer accepted'))
    },
    message: ({ target, text }) =>
      userAgent.sendMessage(target, text, { eventHandlers: { succeeded: () => happened('message accepted'), failed: ({ response }) => happened(`message refused ${response?.status_code}`) } }),
    options: (target) =>
      userAgent.sendOptions(target, null, { eventHandlers: { succeeded: () => happened('options answered'), failed: ({ response }) => happened(`options refused ${response?.status_code}`) } }),
    subscribe: ({ target, event }) => {
      const subscriber = userAgent.subscribe(target, event, 'text/plain', {})
      subscriber.on('active', () => happened('subscribed'))
      subscriber.on('notify', (_final, request, body) => happened(`notified ${body ?? ''}`))
      subscriber.on('terminated', () => happened('subscription over'))
      subscriber.subscribe()
    },
  }
}
