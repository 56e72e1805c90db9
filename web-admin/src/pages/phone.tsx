import { useEffect, useRef, useState } from 'preact/hooks'
import { call as callApi } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useSession } from '../api/session.ts'
import type { Phone as PhoneView, PhoneZone, State, Turn } from '../api/types.ts'
import { failed } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { TextField } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Note, Status } from '../parts/status.tsx'
import { credentialsFor, type PhoneCredentials } from '../phone/credentials.ts'
import { Line, type LineCall, type Registration } from '../phone/line.ts'
import { keepSettings, keptSettings, type PhoneSettings } from '../phone/settings.ts'
import { openSound, ring } from '../phone/sound.ts'
import { useStore } from '../store.ts'
import { microphoneText, type Sentence, targetOf } from '../words/phone.ts'
import { LadderCard } from './ladder.tsx'
import { CallCard, FiguresCard, useFigures } from './phone-call.tsx'
import { OwnSettings, type OwnSettingsValue } from './phone-settings.tsx'
import '../style/phone.css'

/** A telephone in the page: it registers and calls through the edge, and shows what came of it. */
export const PhonePage = () => {
  const phone = useResource<PhoneView>('/phone', 'config')
  return (
    <Page title="Test phone" lead="This browser registers and calls through the edge, and shows what came of it">
      <Loaded from={phone}>
        {(view) =>
          view.zones.length === 0 ? (
            <Card>
              <Empty title="No zone takes browsers">
                A zone of kind webrtc with a wss listener does; <a href="#/configuration">add one to the configuration</a>.
              </Empty>
            </Card>
          ) : (
            <Phone view={view} />
          )
        }
      </Loaded>
    </Page>
  )
}

/** Browsers behind strict firewalls need TURN. */
const turnServers = async (): Promise<readonly RTCIceServer[]> => {
  try {
    const { urls, username, credential } = await callApi<Turn>('GET', '/turn')
    return [{ urls: [...urls], username, credential }]
  } catch (error) {
    // Most calls work without, and those that do not say so in their ICE state
    failed(error)
    return []
  }
}

/** Relative to the page, as the API is: a reverse proxy may put both under a path. */
const ownSocket = (path: string, zone: string): string => {
  const url = new URL(`.${path}`, location.href)
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  url.search = `?zone=${encodeURIComponent(zone)}`
  url.hash = ''
  return url.href
}

/** A name of SIP, made from the name of whoever is signed in. */
const usualUser = (name = ''): string => `test-${name.toLowerCase().replace(/[^a-z0-9.-]/g, '') || 'phone'}`

/** Events of the API come every few seconds; a ladder of one's own call is looked at more closely. */
const useFreshLadder = (call: LineCall | undefined, ticks: number): void => {
  const marks = call === undefined ? '' : `${call.id} ${call.phase} ${call.held} ${call.heldByPeer} ${ticks}`
  useEffect(() => {
    if (call === undefined) return undefined
    const timers = [150, 900].map((ms) => setTimeout(() => refresh(`/calls/${encodeURIComponent(call.id)}/ladder`), ms))
    return () => timers.forEach(clearTimeout)
  }, [marks])
}

const Phone = ({ view }: { readonly view: PhoneView }) => {
  const session = useSession()
  const [settings, setSettings] = useState(keptSettings)
  const [password, setPassword] = useState('')
  const [line] = useState(() => new Line(async () => (view.turn ? turnServers() : [])))
  const { registration, call } = useStore(line.state)
  const [trouble, setTrouble] = useState<Sentence>()
  const [pressed, setPressed] = useState('')
  const [address, setAddress] = useState('')
  const latest = useRef<object>()
  const zone = view.zones.find(({ name }) => name === settings.zone) ?? view.zones[0]!
  const listener = zone.listeners.find(({ name }) => name === settings.by)
  const user = settings.user === '' ? usualUser(session?.user) : settings.user
  const figures = useFigures(line, call)
  useFreshLadder(call, pressed.length)

  const change = (next: Partial<PhoneSettings>): void => {
    const all = { ...settings, ...next }
    setSettings(all)
    keepSettings(all)
  }

  const connect = async (): Promise<void> => {
    setTrouble(undefined)
    const attempt = {}
    latest.current = attempt
    let given: PhoneCredentials | undefined
    if (zone.authenticate && password === '') {
      try {
        given = await credentialsFor(settings.user)
      } catch (error) {
        setTrouble({ level: 'error', text: (error as Error).message, remedy: 'Or name a subscriber with its password below.' })
      }
    }
    // Somebody has chosen something else meanwhile, or left
    if (latest.current !== attempt) return
    const own = given ?? { user, domain: zone.domain, password: password === '' ? undefined : password }
    setAddress(`${own.user}@${own.domain}`)
    line.connect({
      url: listener?.url ?? ownSocket(view.path, zone.name),
      ...own,
      register: zone.registration !== 'refuse',
    })
  }
  useEffect(() => {
    void connect()
  }, [zone.name, zone.registration, zone.authenticate, listener?.url, user, password])
  useEffect(
    () => () => {
      latest.current = undefined
      line.close()
    },
    [line],
  )

  const ringsHere = call?.direction === 'in' && call.phase === 'ringing'
  useEffect(() => (ringsHere ? ring() : undefined), [ringsHere])
  useEffect(() => {
    setPressed('')
    setTrouble(undefined)
  }, [call?.id])

  /** @returns undefined when there is none, which was told */
  const sound = async () => {
    try {
      return await openSound(settings.source, settings.cleaned)
    } catch (error) {
      setTrouble(microphoneText((error as Error).name, isSecureContext))
      return undefined
    }
  }
  const dial = async (target: string): Promise<void> => {
    setTrouble(undefined)
    line.forget()
    const sending = await sound()
    if (sending === undefined) return
    try {
      await line.call(target, sending)
    } catch (error) {
      setTrouble({ level: 'error', text: (error as Error).message })
    }
  }
  const answer = async (): Promise<void> => {
    const sending = await sound()
    if (sending !== undefined) await line.answer(sending)
  }
  const press = (key: string): void => {
    line.press(key, settings.keys)
    setPressed((before) => (before + key).slice(-24))
  }

  const active = call !== undefined && call.phase !== 'over'
  const ready = registration.kind === 'connected' || registration.kind === 'registering' || registration.kind === 'registered'
  return (
    <div class="phone">
      <div class="stack phone-main">
        <Card title="Phone" aside={<Standing registration={registration} />}>
          <div class="stack">
            <WithoutMedia />
            <Reached registration={registration} zone={zone} address={address} listener={listener} />
            {trouble !== undefined && (
              <Note level={trouble.level} title={trouble.text}>
                {trouble.remedy !== undefined && <p>{trouble.remedy}</p>}
              </Note>
            )}
            {call !== undefined && (
              <CallCard call={call} line={line} pressed={pressed} onAnswer={answer} onPress={press} onForget={() => line.forget()} />
            )}
            {!active && (
              <Dialer view={view} zone={zone} settings={settings} ready={ready} onTarget={(target) => change({ target })} onCall={dial} />
            )}
          </div>
        </Card>
      </div>
      <div class="stack phone-settings">
        <OwnSettings
          view={view}
          zone={zone}
          settings={settings}
          usual={usualUser(session?.user)}
          onSound={(value) => change(value)}
          onApply={({ password: next, ...value }: OwnSettingsValue) => {
            change(value)
            setPassword(next)
          }}
        />
      </div>
      <div class="stack phone-outcome">
        {call === undefined ? (
          <Before view={view} zone={zone} ready={ready} onCall={dial} />
        ) : (
          <>
            <FiguresCard call={call} figures={figures} />
            <LadderCard key={call.id} id={call.id} kept live link />
          </>
        )}
      </div>
    </div>
  )
}

/** The most usual reason for silence: nobody carries the sound. */
const WithoutMedia = () => {
  const why = useResource<State>('/state', 'state').data?.media.unavailable
  if (why === undefined) return null
  return (
    <Note level="warn" title="Calls have no sound at the moment">
      <p>{why}</p>
    </Note>
  )
}

const Standing = ({ registration }: { readonly registration: Registration }) => {
  switch (registration.kind) {
    case 'registered':
      return <Status level="ok">Registered</Status>
    case 'connected':
      return <Status level="ok">Connected</Status>
    case 'registering':
      return <Status level="busy">Registering</Status>
    case 'refused':
      return <Status level="error">Not registered</Status>
    case 'broken':
      return <Status level="error">No connection</Status>
    case 'connecting':
      return <Status level="busy">Connecting</Status>
    default:
      return <Status level="off">Off</Status>
  }
}

/** As whom, or why not. */
const Reached = ({
  registration,
  zone,
  address,
  listener,
}: {
  readonly registration: Registration
  readonly zone: PhoneZone
  readonly address: string
  readonly listener: PhoneZone['listeners'][number] | undefined
}) => {
  if (registration.kind === 'refused')
    return (
      <Note level="warn" title="The registration was refused">
        <p>{registration.text}</p>
        <p>Nobody can call this phone so; calling may work all the same.</p>
      </Note>
    )
  if (registration.kind === 'broken') {
    const page = listener?.url.replace(/^wss:/, 'https:')
    return (
      <Note level="error" title={registration.ever ? 'The connection to the edge was lost' : 'The edge cannot be reached'}>
        {listener === undefined ? (
          <p>It is tried again and again. If a reverse proxy stands before the edge, it has to let WebSockets through.</p>
        ) : (
          <p>
            It is tried again and again. Perhaps this browser does not trust the certificate of {listener.name}:{' '}
            <a href={page} target="_blank" rel="noreferrer">
              open {page}
            </a>{' '}
            and accept it there, or connect by the port of this page.
          </p>
        )}
      </Note>
    )
  }
  return (
    <p class="muted">
      <span class="mono">{address}</span>, zone {zone.name}
    </p>
  )
}

const Dialer = ({
  view,
  zone,
  settings,
  ready,
  onTarget,
  onCall,
}: {
  readonly view: PhoneView
  readonly zone: PhoneZone
  readonly settings: PhoneSettings
  readonly ready: boolean
  readonly onTarget: (target: string) => void
  readonly onCall: (target: string) => Promise<void>
}) => {
  const [typed, setTyped] = useState(settings.target)
  const target = targetOf(typed, zone.domain)
  const wrong = typed.trim() !== '' && target === undefined
  return (
    <>
      {view.demo !== undefined && (
        <div class="phone-echo">
          <Button kind="primary" icon="calls" disabled={!ready} onClick={() => onCall(`sip:${view.demo!.echo}@${zone.domain}`)}>
            Call echo
          </Button>
          <p class="field-hint">A short tone, then you hear yourself. Use headphones, or turn the loudspeaker down.</p>
        </div>
      )}
      <form
        class="phone-dial"
        onSubmit={async (event) => {
          event.preventDefault()
          if (target === undefined || !ready) return
          onTarget(typed)
          await onCall(target)
        }}
      >
        <TextField
          label="Number or address"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          placeholder={`+44 20 7946 0123, anna or sip:anna@${zone.domain}`}
          value={typed}
          error={wrong ? 'Nothing that can be called: write a number, a name or a SIP address' : undefined}
          onValue={setTyped}
        />
        <Button type="submit" icon="calls" disabled={!ready || target === undefined}>
          Call
        </Button>
      </form>
    </>
  )
}

/** Before the first call: whom there is to call, and what one will see. */
const Before = ({
  view,
  zone,
  ready,
  onCall,
}: {
  readonly view: PhoneView
  readonly zone: PhoneZone
  readonly ready: boolean
  readonly onCall: (target: string) => Promise<void>
}) => (
  <>
    {view.demo !== undefined && (
      <Card title="Whom to call at the demonstration PBX">
        <ul class="phone-extensions">
          {view.demo.extensions.map(({ number, name, text }) => (
            <li key={number}>
              <span>
                <strong>{number}</strong> <span class="muted">or {name}</span>
                <br />
                {text}
              </span>
              <Button disabled={!ready} onClick={() => onCall(`sip:${number}@${zone.domain}`)}>{`Call ${number}`}</Button>
            </li>
          ))}
        </ul>
      </Card>
    )}
    <Card title="What a call shows here">
      <ul class="bullets">
        <li>how loud both directions are, so that silence is no riddle</li>
        <li>which codec and which encryption were agreed on, and which way the packets take</li>
        <li>what was lost on the way, jitter and round trip, second by second</li>
        <li>every message of the call on both sides of the edge, with what was rewritten</li>
      </ul>
    </Card>
  </>
)
