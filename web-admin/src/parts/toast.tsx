import { drop, toasts } from '../notices.ts'
import { useStore } from '../store.ts'
import { Button } from './button.tsx'
import { Shape } from './status.tsx'

export const Toasts = () => {
  const shown = useStore(toasts)
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, level, text }) => (
        <div key={id} class={`toast toast-${level}`}>
          <Shape level={level} named />
          <p>{text}</p>
          <Button kind="quiet" icon="close" bare onClick={() => drop(id)}>
            Dismiss
          </Button>
        </div>
      ))}
    </div>
  )
}
