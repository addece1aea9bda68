// Tokens and numbers as people read them. Tokens are anybody's text: they only ever become text.

const LONGEST = 24

/** A token as a label: marks of tokenizers are spaces and line ends, which get a sign where nothing else is there. */
export function shown(token: string): string {
  const text = spaced(token)
  if (text.trim() === '') return text.includes('\n') ? '↵' : text === '' ? '∅' : '␣'
  const short = [...text.trim()]
  return short.length <= LONGEST ? short.join('') : short.slice(0, LONGEST - 1).join('') + '…'
}

/** A token as it stands in the text. */
export function spaced(token: string): string {
  return token.replace(/^[Ġ▁]+/u, (marks) => ' '.repeat(marks.length)).replace(/Ċ/gu, '\n')
}

const marked = new WeakMap<readonly string[], boolean>()

/** How a token of these stands in the text. Where none tells of a space they are words, or pieces that go on with ##. */
export function written(tokens: readonly string[]): (token: string, at: number) => string {
  if (!marked.has(tokens)) marked.set(tokens, tokens.some((token) => /[Ġ▁Ċ\s]/u.test(token)))
  if (marked.get(tokens)) return spaced
  return (token, at) => (/^##./u.test(token) ? token.slice(2) : at === 0 ? token : ` ${token}`)
}

export function weight(value: number): string {
  if (value === 0) return '0'
  return value >= 0.0995 ? value.toFixed(3) : value >= 0.001 ? value.toFixed(4) : value.toExponential(1)
}

/** A difference, with its sign. */
export function signed(value: number): string {
  return value === 0 ? '0' : `${value < 0 ? '−' : '+'}${weight(Math.abs(value))}`
}

export function small(value: number | null): string {
  return value === null ? 'not known' : value === 0 ? '0' : value.toExponential(1)
}

export const count = (value: number): string => value.toLocaleString('en')
