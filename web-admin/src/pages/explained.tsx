import { useResource } from '../api/resource.ts'
import { explainPath, type Said } from '../ladder/reason.ts'
import { CopyButton } from '../parts/button.tsx'
import { Note } from '../parts/status.tsx'

interface Explanation {
  readonly meaning: string
  readonly remedy: string
  readonly guid?: string
}

/** What Microsoft meant, where that is known; else nothing. */
export const Explained = ({ said }: { readonly said: Said }) => {
  const { data } = useResource<Explanation>(explainPath(said))
  if (data === undefined) return null
  return (
    <Note level="warn" title={data.meaning}>
      <p>{data.remedy}</p>
      {data.guid !== undefined && (
        <p class="fingerprint muted">
          <span>
            For Microsoft’s support: <span class="mono">{data.guid}</span>
          </span>
          <CopyButton text={data.guid} what="Identifier" />
        </p>
      )}
    </Note>
  )
}
