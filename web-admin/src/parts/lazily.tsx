import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Button } from './button.tsx'
import { Waiting } from './loaded.tsx'
import { Page } from './page.tsx'
import { Note } from './status.tsx'

/** A page whose script is loaded when somebody goes there for the first time. */
export const lazily = (title: string, load: () => Promise<ComponentType>): ComponentType => {
  let loaded: ComponentType | undefined
  return () => {
    const [, draw] = useState<unknown>()
    const [failed, setFailed] = useState(false)
    useEffect(() => {
      if (loaded !== undefined) return
      load().then(
        (component) => {
          loaded = component
          draw({})
        },
        () => setFailed(true),
      )
    }, [])
    if (loaded !== undefined) {
      const Loaded = loaded
      return <Loaded />
    }
    return (
      <Page title={title}>
        {failed ? (
          <Note level="error" title="This page could not be loaded">
            <p>Either the edge cannot be reached, or it has become a newer one in the meantime: load everything anew.</p>
            <Button icon="again" onClick={() => location.reload()}>
              Load anew
            </Button>
          </Note>
        ) : (
          <section class="card">
            <Waiting lines={5} />
          </section>
        )}
      </Page>
    )
  }
}
