// Sentences of a text, as ranges of its tokens.

import { written } from './words'

export interface Sentence { first: number; end: number }

const LONGEST = 80
/** What ends a sentence, and what may still stand behind it. */
const ENDS = /[.!?…。！？؟।]["'”’»)\]]*$/u

const known = new WeakMap<readonly string[], Sentence[]>()

/** A sentence ends with a sign that says so before a space, with its line, or where it is too long to be one. */
export function sentences(tokens: readonly string[]): Sentence[] {
  const found = known.get(tokens) ?? split(tokens)
  known.set(tokens, found)
  return found
}

function split(tokens: readonly string[]): Sentence[] {
  const write = written(tokens)
  const texts = tokens.map(write)
  const found: Sentence[] = []
  let [first, text] = [0, '']
  for (let at = 0; at < texts.length; at++) {
    text = (text + texts[at]).slice(-8)
    const next = texts[at + 1] ?? ' '
    const apart = /^\s/u.test(next)
    const line = /\n\s*$/u.test(texts[at]) || /^\s*\n/u.test(next)
    const ends = line || (apart && ENDS.test(text.trimEnd())) || at + 1 - first >= LONGEST
    if (!ends && at + 1 < texts.length) continue
    // Lines that are empty belong to what stands before them.
    if (found.length && texts.slice(first, at + 1).every((one) => one.trim() === '')) found[found.length - 1].end = at + 1
    else found.push({ first, end: at + 1 })
    first = at + 1
    text = ''
  }
  return found
}

/** The sum of what is read of each. */
export function sums(of: readonly Sentence[], line: Float32Array): number[] {
  return of.map(({ first, end }) => line.subarray(first, end).reduce((sum, one) => sum + one, 0))
}
