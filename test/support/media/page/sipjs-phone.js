// @ts-nocheck
// SIP.js with the words and events of `library-phones.js`.
import { Inviter, Messager, Registerer, RegistererState, SessionState, SIPExtension, Subscriber, UserAgent } from 'sip.js'

const statusIn = (sipfrag) => /^SIP\/2\.0 (\d+)/.exec(sipfrag)?.[1]

/** @param happened is told each event by its name */
export const sipjsPhone = (settings, happened) => {
  const sessions = []
  /** By the session whose re-INVITE waits for its ACK: what is to be done then. */
  const waiting = new Map()
  let current
  let answers = settings.answers ?? true
  const media = (video = false) => ({ constraints: { audio: true, video } })

  const follow = (session) => {
    sessions.push(session)
    current = session
    let established = false
    let ended
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) {
        established = true
        happened('confirmed')
      }
      if (state === SessionState.Terminated) {
        if (established) happened(`ended ${ended ?? 'local'}`)
        else if (ended !== undefined) happened(`failed ${ended}`)
      }
    })
    session.delegate = {
      onBye: (bye) => {
        ended = 'remote'
        bye.accept()
      },
      onCancel: () => {
        ended = 'remote cancelled'
      },
      onInvite: (_request, _response, status) => {
        if (status < 300) waiting.set(session, () => {})
        happened('reoffered')
      },
      onAck: () => {
        const next = waiting.get(session)
        waiting.delete(session)
        // SIP.js itself sees the ACK after this
        if (next !== undefined) setTimeout(next)
      },
      onInfo: (info) => {
        happened(`info ${info.request.getHeader('content-type')} ${info.request.body}`)
        info.accept()
      },
      onRefer: (referral) => {
        happened(`refer ${referral.referTo.uri}`)
        if (!answers) {
          referral.reject()
          return
        }
        referral.accept().then(() => {
          const next = referral.makeInviter({ sessionDescriptionHandlerOptions: media() })
          follow(next)
          return invite(next)
        })
      },
    }
  }
  const invite = (session) =>
    session.invite({
      requestDelegate: {
        onProgress: ({ message }) => happened(`progress ${message.statusCode}`),
        onReject: ({ message: { statusCode } }) => happened(statusCode === 487 ? 'failed local cancelled' : `failed remote ${statusCode}`),
      },
    })
  /** While the other side's re-INVITE waits for its ACK there can be none of ours, and SIP.js would be in the middle of an offer then. */
  const again = (session, name, more = {}) => {
    if (waiting.has(session)) {
      waiting.set(session, () => again(session, name, more))
      return
    }
    session.invite({
      ...more,
      requestDelegate: { onAccept: () => happened(`${name} answered`), onReject: ({ message }) => happened(`${name} refused ${message.statusCode}`) },
    })
  }
  const quiet = (session, value) => {
    for (const { track } of session.sessionDescriptionHandler.peerConnection.getSenders()) if (track) track.enabled = !value
  }
  const onNotify = (notification) => {
    happened(`notify ${statusIn(notification.request.body)}`)
    notification.accept()
  }

  const userAgent = new UserAgent({
    uri: UserAgent.makeURI(settings.uri),
    transportOptions: { server: settings.url, connectionTimeout: 15 },
    ...(settings.user === undefined ? {} : { authorizationUsername: settings.user }),
    ...(settings.password === undefined ? {} : { authorizationPassword: settings.password }),
    sipExtension100rel: SIPExtension.Supported,
    sipExtensionReplaces: SIPExtension.Supported,
    logBuiltinEnabled: false,
    sessionDescriptionHandlerFactoryOptions: {
      iceGatheringTimeout: settings.trickle === undefined ? 5000 : 1,
      peerConnectionConfiguration: { bundlePolicy: 'balanced', iceServers: [], ...settings.configuration },
    },
    delegate: {
      onConnect: () => happened('connected'),
      onDisconnect: () => happened('disconnected'),
      onMessage: (message) => {
        happened(`message ${message.request.body}`)
        message.accept()
      },
      onInvite: (invitation) => {
        follow(invitation)
        happened('incoming')
        if (answers) invitation.accept({ sessionDescriptionHandlerOptions: media(settings.video) })
      },
    },
  })
  const registerer = new Registerer(userAgent, { expires: 600, ...(settings.token === undefined ? {} : { extraHeaders: [`Authorization: Bearer ${settings.token}`] }) })
  registerer.stateChange.addListener((state) => {
    if (state === RegistererState.Registered) happened('registered')
    if (state === RegistererState.Unregistered) happened('unregistered')
  })

  return {
    connect: () => userAgent.start(),
    disconnect: () => userAgent.stop(),
    connection: () => current?.sessionDescriptionHandler?.peerConnection,
    select: (index) => {
      current = sessions[index]
    },
    answerCalls: (value) => {
      answers = value
    },
    register: () => {
      registerer.register({ requestDelegate: { onReject: ({ message }) => happened(`registration refused ${message.statusCode}`) } })
    },
    unregister: () => {
      registerer.unregister()
    },
    call: ({ target, video, headers = [] }) => {
      const session = new Inviter(userAgent, UserAgent.makeURI(target), { earlyMedia: true, extraHeaders: headers, sessionDescriptionHandlerOptions: media(video) })
      follow(session)
      invite(session)
    },
    /** RFC 3262: a 183 with its answer, again until the PRACK. */
    ring: () => {
      current.progress({ statusCode: 183, rel100: true, sessionDescriptionHandlerOptions: media() })
    },
    answer: (video) => {
      current.accept({ sessionDescriptionHandlerOptions: media(video) })
    },
    /** A call that it has not answered gets this status. */
    hangUp: (status) => {
      if (current.state === SessionState.Established) current.bye()
      else if (current instanceof Inviter) current.cancel()
      else current.reject({ statusCode: status ?? 480 })
    },
    hold: () => {
      current.sessionDescriptionHandlerOptionsReInvite = { hold: true }
      quiet(current, true)
      again(current, 'hold')
    },
    unhold: () => {
      current.sessionDescriptionHandlerOptionsReInvite = { hold: false }
      quiet(current, false)
      again(current, 'unhold')
    },
    addVideo: () => {
      again(current, 'video', { sessionDescriptionHandlerOptions: media(true) })
    },
    restartIce: () => {
      again(current, 'restart', { sessionDescriptionHandlerOptions: { offerOptions: { iceRestart: true } } })
    },
    info: ({ type, body }) => {
      current.info({ requestOptions: { body: { contentDisposition: 'render', contentType: type, content: body } } })
    },
    trickle: () => {
      current.info({
        requestDelegate: { onAccept: ({ message }) => happened(`INFO answered ${message.statusCode}`), onReject: ({ message }) => happened(`INFO answered ${message.statusCode}`) },
        requestOptions: {
          extraHeaders: ['Info-Package: trickle-ice'],
          body: { contentDisposition: 'Info-Package', contentType: 'application/trickle-ice-sdpfrag', content: window.fragment() },
        },
      })
    },
    infoDigits: async (digits) => {
      for (const digit of digits) {
        const content = `Signal=${digit}\r\nDuration=100`
        await new Promise((resolve) => {
          current.info({ requestDelegate: { onAccept: resolve }, requestOptions: { body: { contentDisposition: 'render', contentType: 'application/dtmf-relay', content } } })
        })
      }
    },
    refer: (target) => {
      current.refer(UserAgent.makeURI(target), {
        onNotify,
        requestDelegate: { onAccept: () => happened('refer accepted'), onReject: ({ message }) => happened(`refer refused ${message.statusCode}`) },
      })
    },
    /** Attended: the party of the current session shall replace us in that one. */
    referTo: (index) => {
      current.refer(sessions[index], { onNotify, requestDelegate: { onAccept: () => happened('refer accepted') } })
    },
    message: ({ target, text }) => {
      const messager = new Messager(userAgent, UserAgent.makeURI(target), text)
      messager.message({ requestDelegate: { onAccept: () => happened('message accepted'), onReject: ({ message }) => happened(`message refused ${message.statusCode}`) } })
    },
    options: (target) => {
      const core = userAgent.userAgentCore
      const uri = UserAgent.makeURI(target)
      const message = core.makeOutgoingRequestMessage('OPTIONS', uri, userAgent.configuration.uri, uri, {})
      core.request(message, { onAccept: () => happened('options answered'), onReject: ({ message: response }) => happened(`options refused ${response.statusCode}`) })
    },
    subscribe: ({ target, event }) => {
      const subscriber = new Subscriber(userAgent, UserAgent.makeURI(target), event)
      subscriber.delegate = {
        onNotify: (notification) => {
          happened(`notified ${notification.request.body}`)
          notification.accept()
        },
      }
      subscriber.stateChange.addListener((state) => {
        if (state === 'Subscribed') happened('subscribed')
        if (state === 'Terminated') happened('subscription over')
      })
      subscriber.subscribe()
    },
  }
}
