/** A secret from whoever is at the terminal, or from the standard input. */
import type { ReadStream } from 'node:tty'

/** Of a password and its line break; more is no password. */
const LONGEST = 1024

/** @param input the standard input @param output where the question goes; what is typed is not shown */
export const askPassword =
  (input: NodeJS.ReadStream, output: { write(text: string): unknown }) =>
  (question: string): Promise<string> =>
    input.isTTY ? typed(input, output, question) : firstLine(input)

const firstLine = async (input: AsyncIterable<Buffer | string>): Promise<string> => {
  let text = ''
  for await (const part of input) {
    text += part.toString()
    if (text.length > LONGEST) break
  }
  return text.split(/\r?\n/, 1)[0]!
}

const typed = (input: ReadStream, output: { write(text: string): unknown }, question: string): Promise<string> =>
  new Promise((resolve) => {
    let text = ''
    output.write(question)
    input.setEncoding('utf8')
    input.setRawMode(true)
    input.resume()
    const end = () => {
      input.off('data', read)
      input.setRawMode(false)
      input.pause()
      output.write('\n')
    }
    const read = (part: string | Buffer) => {
      for (const character of part.toString()) {
        if (character === '\r' || character === '\n' || character === '\x04') {
          end()
          resolve(text)
          return
        }
        if (character === '\x03') {
          end()
          process.exit(130)
        }
        // Backspace, and the whole line
        if (character === '\x7f' || character === '\b') text = [...text].slice(0, -1).join('')
        else if (character === '\x15') text = ''
        else if (text.length < LONGEST) text += character
      }
    }
    input.on('data', read)
  })
