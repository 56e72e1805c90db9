/** Who looks at the pages, and what they may. */
import { createStore, useStore } from '../store.ts'
import { ApiFailure, call, setCredentials } from './client.ts'
import type { Role, Session } from './types.ts'

export type SessionState =
  | { readonly kind: 'loading' }
  /** `ended`: there was a session a moment ago. */
  | { readonly kind: 'signed out'; readonly ended: boolean }
  /** Nobody has an account yet. */
  | { readonly kind: 'setup' }
  | { readonly kind: 'in'; readonly session: Session }
  | { readonly kind: 'failed'; readonly failure: ApiFailure }

export const sessionStore = createStore<SessionState>({ kind: 'loading' })

const current = (): Session | undefined => {
  const state = sessionStore.get()
  return state.kind === 'in' ? state.session : undefined
}

setCredentials({
  csrf: () => current()?.csrf,
  refused: ({ code }) => {
    if (code === 'setup-needed') sessionStore.set({ kind: 'setup' })
    else if (sessionStore.get().kind === 'in' && (code === 'session-over' || code === 'unauthorized'))
      sessionStore.set({ kind: 'signed out', ended: true })
  },
})

export const signedIn = (session: Session): void => sessionStore.set({ kind: 'in', session })

/** Asks who this is. Never rejects. */
export const readSession = async (): Promise<void> => {
  try {
    signedIn(await call<Session>('GET', '/session'))
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
    if (error.code === 'setup-needed') sessionStore.set({ kind: 'setup' })
    else if (error.status === 401) {
      if (sessionStore.get().kind !== 'signed out') sessionStore.set({ kind: 'signed out', ended: false })
    } else if (sessionStore.get().kind !== 'in') sessionStore.set({ kind: 'failed', failure: error })
  }
}

export const signOut = async (): Promise<void> => {
  await call('POST', '/logout')
  sessionStore.set({ kind: 'signed out', ended: false })
}

export const useSession = (): Session | undefined => {
  const state = useStore(sessionStore)
  return state.kind === 'in' ? state.session : undefined
}

const RANK: readonly Role[] = ['viewer', 'operator', 'admin']
export const ROLES = RANK

/** Whether whoever looks may do what needs this role: a button that would be refused is not shown. */
export const useMay = (needed: Role): boolean => {
  const session = useSession()
  return session !== undefined && RANK.indexOf(session.role) >= RANK.indexOf(needed)
}
