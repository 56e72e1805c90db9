import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { liveStore, retryLive } from './api/live.ts'
import { useResource } from './api/resource.ts'
import { signOut, useMay, useSession } from './api/session.ts'
import type { Calls, Certificates, State, TeamsView } from './api/types.ts'
import { AccountPage } from './pages/account.tsx'
import { AuditPage } from './pages/audit.tsx'
import { CallPage } from './pages/call.tsx'
import { CallsPage } from './pages/calls.tsx'
import { CertificatePage } from './pages/certificate.tsx'
import { NewCertificatePage } from './pages/certificate-new.tsx'
import { CertificatesPage } from './pages/certificates.tsx'
import { ConfigurationPage } from './pages/configuration.tsx'
import { LogPage } from './pages/log.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { RegistrationsPage } from './pages/registrations.tsx'
import { SecurityPage } from './pages/security.tsx'
import { SubscribersPage } from './pages/subscribers.tsx'
import { UsersPage } from './pages/users.tsx'
import { ZonesPage } from './pages/zones.tsx'
import { Button } from './parts/button.tsx'
import { Icon, type IconName, Mark } from './parts/icon.tsx'
import { lazily } from './parts/lazily.tsx'
import { Empty } from './parts/loaded.tsx'
import { Page } from './parts/page.tsx'
import { Tag } from './parts/status.tsx'
import { Ago } from './parts/time.tsx'
import { go, usePlace } from './place.ts'
import type { Place } from './routes.ts'
import { useSampling } from './samples.ts'
import { useStore } from './store.ts'
import { setTheme, THEMES, type Theme, themeStore } from './theme.ts'
import { countText } from './words/numbers.ts'
import { hasTeams, troublesOf } from './words/problems.ts'
import { worst } from './words/status.ts'

export const Shell = () => {
  const place = usePlace()
  const [open, setOpen] = useState(false)
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const where = JSON.stringify(place)

  // A page that was gone to is read from its title on
  useEffect(() => {
    setOpen(false)
    if (first.current) {
      first.current = false
      return
    }
    scrollTo(0, 0)
    document.getElementById('page-title')?.focus({ preventScroll: true })
  }, [where])
  useShortcuts(() => setOpen(false))

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <div class="shell">
        <header class="top">
          <Brand />
          <Button kind="quiet" icon={open ? 'close' : 'menu'} bare expanded={open} onClick={() => setOpen(!open)}>
            Menu
          </Button>
        </header>
        <aside class="side" data-open={open} aria-label="Edgeways">
          <Brand />
          <Navigation place={place} />
          <Foot />
        </aside>
        <div>
          <Broken />
          <main class="main" ref={main} tabIndex={-1}>
            <div class="main-inner">
              <PageAt place={place} />
            </div>
          </main>
        </div>
      </div>
    </>
  )
}

const Brand = () => (
  <a class="brand" href="#/">
    <Mark />
    Edgeways
  </a>
)

/** `/` goes to the search of the page, Escape closes the menu of narrow screens. */
const useShortcuts = (closeMenu: () => void): void => {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') closeMenu()
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
      const { target } = event
      if (target instanceof HTMLElement && target.closest('input, textarea, select, dialog, [contenteditable]') !== null) return
      const search = document.querySelector<HTMLInputElement>('[data-search]')
      if (search === null) return
      event.preventDefault()
      search.focus()
      search.select()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
}

const Navigation = ({ place }: { readonly place: Place }) => {
  const operates = useMay('operator')
  const administers = useMay('admin')
  const state = useResource<State>('/state', 'state').data
  useSampling(state)
  const certificates = useResource<Certificates>('/certificates', 'certificates').data?.certificates
  const calls = useResource<Calls>('/calls', 'calls').data?.total
  const teams = useResource<readonly TeamsView[]>(hasTeams(state) ? '/teams' : undefined, 'state').data
  const troubles = troublesOf({ state, certificates, teams })
  const badge = (to: (path: string) => boolean): ComponentChildren => {
    const own = troubles.filter((trouble) => to(trouble.to))
    return own.length > 0 && <Tag level={worst(own.map(({ level }) => level))}>{String(own.length)}</Tag>
  }
  const link = (page: Place['page'], icon: IconName, text: string, more?: ComponentChildren): ComponentChildren => {
    const current =
      place.page === page || (place.page === 'call' && page === 'calls') || (/certificate$/.test(place.page) && page === 'certificates')
    return (
      <a href={page === 'overview' ? '#/' : `#/${page}`} aria-current={current ? 'page' : undefined}>
        <Icon name={icon} />
        {text}
        {more && <span class="nav-badge">{more}</span>}
      </a>
    )
  }
  return (
    <nav class="nav" aria-label="Pages">
      <div class="nav-group">
        {link('overview', 'overview', 'Overview')}
        {link('calls', 'calls', 'Calls', calls !== undefined && calls > 0 && <Tag>{countText(calls)}</Tag>)}
        {link(
          'zones',
          'zones',
          'Zones',
          badge((to) => to === '/zones'),
        )}
        {link(
          'teams',
          'teams',
          'Teams',
          badge((to) => to.startsWith('/teams')),
        )}
        {link('registrations', 'registrations', 'Registrations')}
        {link('subscribers', 'subscribers', 'Subscribers')}
        {operates && link('phone', 'phone', 'Test phone')}
      </div>
      <div class="nav-group">
        {link(
          'certificates',
          'certificates',
          'Certificates',
          badge((to) => to.startsWith('/certificates')),
        )}
        {link('security', 'security', 'Security')}
        {operates &&
          link(
            'configuration',
            'configuration',
            'Configuration',
            badge((to) => to === '/configuration'),
          )}
        {operates && link('log', 'log', 'Log')}
      </div>
      {administers && (
        <div class="nav-group">
          {link('users', 'users', 'Users and tokens')}
          {link('audit', 'audit', 'Audit')}
        </div>
      )}
    </nav>
  )
}

const THEME_NAMES: Readonly<Record<Theme, string>> = { system: 'As the system', light: 'Light', dark: 'Dark' }

const Foot = () => {
  const session = useSession()
  const live = useStore(liveStore)
  const theme = useStore(themeStore)
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
  return (
    <div class="side-foot">
      <div class="live">
        <span class="live-dot" data-kind={live.kind}>
          {live.kind === 'live' ? 'Live' : live.kind === 'broken' ? 'Interrupted' : 'Connecting'}
        </span>
        <Button
          kind="quiet"
          icon={theme}
          bare
          title={`Colours: ${THEME_NAMES[theme].toLowerCase()}; press for ${THEME_NAMES[next].toLowerCase()}`}
          onClick={() => setTheme(next)}
        >
          {`Colours: ${THEME_NAMES[theme]}`}
        </Button>
      </div>
      <div class="who">
        <div class="who-name">
          {session?.by === 'session' ? <a href="#/account">{session.user}</a> : <span class="strong">{session?.user}</span>}
          <span class="muted small">{session?.role}</span>
        </div>
        {session?.by === 'session' && (
          <Button kind="quiet" icon="out" bare onClick={signOut}>
            Sign out
          </Button>
        )}
      </div>
    </div>
  )
}

/** The stream of events is down: what stands here is old. */
const Broken = () => {
  const live = useStore(liveStore)
  if (live.kind !== 'broken') return null
  return (
    <div class="broken" role="status">
      <span>
        No connection to the edge since <Ago at={live.since} />; what you see is from then.
      </span>
      <Button icon="again" onClick={retryLive}>
        Try now
      </Button>
    </div>
  )
}

/** With JsSIP, which nobody else needs. */
const PhonePage = lazily('Test phone', async () => (await import('./pages/phone.tsx')).PhonePage)

/** With the wizard, which is used once. */
const TeamsPages = lazily('Microsoft Teams', async () => (await import('./pages/teams.tsx')).TeamsPages)

const PageAt = ({ place }: { readonly place: Place }) => {
  const operates = useMay('operator')
  const administers = useMay('admin')
  switch (place.page) {
    case 'overview':
      return <OverviewPage />
    case 'calls':
      return <CallsPage part={place.part} />
    case 'call':
      return <CallPage key={place.id} id={place.id} />
    case 'zones':
      return <ZonesPage />
    case 'teams':
      return <TeamsPages />
    case 'registrations':
      return <RegistrationsPage />
    case 'subscribers':
      return <SubscribersPage />
    case 'phone':
      return operates ? <PhonePage /> : <NotAllowed title="Test phone" needs="operator" />
    case 'certificates':
      return <CertificatesPage />
    case 'new certificate':
      return administers ? <NewCertificatePage /> : <NotAllowed title="Add a certificate" needs="admin" />
    case 'certificate':
      return <CertificatePage key={place.name} name={place.name} />
    case 'security':
      return <SecurityPage />
    case 'configuration':
      return operates ? <ConfigurationPage part={place.part} /> : <NotAllowed title="Configuration" needs="operator" />
    case 'log':
      return operates ? <LogPage /> : <NotAllowed title="Log" needs="operator" />
    case 'users':
      return administers ? <UsersPage /> : <NotAllowed title="Users and tokens" needs="admin" />
    case 'audit':
      return administers ? <AuditPage /> : <NotAllowed title="Audit" needs="admin" />
    case 'account':
      return <AccountPage />
    case 'unknown':
      return (
        <Page title="There is no such page">
          <Empty title={`Nothing is at ${place.path}`}>
            <Button kind="primary" onClick={() => go('/')}>
              To the overview
            </Button>
          </Empty>
        </Page>
      )
  }
}

const NotAllowed = ({ title, needs }: { readonly title: string; readonly needs: string }) => (
  <Page title={title}>
    <Empty title={`This page needs the role ${needs}`}>
      <p>Ask somebody with the role admin to change yours.</p>
    </Empty>
  </Page>
)
