import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Empty } from '../parts/loaded.tsx'
import { Card, Facts } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Running } from '../parts/time.tsx'
import { type Candidate, type Entry, type Figures, figuresOf } from '../phone/figures.ts'
import type { Line, LineCall } from '../phone/line.ts'
import { levelOf } from '../phone/sound.ts'
import { bytesText, countText, percentText, tookText } from '../words/numbers.ts'
import { candidateText, iceText } from '../words/phone.ts'
import { clockText } from '../words/time.ts'

/** The call of now, or the one that has just ended. */
export const CallCard = ({
  call,
  line,
  pressed,
  onAnswer,
  onPress,
  onForget,
}: {
  readonly call: LineCall
  readonly line: Line
  readonly pressed: string
  readonly onAnswer: () => Promise<void>
  readonly onPress: (key: string) => void
  readonly onForget: () => void
}) => {
  const { phase, direction, peer } = call
  const ringsHere = direction === 'in' && phase === 'ringing'
  return (
    <section class={`phone-call phone-call-${phase}`} aria-label="Call">
      <div class="row row-apart">
        <div class="phone-peer">
          <p class="small muted">{direction === 'in' ? 'From' : 'To'}</p>
          <p class="strong">{peer}</p>
        </div>
        <div role="status">
          <Phase call={call} />
        </div>
      </div>
      {phase === 'over' ? (
        <div class="row row-apart">
          <p>{call.outcome?.text}</p>
          <Button onClick={onForget}>Close</Button>
        </div>
      ) : (
        <>
          {!ringsHere && <Sound call={call} line={line} />}
          <div class="row">
            {ringsHere && (
              <Button kind="primary" icon="calls" onClick={onAnswer}>
                Answer
              </Button>
            )}
            <Button kind="danger" icon="close" onClick={() => line.hangUp()}>
              {ringsHere ? 'Decline' : 'Hang up'}
            </Button>
            {phase === 'up' && (
              <>
                <Button pressed={call.muted} onClick={() => line.mute(!call.muted)}>
                  Mute
                </Button>
                <Button pressed={call.held} onClick={() => line.hold(!call.held)}>
                  Hold
                </Button>
              </>
            )}
          </div>
          {call.heldByPeer && <Status level="warn">The other side holds the call</Status>}
          {phase === 'up' && <Keypad pressed={pressed} onPress={onPress} />}
        </>
      )}
    </section>
  )
}

const Phase = ({ call: { phase, direction, answered, ended, begun, held, outcome } }: { readonly call: LineCall }) => {
  switch (phase) {
    case 'calling':
      return <Status level="busy">Calling</Status>
    case 'ringing':
      return <Status level="busy">{direction === 'in' ? 'Rings here' : 'Rings there'}</Status>
    case 'up':
      return (
        <Status level={held ? 'warn' : 'ok'}>
          {held ? 'On hold' : 'Talking'} <Running at={answered ?? begun} />
        </Status>
      )
    default:
      return (
        <Status level={outcome?.failed === true ? 'error' : 'off'}>
          {outcome?.failed === true || answered === undefined ? 'Not connected' : `Over after ${clockText((ended ?? answered) - answered)}`}
        </Status>
      )
  }
}

/** What is heard is played, and both directions are shown. */
const Sound = ({ call, line }: { readonly call: LineCall; readonly line: Line }) => {
  const player = useRef<HTMLAudioElement>(null)
  const [heard, setHeard] = useState<MediaStream>()
  const [sent, setSent] = useState<MediaStream>()
  useEffect(() => {
    setSent(line.sending)
    const track = line.connection?.getReceivers().find(({ track: one }) => one?.kind === 'audio')?.track
    if (track === undefined) return
    const stream = new MediaStream([track])
    if (player.current !== null) player.current.srcObject = stream
    setHeard(stream)
  }, [line, call.id, call.phase])
  return (
    <div class="stack-small">
      {/* biome-ignore lint/a11y/useMediaCaption: the sound of a telephone call has no captions */}
      <audio ref={player} autoplay />
      <Meter label="You send" stream={sent} off={call.muted ? 'Muted' : call.held ? 'On hold' : undefined} />
      <Meter label="You hear" stream={heard} off={call.held || call.heldByPeer ? 'On hold' : undefined} />
    </div>
  )
}

/** About -50 dBFS. */
const AUDIBLE = 0.17
const SILENT_AFTER_MS = 1500

const Meter = ({
  label,
  stream,
  off,
}: {
  readonly label: string
  readonly stream: MediaStream | undefined
  readonly off: string | undefined
}) => {
  const bar = useRef<HTMLSpanElement>(null)
  const [sound, setSound] = useState(false)
  useEffect(() => {
    if (stream === undefined || stream.getAudioTracks().length === 0) return undefined
    const { level, stop } = levelOf(stream)
    let loudest = 0
    let last = Number.NEGATIVE_INFINITY
    let frame = 0
    const draw = (now: number): void => {
      const value = level()
      // It falls slowly, so that eyes can follow
      loudest = Math.max(value, loudest * 0.9)
      if (value > AUDIBLE) last = now
      setSound(now - last < SILENT_AFTER_MS)
      if (bar.current !== null) bar.current.style.transform = `scaleX(${loudest.toFixed(3)})`
      frame = requestAnimationFrame(draw)
    }
    frame = requestAnimationFrame(draw)
    return () => {
      cancelAnimationFrame(frame)
      stop()
    }
  }, [stream])
  return (
    <div class="meter">
      <span>{label}</span>
      <span class="meter-ground" aria-hidden="true">
        <span class="meter-bar" ref={bar} />
      </span>
      <span class={sound && off === undefined ? 'meter-word' : 'meter-word muted'}>{off ?? (sound ? 'Sound' : 'Silence')}</span>
    </div>
  )
}

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#']

const Keypad = ({ pressed, onPress }: { readonly pressed: string; readonly onPress: (key: string) => void }) => {
  const press = useRef(onPress)
  press.current = onPress
  useEffect(() => {
    const typed = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent): void => {
      if (!KEYS.includes(key) || ctrlKey || metaKey || altKey) return
      if (target instanceof HTMLElement && target.closest('input, textarea, select, dialog') !== null) return
      press.current(key)
    }
    addEventListener('keydown', typed)
    return () => removeEventListener('keydown', typed)
  }, [])
  return (
    <div class="keypad">
      <fieldset class="keypad-keys">
        <legend class="hidden">Keys</legend>
        {KEYS.map((key) => (
          <button key={key} type="button" class="button button-plain" onClick={() => onPress(key)}>
            {key}
          </button>
        ))}
      </fieldset>
      <p class="field-hint">{pressed === '' ? 'Keys of the keyboard work as well' : <span class="mono">{pressed}</span>}</p>
    </div>
  )
}

/** The figures of a call, second by second; those of one that is over stay. */
export const useFigures = (line: Line, call: LineCall | undefined): Figures | undefined => {
  const [kept, setKept] = useState<{ readonly id: string; readonly figures: Figures }>()
  const id = call?.id
  const running = call !== undefined && call.phase !== 'over'
  useEffect(() => {
    if (id === undefined || !running) return undefined
    let there = true
    const read = async (): Promise<void> => {
      const report = await line.connection?.getStats().catch(() => undefined)
      if (report === undefined || !there) return
      const entries: Entry[] = []
      report.forEach((entry: Entry) => void entries.push(entry))
      setKept({ id, figures: figuresOf(entries) })
    }
    void read()
    const timer = setInterval(read, 1000)
    return () => {
      there = false
      clearInterval(timer)
    }
  }, [line, id, running])
  return kept?.id === id ? kept?.figures : undefined
}

const Place = ({ of }: { readonly of: Candidate }) => (
  <>
    <span class="mono">{of.address === '' ? 'hidden by the browser' : of.address}</span>{' '}
    <span class="muted">
      {of.protocol.toUpperCase()}, {candidateText(of.type)}
    </span>
  </>
)

export const FiguresCard = ({ call, figures }: { readonly call: LineCall; readonly figures: Figures | undefined }) => {
  if (figures === undefined || figures.sentPackets + figures.heardPackets === 0)
    return (
      <Card title="Sound of this call">
        {call.phase === 'over' ? (
          <Empty title="No sound was exchanged" />
        ) : (
          <Empty title="No sound yet">Figures appear as soon as packets flow.</Empty>
        )}
      </Card>
    )
  const { sentCodec, heardCodec, srtpCipher, dtlsVersion, dtlsRole, dtlsCipher, local, remote, roundTripMs, jitterMs } = figures
  const ice = iceText(call.phase === 'over' ? 'closed' : figures.iceState)
  return (
    <Card title="Sound of this call" aside={call.phase === 'over' ? undefined : <Status level={ice.level}>{ice.text}</Status>}>
      <div class="columns">
        <Facts
          of={[
            [
              'Codec',
              sentCodec === heardCodec || heardCodec === undefined ? (sentCodec ?? '–') : `${sentCodec ?? '–'} out, ${heardCodec} in`,
            ],
            [
              'Encryption',
              <>
                {srtpCipher ?? 'SRTP'}
                {dtlsVersion !== undefined && (
                  <span class="muted">
                    , keys by {dtlsVersion}
                    {dtlsRole !== undefined && dtlsRole !== 'unknown' && `, this browser as its ${dtlsRole}`}
                  </span>
                )}
                {dtlsCipher !== undefined && <span class="muted phone-cipher">{dtlsCipher}</span>}
              </>,
            ],
            ice.remedy !== undefined && ['Way', ice.remedy],
            local !== undefined && ['From here', <Place key="here" of={local} />],
            remote !== undefined && ['To the edge', <Place key="there" of={remote} />],
          ]}
        />
        <Facts
          of={[
            ['Sent', `${countText(figures.sentPackets)} packets, ${bytesText(figures.sentBytes)}`],
            figures.missedPercent !== undefined && ['Lost there', percentText(figures.missedPercent)],
            ['Heard', `${countText(figures.heardPackets)} packets, ${bytesText(figures.heardBytes)}`],
            ['Lost here', `${countText(figures.lost)}${figures.lostPercent === undefined ? '' : `, ${percentText(figures.lostPercent)}`}`],
            ['Jitter', jitterMs === undefined ? '–' : tookText(jitterMs / 1000)],
            ['Round trip', roundTripMs === undefined ? '–' : tookText(roundTripMs / 1000)],
          ]}
        />
      </div>
    </Card>
  )
}
