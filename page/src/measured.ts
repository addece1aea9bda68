// What was measured of a record's faithfulness, as it stands in the header, and what its measures mean.

export interface Finding {
  mean: number
  low: number
  high: number
  random: number | null
  best: number | null
  chance: number | null
}

export interface Measured {
  model: string
  passages: number
  protocol: { tokens: number; shares: number[]; orders: number; shuffles: number; seed: number }
  heads: { layer: string; head: number; findings: Record<string, Finding> }[]
}

export interface About {
  name: string
  title: string
  says: (how: Measured['protocol']) => string
  /** What the two ends of the bar are called; a measure without bounds has none. */
  bounds: [string, string] | null
}

const percent = (shares: number[]): string => shares.map((one) => `${Number((one * 100).toPrecision(3))}`).join(', ')

export const ABOUT: About[] = [
  {
    name: 'comprehensiveness', title: 'Erased: how far the answer falls', bounds: ['random order', 'best order'],
    says: (how) => `Without the ${percent(how.shares)} % of keys that the head reads most, the rest normalised anew. Higher: what it reads matters.`,
  },
  {
    name: 'sufficiency', title: 'Kept alone: how far the answer falls', bounds: ['random order', 'best order'],
    says: (how) => `With only the ${percent(how.shares)} % of keys that the head reads most. Lower: what it reads is enough.`,
  },
  {
    name: 'agreement', title: 'Left out one by one: agreement', bounds: ['no order', 'gradient'],
    says: () => 'Kendall’s tau of weights and of what leaving each key out changes; the gradient’s own tau is its ceiling.',
  },
  {
    name: 'permutation', title: 'Dealt out anew: change', bounds: null,
    says: (how) => `Median change of the probabilities over ${how.shuffles} shuffles of the weights. Near 0: it does not matter which key has which.`,
  },
]
