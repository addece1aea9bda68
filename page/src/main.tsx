// Where the page begins: a record in the file itself, or one that is served.

import { render } from 'preact'
import './page.css'
import { App } from './app'
import { beside } from './beside'
import { embedded } from './embedded'
import { served } from './served'
import type { Source } from './source'
import { Page } from './state'

async function found(): Promise<Source> {
  const data = document.getElementById('regard-record')
  const first = data ? await embedded(data.textContent!) : served('/api')
  if (!(await first.record()).sides) return first
  return beside(first, data ? await embedded(document.getElementById('regard-other')!.textContent!) : served('/other'))
}

async function begin(): Promise<Page | null> {
  const root = document.getElementById('page')!
  try {
    const source = await found()
    const page = new Page(source, await source.record())
    root.textContent = ''
    render(<App page={page} />, root)
    return page
  } catch (error) {
    root.textContent = `This record cannot be shown: ${(error as Error).message}`
    return null
  }
}

/** For a console: `(await regard.opened).source.tile({ layer: 0, head: 0, ... })` gives the numbers of a picture. */
export const opened = begin()
