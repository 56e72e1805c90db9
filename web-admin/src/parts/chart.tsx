/** The last values of something, without axes: whether it goes up or down. */
export const Sparkline = ({ values, label }: { readonly values: readonly number[]; readonly label: string }) => {
  if (values.length < 2) return null
  const top = Math.max(1, ...values)
  const points = values.map(
    (value, index) => `${((index / Math.max(1, values.length - 1)) * 100).toFixed(1)},${(27 - (value / top) * 24).toFixed(1)}`,
  )
  return (
    <svg class="sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={label}>
      <polygon points={`0,28 ${points.join(' ')} 100,28`} />
      <polyline points={points.join(' ')} />
    </svg>
  )
}

/** A share from 0 to 1, with a mark on the way. */
export const Bar = ({
  share,
  mark,
  level,
  label,
}: {
  readonly share: number
  readonly mark?: number | undefined
  readonly level: string
  readonly label: string
}) => (
  <svg class={`bar bar-${level}`} viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={label}>
    <rect class="bar-all" width="100" height="6" rx="1" />
    <rect class="bar-done" width={(share * 100).toFixed(1)} height="6" rx="1" />
    {mark !== undefined && <rect class="bar-mark" x={(mark * 100 - 0.5).toFixed(1)} width="1" height="6" />}
  </svg>
)
