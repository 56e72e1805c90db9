import { useMemo } from 'preact/hooks'
import { qrCode } from '../words/qr-code.ts'

/** Dark on light whatever the colours of the page are: that is what cameras look for. */
export const QrCode = ({ text, label }: { readonly text: string; readonly label: string }) => {
  const cells = useMemo(() => qrCode(text), [text])
  if (cells === undefined) return null
  const size = cells.length + 8
  const path = cells.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join('')
  return (
    <svg class="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  )
}
