/** A sentence with `code` in it, as descriptions of the schema are written. */
export const Prose = ({ text }: { readonly text: string }) => (
  <>{text.split('`').map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : piece))}</>
)
