import type { ComponentChildren } from 'preact'
import type { ApiFailure } from '../api/client.ts'
import type { Resource } from '../api/resource.ts'
import { Button } from './button.tsx'
import { Note } from './status.tsx'

export const failureText = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure))

export const Failure = ({ failure, retry }: { readonly failure: ApiFailure; readonly retry?: () => unknown }) => (
  <Note
    level="error"
    title={failure.status === 0 ? 'Not reachable' : failure.status === 403 ? 'Not allowed' : 'This could not be read'}
    actions={
      retry !== undefined && (
        <Button icon="again" onClick={retry}>
          Try again
        </Button>
      )
    }
  >
    <p>{failure.message}</p>
  </Note>
)

/** While an answer is on its way: lines of the shape of what comes. */
export const Waiting = ({ lines = 4 }: { readonly lines?: number }) => (
  <div class="waiting" role="status" aria-label="Loading">
    {Array.from({ length: lines }, (_, line) => (
      <span key={line} class="waiting-line" />
    ))}
  </div>
)

export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children}
  </div>
)

/** What is there, what is on its way, or why there is nothing. An answer from before stays when a later one fails. */
export const Loaded = <T,>({
  from,
  lines,
  children,
}: {
  readonly from: Resource<T>
  readonly lines?: number
  readonly children: (data: T) => ComponentChildren
}) => {
  const { data, failure, reload } = from
  return (
    <>
      {failure !== undefined && <Failure failure={failure} retry={reload} />}
      {data !== undefined ? children(data) : failure === undefined && <Waiting {...(lines !== undefined && { lines })} />}
    </>
  )
}
