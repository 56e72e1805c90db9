/** Colours for YAML, one line at a time: enough to tell keys, texts and comments apart. */

export type Piece = readonly [kind: 'key' | 'text' | 'mark' | 'comment' | 'word' | 'plain', text: string]

const TOKEN =
  /(\s+#.*$|^#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')(\s*:(?=\s|$))?|([{}[\],]|^\s*-(?=\s)|(?<=^\s*(?:-\s+)*)-(?=\s))|([^\s"'{}[\],#][^\s{}[\],]*(?:[ \t]+[^\s{}[\],#][^\s{}[\],]*)*?)(:(?=\s|$))|([^\s{}[\],]+)|(\s+)/g

/** The pieces joined are the line. */
export const piecesOf = (line: string): readonly Piece[] => {
  const pieces: Piece[] = []
  for (const [all, comment, quoted, quotedColon, mark, key, colon, word] of line.matchAll(TOKEN)) {
    if (comment !== undefined) pieces.push(['comment', comment])
    else if (quoted !== undefined) {
      pieces.push([quotedColon === undefined ? 'text' : 'key', quoted])
      if (quotedColon !== undefined) pieces.push(['mark', quotedColon])
    } else if (mark !== undefined) pieces.push(['mark', mark])
    else if (key !== undefined) pieces.push(['key', key], ['mark', colon!])
    else if (word !== undefined) pieces.push([/^(?:true|false|null|off|\d+[a-z]?)$/.test(word) ? 'word' : 'plain', word])
    else pieces.push(['plain', all])
  }
  return pieces
}
