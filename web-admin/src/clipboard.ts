/** Puts a text where it can be pasted from. @throws Error with what to do instead, where the browser lets pages copy nothing */
export const copyText = async (text: string): Promise<void> => {
  if (navigator.clipboard === undefined)
    throw new Error(
      'Browsers let pages copy only when they were loaded securely: open the web admin by its https address, or mark the text',
    )
  await navigator.clipboard.writeText(text)
}
