import { useEffect, useState } from 'preact/hooks'
import type { Phone, PhoneZone } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { Check, SelectField, TextField } from '../parts/field.tsx'
import { Card } from '../parts/page.tsx'
import type { KeyWay } from '../phone/line.ts'
import type { PhoneSettings } from '../phone/settings.ts'
import { type Microphone, microphones, TONE } from '../phone/sound.ts'

/** What a new connection is made with. */
export interface OwnSettingsValue extends Pick<PhoneSettings, 'zone' | 'by' | 'user'> {
  readonly password: string
}

const useMicrophones = (): readonly Microphone[] => {
  const [list, setList] = useState<readonly Microphone[]>([])
  useEffect(() => {
    const { mediaDevices } = navigator
    const read = (): void => void microphones().then(setList, () => {})
    read()
    mediaDevices?.addEventListener('devicechange', read)
    // Names come with the permission
    addEventListener('focusin', read)
    return () => {
      mediaDevices?.removeEventListener('devicechange', read)
      removeEventListener('focusin', read)
    }
  }, [])
  return list
}

const KEY_WAYS: readonly (readonly [KeyWay, string])[] = [
  ['RFC2833', 'In the sound (RFC 4733)'],
  ['INFO', 'As INFO requests'],
]

/** What people choose for the phone. */
export const OwnSettings = ({
  view,
  zone,
  settings,
  usual,
  onSound,
  onApply,
}: {
  readonly view: Phone
  readonly zone: PhoneZone
  readonly settings: PhoneSettings
  /** The name when none is chosen. */
  readonly usual: string
  readonly onSound: (value: Partial<Pick<PhoneSettings, 'source' | 'cleaned' | 'keys'>>) => void
  readonly onApply: (value: OwnSettingsValue) => void
}) => {
  const [draft, setDraft] = useState<OwnSettingsValue>({ zone: zone.name, by: settings.by, user: settings.user, password: '' })
  const list = useMicrophones()
  const set = (value: Partial<OwnSettingsValue>): void => setDraft((before) => ({ ...before, ...value }))
  const drafted = view.zones.find(({ name }) => name === draft.zone) ?? zone
  const listener = drafted.listeners.find(({ name }) => name === draft.by)
  const page = listener?.url.replace(/^wss:/, 'https:')
  // A page of https may open no socket without TLS
  const reachable = drafted.listeners.filter(({ url }) => url.startsWith('wss:') || location.protocol === 'http:')
  const sources: readonly (readonly [string, string])[] = [
    ['', 'The usual microphone'],
    ...list
      .filter(({ id }) => id !== 'default')
      .map(({ id, label }, index) => [id, label === '' ? `Microphone ${index + 1}` : label] as const),
    [TONE, 'A test tone, without a microphone'],
  ]
  return (
    <>
      <Card title="Sound">
        <div class="stack">
          <SelectField
            label="What you send"
            value={sources.some(([id]) => id === settings.source) ? settings.source : ''}
            options={sources}
            hint="From the next call on"
            onValue={(source) => onSound({ source })}
          />
          <Check
            label="Let the browser clean it: echo cancellation, noise suppression, gain control"
            checked={settings.cleaned}
            onValue={(cleaned) => onSound({ cleaned })}
          />
          <SelectField label="Keys" value={settings.keys} options={KEY_WAYS} onValue={(keys) => onSound({ keys })} />
        </div>
      </Card>
      <Card title="Connection">
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault()
            onApply(draft)
          }}
        >
          {view.zones.length > 1 && (
            <SelectField
              label="Zone to enter by"
              value={drafted.name}
              options={view.zones.map(({ name }) => [name, name] as const)}
              onValue={(name) => set({ zone: name, by: '' })}
            />
          )}
          <SelectField
            label="Connect by"
            value={listener?.name ?? ''}
            options={[['', 'The port of this page'], ...reachable.map(({ name, url }) => [name, `${name}, ${url}`] as const)]}
            hint={
              page?.startsWith('https:') && (
                <>
                  As browsers out there do. This one has to trust the certificate of the listener:{' '}
                  <a href={page} target="_blank" rel="noreferrer">
                    open it once
                  </a>{' '}
                  and accept it, if the phone gets no connection.
                </>
              )
            }
            onValue={(by) => set({ by })}
          />
          <TextField
            label="Name"
            hint={drafted.authenticate ? 'Of a subscriber; empty: one for tests' : undefined}
            placeholder={usual}
            spellcheck={false}
            autocomplete="off"
            autocapitalize="off"
            value={draft.user}
            onValue={(user) => set({ user: user.trim() })}
          />
          <TextField
            label="Password"
            hint={drafted.authenticate ? 'Empty: the edge lends credentials for a while' : 'Only if the PBX asks for one'}
            type="password"
            autocomplete="off"
            value={draft.password}
            onValue={(password) => set({ password })}
          />
          <div>
            <Button type="submit" icon="again">
              Connect with these
            </Button>
          </div>
        </form>
      </Card>
    </>
  )
}
